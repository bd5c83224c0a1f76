rule simulate:
    input:
        program="<results>/export/{member}/model.json",
        jaxexp="<results>/export/{member}/model.jaxexp",
        mlir="<results>/export/{member}/model.mlir",
        projection="<results>/project/{protein}.h5",
        code=source_code("simulate"),
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
        settings=settings("simulate"),
        out=subpath(output.simulation, parent=True),
    message:
        "Simulating {wildcards.protein} with {wildcards.member}, replica {wildcards.replica}"
    shell:
        "NPROC={threads} JAX_PLATFORMS=cpu python -m cgpipe.simulate --settings {params.settings:q} --program {input.program}"
        " --projection {input.projection} --replica {wildcards.replica} --out {params.out} > {log} 2>&1"
