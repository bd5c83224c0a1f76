rule project:
    input:
        trajectory=all_atom_data,
    output:
        projection="<results>/project/{protein}.h5",
    log:
        "<logs>/project/{protein}.log",
    conda:
        "../../envs/cgpipe.yaml"
    benchmark:
        "<benchmarks>/project/{protein}.tsv"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        *source_code("project"),
        settings=settings("project"),
    message:
        "Projecting the forces of {wildcards.protein} onto beads"
    shell:
        "NPROC={threads} GLIBC_TUNABLES=$TUNABLES_OF_ONE_HEAP python -m cgpipe.project --settings {params.settings:q}"
        " --protein {wildcards.protein} --out {output.projection} > {log} 2>&1"
