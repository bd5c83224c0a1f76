MEAN_FORCES = {
    key: {name: getattr(block, key) for name, block in PROTEINS.proteins.items() if getattr(block, key)}
    for key in ("mean_force", "mean_force_train")
}


rule dataset:
    input:
        projections=expand("<results>/project/{protein}.h5", protein=PROTEINS.proteins),
        mean_forces=[file for files in MEAN_FORCES.values() for file in files.values()],
        code=source_code("dataset"),
    output:
        dataset="<results>/dataset/dataset.h5",
        npz=branch(CONFIG.dataset.npz, then="<results>/dataset/dataset.npz", otherwise=[]),
        summary=report("<results>/dataset/dataset.json", caption="../report/dataset.rst", category="Dataset"),
    log:
        "<logs>/dataset.log",
    conda:
        "../../envs/cgpipe.yaml"
    benchmark:
        "<benchmarks>/dataset.tsv"
    threads: 1
    resources:
        mem_mb=16000,
        runtime=120,
    params:
        settings=settings("dataset"),
        mean_forces=" ".join(
            shlex.join([f"--{key.replace('_', '-')}", *pair])
            for key, files in MEAN_FORCES.items()
            for pair in files.items()
        ),
        npz=lambda wildcards, output: f"--npz {output.npz}" if output.npz else "",
    message:
        "Dividing {input.projections} into sets and padding them"
    shell:
        "NPROC={threads} python -m cgpipe.dataset --settings {params.settings:q} --projections {input.projections} {params.mean_forces}"
        " --out {output.dataset} {params.npz} --summary {output.summary} > {log} 2>&1"
