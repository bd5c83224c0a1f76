rule prior:
    input:
        dataset="<results>/dataset/dataset.h5",
    output:
        prior="<results>/prior/prior.json",
        figure=report("<results>/prior/prior.png", caption="../report/prior.rst", category="Prior"),
    log:
        "<logs>/prior.log",
    conda:
        "../../envs/cgpipe.yaml"
    benchmark:
        "<benchmarks>/prior.tsv"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        *source_code("prior"),
        settings=settings("prior"),
    message:
        "Fitting the prior"
    shell:
        "NPROC={threads} JAX_PLATFORMS=cpu python -m cgpipe.prior --settings {params.settings:q} --dataset {input.dataset}"
        " --out {output.prior} --figure {output.figure} > {log} 2>&1"
