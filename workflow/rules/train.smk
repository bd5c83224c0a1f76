rule train:
    input:
        dataset="<results>/dataset/dataset.h5",
        prior="<results>/prior/prior.json",
        launcher=ancient(LAUNCHER),
    output:
        model="<results>/train/seed-{seed}/model.eqx",
        metrics="<results>/train/seed-{seed}/metrics.jsonl",
    log:
        "<logs>/train/seed-{seed}.log",
    conda:
        "../../envs/cgpipe-cuda.yaml"
    benchmark:
        "<benchmarks>/train/seed-{seed}.tsv"
    threads: CONFIG.cluster.cpus_per_node
    resources:
        **train_resources(CONFIG.cluster),
        mem_mb=32000,
        runtime=1440,
    params:
        *source_code("train"),
        decisive=json.dumps(training_that_matters(stage_settings(CONFIG, PROTEINS, "train"))),
        # depends on the output by name only, so that Snakemake leaves it out of what has changed: `decisive` says it all
        settings=lambda wildcards, output: settings_json(CONFIG, PROTEINS, "train"),
        # not an output: Snakemake deletes outputs before each attempt, and a retry resumes from here
        checkpoints=lambda wildcards, output: str(Path(output.model).with_name("checkpoint")),
    message:
        "Training seed {wildcards.seed}"
    shell:
        launch("train")
        + " --settings {params.settings:q} --seed {wildcards.seed} --dataset {input.dataset} --prior {input.prior}"
        " --out {output.model} --metrics {output.metrics} --checkpoints {params.checkpoints} > {log} 2>&1"
