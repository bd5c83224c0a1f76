import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cgpipe.config
from cgpipe.config import (
    BASE,
    UserError,
    code_files,
    data_files,
    engine_module,
    frames_source,
    load,
    native_file,
    settings_json,
    stage_settings,
    training_that_matters,
)

if "CONDA" in {method.name for method in workflow.deployment_settings.deployment_method}:
    # the environment of each rule holds all that cgpipe needs, but not cgpipe itself
    ENVIRONMENT = f"PYTHONPATH={shlex.quote(str(Path(cgpipe.config.__file__).parents[2]))}"
else:
    # an environment that is not activated has no `python` on PATH: jobs run the interpreter that runs Snakemake
    ENVIRONMENT = f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH"
# not `config`, which has the overlays as Snakemake's own reader takes them
COMMAND_LINE = dict(workflow.config_settings.config)
CONFIG_FILES = ([BASE] if BASE.exists() else []) + list(workflow.overwrite_configfiles)

try:
    CONFIG, PROTEINS = load(CONFIG_FILES, COMMAND_LINE)
except UserError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(2)

# modules come before strict mode, which their functions may not survive, and before PATH, where our Python must be first
MODULES = " ".join(CONFIG.cluster.modules)
LOAD_MODULES = f"""
if ! command -v module > /dev/null && [ -r /etc/profile ]; then . /etc/profile > /dev/null 2>&1; fi
if ! module load {MODULES}; then
    echo "error: cluster.modules: cannot load {MODULES} on $HOSTNAME; see: module avail" >&2
    exit 2
fi
"""


def tunables(*more):
    """Settings of the C library, where the user has none: memory in large pages, which the process keeps."""
    settings = ("hugetlb=1", "mmap_max=0", "trim_threshold=4000000000", *more)
    return shlex.quote(os.environ.get("GLIBC_TUNABLES", ":".join(f"glibc.malloc.{setting}" for setting in settings)))


# XLA and numpy take memory for every step and every chunk of frames, and return it: faults of fresh pages of 4 kB were
# 40 % of a training step at 250 beads. Threads' heaps have large pages only if they grow by more than one (`top_pad`).
# One heap is faster for numpy (`project`: a sixth less time), several are for XLA.
ENVIRONMENT += f" GLIBC_TUNABLES={tunables('top_pad=67108864')} TUNABLES_OF_ONE_HEAP={tunables('arena_max=1')}"
# the number of devices decides how many frames a training step takes: rules that want several on a CPU say so
shell.prefix(f"{LOAD_MODULES if MODULES else ''}set -euo pipefail; unset JAX_NUM_CPU_DEVICES; export {ENVIRONMENT}; ")

# jobs read this file again: what is in the data is looked at once, before the first of them
if workflow.is_main_process:
    checked = subprocess.run(
        [sys.executable, "-m", "cgpipe.check", "--quiet", "--merged", json.dumps(COMMAND_LINE)]
        + (["--configfile", *map(str, CONFIG_FILES)] if CONFIG_FILES else [])
    )
    if checked.returncode:
        sys.exit(checked.returncode)

# not workflow.source_path: that copies into a folder of this machine, which a cluster's nodes do not see
LAUNCHER = os.path.relpath(f"{workflow.current_basedir}/../scripts/slurm_run.sh")
RESULTS = CONFIG.results
SEEDS = CONFIG.ensemble.seeds
REPLICAS = range(CONFIG.simulate.replicas)
SAMPLED = [name for name, block in PROTEINS.proteins.items() if block.source == "openmm"]


def one_of(names):
    """A wildcard's constraint: these names, or nothing at all where there are none."""
    return "|".join(names) or "(?!)"


def settings(stage):
    """The slice of the configuration that a stage depends on, as a function of the wildcards."""
    return lambda wildcards: settings_json(
        CONFIG, PROTEINS, stage, wildcards.get("protein", ""), int(wildcards.get("replica", 0))
    )


def all_atom_data(wildcards):
    """Every file that a protein is read from."""
    return [file for files in data_files(frames_source(CONFIG, PROTEINS, wildcards.protein)).values() for file in files]


def mean_forces(protein, key, kind):
    """File of a protein's mean forces of one kind, given or made here; nothing where there is none."""
    block = PROTEINS.proteins[protein]
    if protein in SAMPLED and getattr(block.average, kind):
        return f"<results>/average/{protein}.{kind}.npz"
    return getattr(block, key)


def source_code(stage, *chosen):
    """The sources that decide a stage's result, each as a parameter of its own: a reason to run again names those that
    differ.
    """
    return [f"{file} {digest}" for file, digest in code_files(stage, *chosen).items()]


def begin_forced_trainings_anew():
    """Remove the checkpoints of a finished model whose training is forced: it would be over at once, at its last step.

    Those of a training that has not finished stay, so that a forced one that was killed goes on.
    """
    for job in workflow.dag.needrun_jobs():
        if job.rule.name == "train" and workflow.dag.reason(job).forced and os.path.exists(job.output.model):
            shutil.rmtree(job.params.checkpoints, ignore_errors=True)


def train_resources(cluster):
    """What one training job asks for: a process per node, each with all GPUs of its node.

    On several nodes the job's own shell starts the processes, so Slurm must grant GPUs per node (gres); `mpi` keeps
    the executor from wrapping the job into a step on one node, and wants more than one task. These are resources and
    not params because where a model was trained is no reason to train it again.
    """
    wanted = cluster.model_dump(exclude={"modules"})
    if cluster.gpus_per_node == 0:
        return wanted | {"jax_platforms": "cpu"}
    wanted["jax_platforms"] = ""  # whatever JAX finds first
    if cluster.nodes == 1:
        return wanted | {"gpu": cluster.gpus_per_node}
    several = {"gres": f"gpu:{cluster.gpus_per_node}", "mpi": "srun", "tasks": cluster.nodes, "tasks_per_gpu": 0}
    return wanted | several


def launch(module):
    """The shell command that runs a module as a training job runs: once per node, with the node's CPUs and GPUs."""
    return (
        "NPROC={threads} JAX_PLATFORMS={resources.jax_platforms}"
        " exec bash {input.launcher} {resources.nodes} {resources.gpus_per_node} {threads}"
        f" {{resources.coordinator_port}} '{{resources.fqdn_suffix}}' python -m cgpipe.{module}"
    )
