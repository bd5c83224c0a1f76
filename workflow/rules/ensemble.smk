SIMULATED = CONFIG.ensemble.select == "dynamics"

if not SIMULATED:

    localrules:
        ensemble,


rule ensemble:
    input:
        metrics=expand("<results>/train/seed-{seed}/metrics.jsonl", seed=SEEDS),
        models=expand("<results>/train/seed-{seed}/model.eqx", seed=SEEDS),
        dataset="<results>/dataset/dataset.h5",
    output:
        ensemble=report("<results>/ensemble/ensemble.json", caption="../report/ensemble.rst", category="Ensemble"),
    log:
        "<logs>/ensemble.log",
    conda:
        "../../envs/cgpipe.yaml"
    threads: 1
    resources:
        mem_mb=8000 if SIMULATED else 2000,
        runtime=240 if SIMULATED else 10,
    params:
        *source_code("ensemble"),
        settings=settings("ensemble"),
    message:
        "Choosing the best of {input.models}"
    shell:
        "NPROC={threads} JAX_PLATFORMS=cpu python -m cgpipe.ensemble --settings {params.settings:q} --metrics {input.metrics} --models {input.models}"
        " --dataset {input.dataset} --out {output.ensemble} > {log} 2>&1"
