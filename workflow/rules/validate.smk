rule validate:
    input:
        projection="<results>/project/{protein}.h5",
        dataset="<results>/dataset/dataset.h5",
        prior="<results>/prior/prior.json",
        program="<results>/export/best/model.json",
        simulations=expand("<results>/simulate/{{protein}}/best/{replica}/simulation.json", replica=REPLICAS),
        trajectories=expand("<results>/simulate/{{protein}}/best/{replica}/traj.dcd", replica=REPLICAS),
        code=source_code("validate"),
    output:
        validation=report(
            "<results>/validate/{protein}.json", caption="../report/validation.rst", category="Validation"
        ),
    log:
        "<logs>/validate/{protein}.log",
    conda:
        "../../envs/cgpipe.yaml"
    benchmark:
        "<benchmarks>/validate/{protein}.tsv"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        settings=settings("validate"),
    message:
        "Comparing the simulations of {wildcards.protein} with its reference"
    shell:
        "NPROC={threads} JAX_PLATFORMS=cpu python -m cgpipe.validate --settings {params.settings:q} --projection {input.projection}"
        " --dataset {input.dataset} --prior {input.prior} --program {input.program} --simulations {input.simulations}"
        " --out {output.validation} > {log} 2>&1"
