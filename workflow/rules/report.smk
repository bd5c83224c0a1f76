rule report:
    input:
        projections=expand("<results>/project/{protein}.h5", protein=PROTEINS.proteins),
        dataset="<results>/dataset/dataset.json",
        prior="<results>/prior/prior.json",
        prior_figure="<results>/prior/prior.png",
        metrics=expand("<results>/train/seed-{seed}/metrics.jsonl", seed=SEEDS),
        ensemble="<results>/ensemble/ensemble.json",
        program=f"<results>/export/{CONFIG.simulate.member}/model.json",
        parity=expand("<results>/export/{member}/parity.json", member=CONFIG.members),
        simulations=expand(
            "<results>/simulate/{protein}/{member}/{replica}/simulation.json",
            protein=PROTEINS.proteins,
            member=CONFIG.simulate.member,
            replica=REPLICAS,
        ),
        validations=expand("<results>/validate/{protein}.json", protein=PROTEINS.proteins),
        stabilities=expand(
            "<results>/stability/{protein}.json", protein=PROTEINS.proteins if CONFIG.stability.enabled else []
        ),
    output:
        html=report("<results>/report.html", caption="../report/report.rst", category="Report"),
        summary="<results>/summary.json",
    log:
        "<logs>/report.log",
    conda:
        "../../envs/cgpipe.yaml"
    benchmark:
        "<benchmarks>/report.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        *source_code("report"),
        settings=settings("report"),
        results=subpath(output.html, parent=True),
    message:
        "Writing {output.html}"
    shell:
        "NPROC={threads} python -m cgpipe.report --settings {params.settings:q} --results {params.results}"
        " --out {output.html} --summary {output.summary} > {log} 2>&1"
