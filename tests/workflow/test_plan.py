"""The plan of a fresh run: static checks, dry runs of every configuration, every file as a target."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEMO = {
    "project": 2, "dataset": 1, "prior": 1, "train": 2, "ensemble": 1, "export": 1,
    "simulate": 8, "validate": 2, "stability": 2, "report": 1, "all": 1,
}  # fmt: skip


def test_lint_is_clean(checkout):
    """Snakemake's own advice; it cannot tell whether the rules are right."""
    outcome = checkout.snakemake("--lint")
    assert outcome.code == 0, outcome.text


def test_layout_is_clean():
    """snakefmt would change nothing."""
    snakefmt = Path(sys.executable).with_name("snakefmt")
    done = subprocess.run([snakefmt, "--check", "Snakefile", "workflow"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_demo_runs_every_stage(checkout):
    """Without a target: the whole line, with the number of jobs that follows from the configuration."""
    assert checkout.plan() == DEMO


def test_default_configuration_and_profiles(checkout, run_snakemake):
    """config.yaml as shipped (five seeds), under both profiles; the profiles' keys must all be known to Snakemake."""
    for profile in ("local", "slurm"):
        outcome = run_snakemake(checkout.path, ["--dry-run", "--profile", f"profiles/{profile}"])
        assert outcome.code == 0, outcome.text
        assert outcome.jobs["train"] == 5


def test_all_members_are_exported_if_asked(checkout):
    """ensemble.save_all_models adds one export per seed, and no simulation."""
    assert checkout.plan("--config", "ensemble={save_all_models: true}") == {**DEMO, "export": 3}


def test_an_ensemble_is_exported_and_simulated_if_asked(checkout):
    """simulate.member adds one export, and everything behind it asks for that one's simulations."""
    jobs = checkout.plan("--config", "simulate={member: ensemble, spread_limit: 2.0}")
    assert jobs == {**DEMO, "export_ensemble": 1}


def test_all_replicas_are_one_job_in_jax(checkout):
    """simulate.engine decides what a job is; whatever ran, validate asks for the same files."""
    assert checkout.plan("--config", "simulate={engine: jax}") == {**DEMO, "simulate": 2}
    checkout.plan("results/demo/simulate/trpcage/seed-1/3/traj.dcd", "--config", "simulate={engine: jax}")


def test_no_ensemble_and_no_npz(checkout):
    """One seed; a dataset without its NPZ is still a plan."""
    jobs = checkout.plan("--config", "ensemble={enabled: false}", "dataset={npz: false}")
    assert jobs == {**DEMO, "train": 1}


def test_dynamics_may_choose_the_best_member(checkout):
    """ensemble.select adds no job: the ensemble's own simulates; detects a rule that breaks with the other choice."""
    assert checkout.plan("--config", "ensemble={select: dynamics}") == DEMO


def test_stability_can_be_left_out(checkout):
    """stability.enabled decides whether there are such jobs; the report does without them."""
    jobs = dict(DEMO)
    del jobs["stability"]
    assert checkout.plan("--config", "stability={enabled: false}") == jobs


FILES = [
    "project/cln025.h5", "project/trpcage.h5", "dataset/dataset.h5", "dataset/dataset.npz", "dataset/dataset.json",
    "prior/prior.json", "prior/prior.png", "train/seed-0/model.eqx", "train/seed-1/metrics.jsonl",
    "ensemble/ensemble.json", "export/best/model.eqx", "export/best/model.mlir", "export/best/model.jaxexp",
    "export/best/params.pkl", "export/best/params.npz", "export/best/model.json", "export/best/parity.json",
    "simulate/cln025/best/0/traj.dcd",
    "simulate/trpcage/best/3/thermo.csv", "simulate/cln025/best/1/log.lammps", "simulate/cln025/best/1/in.lammps",
    "simulate/cln025/best/1/system.data", "simulate/cln025/best/2/simulation.json", "validate/cln025.json",
    "stability/cln025.json", "report.html", "summary.json",
]  # fmt: skip


def test_every_file_is_a_target(checkout):
    """A user can ask for any file by its name, also one that ``all`` does not need (another seed's simulation)."""
    more = ["train/seed-7/model.eqx", "export/seed-1/model.json", "simulate/trpcage/seed-1/9/traj.dcd"]
    checkout.plan(*(f"results/demo/{name}" for name in [*FILES, *more]))


def test_sampled_protein_goes_through_the_line(checkout):
    """A job per replica, one to gather them, and then as any other protein; others cannot be sampled."""
    proteins = checkout.path / "sampled.yaml"
    block = "  pep: {source: openmm, sequence: AAGAA, temperature: 348, replicas: 3}\n"
    proteins.write_text((checkout.path / "resources/demo/proteins.yaml").read_text() + block)
    jobs = checkout.plan("--config", "proteins=sampled.yaml")
    assert jobs == {**DEMO, "sample": 3, "gather": 1, "project": 3, "simulate": 12, "validate": 3, "stability": 3}
    assert checkout.plan("results/demo/allatom/pep/7.h5", "--config", "proteins=sampled.yaml")["sample"] == 1
    assert checkout.snakemake("--dry-run", "results/demo/allatom/cln025.h5").code != 0


def test_mean_forces_of_a_sampled_protein_are_made(checkout):
    """A job per set, before the dataset; detects labels that are made and not used, or asked for and not made."""
    proteins = checkout.path / "averaged.yaml"
    block = "  pep: {source: openmm, sequence: AAGAA, temperature: 348, average: {test: 2, train: 3}}\n"
    proteins.write_text((checkout.path / "resources/demo/proteins.yaml").read_text() + block)
    assert checkout.plan("results/demo/dataset/dataset.h5", "--config", "proteins=averaged.yaml")["average"] == 2
    shown = checkout.snakemake("--dry-run", "--printshellcmds", "--config", "proteins=averaged.yaml").text
    assert "--mean-force pep results/demo/average/pep.test.npz" in shown
    assert "--mean-force-train pep results/demo/average/pep.train.npz" in shown
    assert "--mean-force results/demo/average/pep.test.npz" in shown


def test_target_of_an_unknown_protein_is_refused(checkout):
    """Wildcards take only proteins of the list."""
    outcome = checkout.snakemake("--dry-run", "results/demo/project/nobody.h5")
    assert outcome.code != 0
    assert "MissingRuleException" in outcome.text


def test_runs_have_folders_of_their_own(checkout):
    """Another name of the run shares nothing with the first; detects a path that is not below results/<run>."""
    outcome = checkout.snakemake("--dry-run", "--printshellcmds", "--config", "run=other")
    assert outcome.code == 0
    assert "results/demo" not in outcome.text
    assert "results/other/report.html" in outcome.text


def test_training_on_several_nodes_asks_for_them(checkout):
    """The command line starts one process per node; that Slurm grants them is for the tests on a cluster."""
    outcome = checkout.snakemake(
        "--dry-run", "results/demo/train/seed-0/model.eqx", "--printshellcmds", "--config",
        "cluster={nodes: 2, gpus_per_node: 3, cpus_per_node: 2, fqdn_suffix: .cluster}",
    )  # fmt: skip
    assert "slurm_run.sh 2 3 2 29400 '.cluster' python -m cgpipe.train" in outcome.text


def test_parsing_imports_no_heavy_package():
    """Every Slurm job parses the Snakefile again: jax, MDAnalysis, mdtraj, h5py and numpy must stay out."""
    probe = (
        "import sys, snakemake.cli\n"
        "before = set(sys.modules)\n"
        "try: snakemake.cli.main(['--dry-run', '--quiet', 'all', '--cores', '1', '--configfile', 'config/demo.yaml'])\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "assert 'cgpipe' in new\n"
        "heavy = new & {'jax', 'jaxlib', 'equinox', 'MDAnalysis', 'mdtraj', 'h5py', 'numpy', 'matplotlib', 'lammps'}\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_configuration_package_is_light():
    """As above for ``cgpipe.config`` alone, where numpy cannot hide behind Snakemake's own imports."""
    probe = (
        "import sys, cgpipe.config; sys.exit(len({'jax', 'numpy', 'h5py', 'MDAnalysis', 'mdtraj'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", probe]).returncode == 0
