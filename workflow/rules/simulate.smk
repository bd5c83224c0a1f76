if CONFIG.simulate.engine == "jax":

    # all replicas of a protein at once: they share one program and every core that the job has
    rule simulate:
        input:
            program="<results>/export/{member}/model.json",
            model="<results>/export/{member}/model.eqx",
            projection="<results>/project/{protein}.h5",
        output:
            trajectories=expand("<results>/simulate/{{protein}}/{{member}}/{replica}/traj.dcd", replica=REPLICAS),
            thermo=expand("<results>/simulate/{{protein}}/{{member}}/{replica}/thermo.csv", replica=REPLICAS),
            simulations=expand("<results>/simulate/{{protein}}/{{member}}/{replica}/simulation.json", replica=REPLICAS),
        log:
            "<logs>/simulate/{protein}/{member}.log",
        conda:
            "../../envs/cgpipe.yaml"
        benchmark:
            "<benchmarks>/simulate/{protein}/{member}.tsv"
        threads: min(len(REPLICAS), 8)
        resources:
            mem_mb=8000,
            runtime=240,
        params:
            *source_code("simulate", engine_module(CONFIG.simulate.engine)),
            settings=settings("simulate"),
            replicas=list(REPLICAS),
            out=lambda wildcards, output: [os.path.dirname(file) for file in output.simulations],
        message:
            "Simulating {wildcards.protein} with {wildcards.member}, all replicas"
        shell:
            "NPROC={threads} JAX_NUM_CPU_DEVICES={threads} JAX_PLATFORMS=cpu python -m cgpipe.simulate"
            " --settings {params.settings:q} --program {input.program} --projection {input.projection}"
            " --replica {params.replicas} --out {params.out} > {log} 2>&1"

else:

    rule simulate:
        input:
            program="<results>/export/{member}/model.json",
            jaxexp="<results>/export/{member}/model.jaxexp",
            mlir="<results>/export/{member}/model.mlir",
            projection="<results>/project/{protein}.h5",
        output:
            trajectory="<results>/simulate/{protein}/{member}/{replica}/traj.dcd",
            thermo="<results>/simulate/{protein}/{member}/{replica}/thermo.csv",
            lammps_log="<results>/simulate/{protein}/{member}/{replica}/log.lammps",
            script="<results>/simulate/{protein}/{member}/{replica}/in.lammps",
            system="<results>/simulate/{protein}/{member}/{replica}/system.data",
            simulation="<results>/simulate/{protein}/{member}/{replica}/simulation.json",
        log:
            "<logs>/simulate/{protein}/{member}/{replica}.log",
        conda:
            "../../envs/cgpipe.yaml"
        benchmark:
            "<benchmarks>/simulate/{protein}/{member}/{replica}.tsv"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=240,
        params:
            *source_code("simulate", engine_module(CONFIG.simulate.engine)),
            settings=settings("simulate"),
            out=subpath(output.simulation, parent=True),
        message:
            "Simulating {wildcards.protein} with {wildcards.member}, replica {wildcards.replica}"
        shell:
            "NPROC={threads} JAX_PLATFORMS=cpu python -m cgpipe.simulate --settings {params.settings:q}"
            " --program {input.program} --projection {input.projection} --replica {wildcards.replica}"
            " --out {params.out} > {log} 2>&1"
