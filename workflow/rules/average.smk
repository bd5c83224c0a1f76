rule average:
    input:
        projection="<results>/project/{protein}.h5",
        trajectories="<results>/allatom/{protein}.h5",
    output:
        labels="<results>/average/{protein}.{set}.npz",
        summary="<results>/average/{protein}.{set}.json",
    log:
        "<logs>/average/{protein}.{set}.log",
    conda:
        "../../envs/cgpipe.yaml"
    benchmark:
        "<benchmarks>/average/{protein}.{set}.tsv"
    wildcard_constraints:
        protein=one_of(SAMPLED),
        set="test|train",
    threads: 1  # as in sample
    resources:
        mem_mb=4000,
        runtime=1440,
    params:
        *source_code("average"),
        settings=settings("average"),
        # not an output: Snakemake deletes outputs before each attempt, and a retry resumes from here
        partial=lambda wildcards, output: str(Path(output.labels).with_suffix(".partial")),
    message:
        "Averaging the forces of {wildcards.protein} at fixed beads ({wildcards.set})"
    shell:
        "NPROC={threads} python -m cgpipe.average --settings {params.settings:q} --projection {input.projection}"
        " --trajectories {input.trajectories} --set {wildcards.set} --out {output.labels} --summary {output.summary}"
        " --partial {params.partial} > {log} 2>&1"
