rule gather:
    input:
        replicas=lambda wildcards: expand(
            "<results>/allatom/{protein}/{replica}.h5",
            protein=wildcards.protein,
            replica=range(PROTEINS.proteins[wildcards.protein].replicas),
        ),
    output:
        trajectories="<results>/allatom/{protein}.h5",
    log:
        "<logs>/gather/{protein}.log",
    conda:
        "../../envs/cgpipe.yaml"
    wildcard_constraints:
        protein=one_of(SAMPLED),
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        *source_code("gather"),
    message:
        "Gathering the replicas of {wildcards.protein}"
    shell:
        "NPROC={threads} python -m cgpipe.gather --protein {wildcards.protein} --replicas {input.replicas}"
        " --out {output.trajectories} > {log} 2>&1"
