# Nothing needs it: `cgpipe cluster-check` asks for it, to try what a training will go through.
rule cluster_check:
    input:
        launcher=ancient(LAUNCHER),
    output:
        "<results>/cluster-check.txt",
    log:
        "<logs>/cluster-check.log",
    conda:
        "../../envs/cgpipe-cuda.yaml"
    threads: CONFIG.cluster.cpus_per_node
    resources:
        **train_resources(CONFIG.cluster),
        mem_mb=32000,
        runtime=10,
    message:
        "Looking at the nodes that a training would get"
    shell:
        launch("cluster_probe") + " --devices {resources.gpus_per_node} --shared {output} > {log} 2>&1"
