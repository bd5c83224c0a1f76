rule validate:
    input:
        projection="<results>/project/{protein}.h5",
        dataset="<results>/dataset/dataset.h5",
        prior="<results>/prior/prior.json",
        program=f"<results>/export/{CONFIG.simulate.member}/model.json",
        models=expand("<results>/train/seed-{seed}/model.eqx", seed=SEEDS),
        mean_force=lambda wildcards: mean_forces(wildcards.protein, "mean_force", "test") or [],
        native=lambda wildcards: native_file(PROTEINS.proteins[wildcards.protein]) or [],
        simulations=expand(
            "<results>/simulate/{{protein}}/{member}/{replica}/simulation.json",
            member=CONFIG.simulate.member,
            replica=REPLICAS,
        ),
        trajectories=expand(
            "<results>/simulate/{{protein}}/{member}/{replica}/traj.dcd",
            member=CONFIG.simulate.member,
            replica=REPLICAS,
        ),
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
        *source_code("validate"),
        settings=settings("validate"),
        mean_force=lambda wildcards, input: f"--mean-force {shlex.quote(input.mean_force)}" if input.mean_force else "",
        native=lambda wildcards, input: f"--native {shlex.quote(input.native)}" if input.native else "",
    message:
        "Comparing the simulations of {wildcards.protein} with its reference"
    shell:
        "NPROC={threads} JAX_PLATFORMS=cpu python -m cgpipe.validate --settings {params.settings:q} --projection {input.projection}"
        " --dataset {input.dataset} --prior {input.prior} --program {input.program} --models {input.models}"
        " {params.mean_force} {params.native} --simulations {input.simulations}"
        " --out {output.validation} > {log} 2>&1"
