include: "workflow/Snakefile"


workflow.default_target = "all"  # an include keeps its default target to itself
