rule ensemble:
    input:
        metrics=expand("<results>/train/seed-{seed}/metrics.jsonl", seed=SEEDS),
        models=expand("<results>/train/seed-{seed}/model.eqx", seed=SEEDS),
        dataset="<results>/dataset/dataset.h5",
        code=source_code("ensemble"),
    output:
        ensemble=report("<results>/ensemble/ensemble.json", caption="../report/ensemble.rst", category="Ensemble"),
    log:
        "<logs>/ensemble.log",
    conda:
        "../../envs/cgpipe.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    message:
        "Choosing the best of {input.models}"
    shell:
        "NPROC={threads} python -m cgpipe.ensemble --metrics {input.metrics} --models {input.models}"
        " --dataset {input.dataset} --out {output.ensemble} > {log} 2>&1"
