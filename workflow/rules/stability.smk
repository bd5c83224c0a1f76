rule stability:
    input:
        program="<results>/export/best/model.json",
        model="<results>/export/best/model.eqx",
        models=expand("<results>/train/seed-{seed}/model.eqx", seed=SEEDS),
        projection="<results>/project/{protein}.h5",
        dataset="<results>/dataset/dataset.h5",
    output:
        stability=report("<results>/stability/{protein}.json", caption="../report/stability.rst", category="Validation"),
    log:
        "<logs>/stability/{protein}.log",
    conda:
        "../../envs/cgpipe.yaml"
    benchmark:
        "<benchmarks>/stability/{protein}.tsv"
    threads: min(CONFIG.stability.replicas, 8)
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        *source_code("stability"),
        settings=settings("stability"),
    message:
        "Trying how hot and how fast {wildcards.protein} can be simulated"
    shell:
        "NPROC={threads} JAX_NUM_CPU_DEVICES={threads} JAX_PLATFORMS=cpu python -m cgpipe.stability"
        " --settings {params.settings:q} --program {input.program} --models {input.models}"
        " --projection {input.projection} --dataset {input.dataset} --out {output.stability} > {log} 2>&1"
