MEAN_FORCES = [
    (f"--{key.replace('_', '-')}", name, file)
    for key, kind in (("mean_force", "test"), ("mean_force_train", "train"))
    for name in PROTEINS.proteins
    if (file := mean_forces(name, key, kind))
]


rule dataset:
    input:
        projections=expand("<results>/project/{protein}.h5", protein=PROTEINS.proteins),
        mean_forces=[file for _, _, file in MEAN_FORCES],
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
        *source_code("dataset"),
        settings=settings("dataset"),
        mean_forces=lambda wildcards, input: shlex.join(
            word
            for (option, name, _), file in zip(MEAN_FORCES, input.get("mean_forces", []))
            for word in (option, name, file)
        ),
        npz=lambda wildcards, output: f"--npz {output.npz}" if output.npz else "",
    message:
        "Dividing {input.projections} into sets and padding them"
    shell:
        "NPROC={threads} python -m cgpipe.dataset --settings {params.settings:q} --projections {input.projections} {params.mean_forces}"
        " --out {output.dataset} {params.npz} --summary {output.summary} > {log} 2>&1"
