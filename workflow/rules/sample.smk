rule sample:
    input:
        pdb=lambda wildcards: PROTEINS.proteins[wildcards.protein].pdb or [],
    output:
        trajectory="<results>/allatom/{protein}/{replica}.h5",
    log:
        "<logs>/sample/{protein}/{replica}.log",
    conda:
        "../../envs/cgpipe.yaml"
    benchmark:
        "<benchmarks>/sample/{protein}/{replica}.tsv"
    wildcard_constraints:
        protein=one_of(SAMPLED),
    threads: 1  # with more, OpenMM sums forces in changing order, and a resumed run would be another one
    resources:
        mem_mb=2000,
        runtime=1440,
    params:
        *source_code("sample"),
        settings=settings("sample"),
        # not an output: Snakemake deletes outputs before each attempt, and a retry resumes from here
        partial=lambda wildcards, output: str(Path(output.trajectory).with_suffix(".partial")),
    message:
        "Sampling {wildcards.protein}, replica {wildcards.replica}"
    shell:
        "NPROC={threads} python -m cgpipe.sample --settings {params.settings:q} --protein {wildcards.protein}"
        " --replica {wildcards.replica} --out {output.trajectory} --partial {params.partial} > {log} 2>&1"
