rule export:
    input:
        ensemble="<results>/ensemble/ensemble.json",
        models=expand("<results>/train/seed-{seed}/model.eqx", seed=SEEDS),
        dataset="<results>/dataset/dataset.h5",
    output:
        model="<results>/export/{member}/model.eqx",
        mlir="<results>/export/{member}/model.mlir",
        jaxexp="<results>/export/{member}/model.jaxexp",
        pickle="<results>/export/{member}/params.pkl",
        npz="<results>/export/{member}/params.npz",
        program="<results>/export/{member}/model.json",
        parity=report("<results>/export/{member}/parity.json", caption="../report/parity.rst", category="Export"),
    log:
        "<logs>/export/{member}.log",
    conda:
        "../../envs/cgpipe.yaml"
    benchmark:
        "<benchmarks>/export/{member}.tsv"
    wildcard_constraints:
        member=r"best|seed-\d+",
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        *source_code("export"),
        settings=settings("export"),
        out=subpath(output.program, parent=True),
    message:
        "Exporting {wildcards.member} and comparing it with the model"
    shell:
        "NPROC={threads} JAX_PLATFORMS=cpu python -m cgpipe.export --settings {params.settings:q} --member {wildcards.member}"
        " --ensemble {input.ensemble} --models {input.models} --dataset {input.dataset} --out {params.out} > {log} 2>&1"


use rule export as export_ensemble with:
    output:
        models=expand("<results>/export/{{member}}/seed-{seed}.eqx", seed=SEEDS),
        mlir="<results>/export/{member}/model.mlir",
        jaxexp="<results>/export/{member}/model.jaxexp",
        pickle="<results>/export/{member}/params.pkl",
        npz="<results>/export/{member}/params.npz",
        program="<results>/export/{member}/model.json",
        parity=report("<results>/export/{member}/parity.json", caption="../report/parity.rst", category="Export"),
    wildcard_constraints:
        member="ensemble",
