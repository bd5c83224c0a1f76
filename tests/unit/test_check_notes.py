"""``cgpipe check``: what it tells of configurations that are in order, or wrong in ways that need several steps."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from check_inputs import (
    with_strange_residue,
    with_temperatures,
    write_npz,
    write_proteins,
    write_sampled,
    write_simulated,
    write_species,
)
from synthetic_mdcath import SyntheticProtein, write_mdcath

from cgpipe import check, project
from cgpipe.config import load, settings_json
from cgpipe.data.species import vocabulary
from cgpipe.stage import run


@pytest.mark.parametrize("make", [write_simulated, write_npz])
def test_other_sources(place, capsys, make):
    """Frames are counted in every source."""
    make()
    assert run(check.main, []) == 0
    assert "p: 3 beads in 1 chain, no gap; 1 trajectories, 4 frames" in capsys.readouterr().out


def test_gaps_and_residues_without_a_bead_are_told(place, capsys):
    """Detects a chain that is cut without a word, in mdCATH files."""
    protein = SyntheticProtein(["ALA", "GLY", "SER", "VAL"], numbers=[1, 2, 7, 8], unbonded_after=(1,))
    write_mdcath(Path("p.h5"), protein, {"300/0": 4})
    assert run(check.main, []) == 0
    assert "p: 4 beads in 1 chain, 1 gap: after GLY 2; 1 trajectories, 4 frames" in capsys.readouterr().out


def test_chains_and_gaps_of_a_start(place, capsys):
    """Detects a start with two chains, or one with missing residues, that looks like any other."""
    rows = [(chain, n, a, 3 * n + i) for chain in "AB" for n in (1, 2, 5) for i, a in enumerate(("N", "CA", "C"))]
    text = "".join(
        f"ATOM      1  {atom:<3} ALA {chain}{n:4d}    {x:8.3f}   0.000   0.000  1.00  0.00\n"
        for chain, n, atom, x in rows
    )
    Path("start.pdb").write_text(text)
    write_sampled(pdb="start.pdb")
    assert run(check.main, []) == 0
    assert (
        "p: 6 beads in 2 chains, 2 gaps: after ALA 2 (chain 1), after ALA 2 (chain 2); to be sampled"
        in capsys.readouterr().out
    )


def test_states_that_are_merged_are_told(place, capsys):
    """Detects residues of different charge that count as one species without a word, where nobody asked for others."""
    write_mdcath(Path("p.h5"), SyntheticProtein(["ALA", "HSP", "SER"]), {"300/0": 4})
    assert run(check.main, []) == 0
    assert "merged, HSP as HIS: chain 0 HSP 2 (HSP); species.states: true makes" in capsys.readouterr().out
    with Path("config/config.yaml").open("a") as file:
        file.write("species: {states: true}\n")
    assert run(check.main, []) == 0
    assert "merged" not in capsys.readouterr().out


def _bridged_start() -> None:
    rows = [(n, atom, 4.0 * n + k, 0.0) for n in (1, 2) for k, atom in enumerate(("N", "CA", "C"))]
    rows += [(1, "SG", 5.0, 1.0), (2, "SG", 5.0, 3.0)]
    text = "".join(
        f"ATOM      1  {atom:<3} CYS A{n:4d}    {x:8.3f}{y:8.3f}   0.000  1.00  0.00\n" for n, atom, x, y in rows
    )
    Path("start.pdb").write_text(text)
    write_sampled(pdb="start.pdb")


def _accept_disulphides() -> None:
    with Path("config/config.yaml").open("a") as file:
        file.write("project: {disulphides: unbonded}\n")


def test_disulphides_are_refused_unless_accepted(place, capsys):
    """Detects a protein whose chain has a bond that the model does not know of."""
    write_mdcath(Path("p.h5"), SyntheticProtein(["CYX", "GLY", "CYX"]), {"300/0": 4})
    assert run(check.main, []) == 2
    message = capsys.readouterr().err
    assert "protein 'p': p.h5: disulphide bonds (chain 0 CYX 1 and" in message and message.count("\n") == 1
    _accept_disulphides()
    assert run(check.main, []) == 0
    assert "have no term in the prior" in capsys.readouterr().out


def test_disulphides_of_a_start_are_told_before_it_is_sampled(place, capsys):
    """Detects days of sampling whose frames are then refused without a warning; sampling itself is allowed."""
    _bridged_start()
    for quiet in ([], ["--quiet"]):
        assert run(check.main, quiet) == 0
        told = capsys.readouterr().err
        assert told.startswith("warning: protein 'p': start.pdb: disulphide bonds (chain A CYS 1 and chain A CYS 2)")
        assert "the stage project will refuse what is sampled" in told and told.count("\n") == 1
    _accept_disulphides()
    assert run(check.main, []) == 0
    accepted = capsys.readouterr()
    assert "have no term in the prior" in accepted.out and not accepted.err


def test_disulphides_of_given_beads_are_refused_unless_accepted(place, capsys):
    """Detects beads whose type says that they are bridged, by check and by the stage that reads them."""
    write_npz()
    write_species(vocabulary("states").types.index("CYX"))
    arrays = dict(np.load("b.npz"))
    random = np.random.default_rng(0).normal(0, 0.1, (4, 3, 3))
    np.savez("b.npz", **{**arrays, "R": random + 3.8 * np.eye(3)[0] * np.arange(3)[:, None], "F": random})
    with Path("config/config.yaml").open("a") as file:
        file.write("species: {states: true}\n")
    assert run(check.main, []) == 2
    message = capsys.readouterr().err
    assert "protein 'p': b.npz: disulphide bonds (bead 1 (CYX), bead 2 (CYX)" in message and message.count("\n") == 1
    config, proteins = load([Path("config/config.yaml")])
    given = ["--settings", settings_json(config, proteins, "project", "p"), "--protein", "p", "--out", "p.h5"]
    assert run(project.main, given) == 2
    assert "p: b.npz: disulphide bonds (bead 1 (CYX)" in capsys.readouterr().err
    _accept_disulphides()
    assert run(check.main, []) == 0
    assert "have no term in the prior" in capsys.readouterr().out


def test_states_need_residues(place, capsys):
    """Detects states that are silently ignored by a vocabulary of four classes."""
    with Path("config/config.yaml").open("a") as file:
        file.write("species: {states: true, vocabulary: classes4}\n")
    assert run(check.main, []) == 2
    assert "states are those of the vocabulary residues, not of classes4" in capsys.readouterr().err


def test_hydrogens_that_are_not_selected(place, capsys):
    """Detects that only the projection would find it, after the queue of a cluster."""
    write_simulated(selection="'name N CA C O'")
    assert run(check.main, []) == 2
    assert "6 hydrogens are bonded to selected atoms but not selected" in capsys.readouterr().err
    with Path("config/config.yaml").open("a") as file:
        file.write("project: {constraints: none}\n")
    assert run(check.main, []) == 0


def test_missing_trajectories_are_told(place, capsys):
    """One of the two replicas asked for does not exist: no error, but not silent either."""
    write_proteins(replicas=[0, 5])
    assert run(check.main, []) == 0
    assert "300/5 is missing" in capsys.readouterr().out


def test_one_temperature_of_several_is_in_order(place):
    """The remedy of the message works, and a file with one temperature needs none."""
    with_temperatures("300/0", "320/0")
    write_proteins(temperatures=[320])
    assert run(check.main, []) == 0


def test_aliases_mend_an_unknown_residue(place):
    """The remedy of the message works."""
    with_strange_residue()
    Path("overlay.yaml").write_text("species: {aliases: {MSE: MET}}\n")
    assert run(check.main, ["--configfile", "overlay.yaml"]) == 0


def test_overlays_go_on_top_of_the_configuration(place, capsys):
    """As with Snakemake; the base file may be named or not."""
    Path("overlay.yaml").write_text("model: {cutoff: -1.0}\n")
    for files in (["overlay.yaml"], ["config/config.yaml", "overlay.yaml"]):
        assert run(check.main, ["--configfile", *files]) == 2
        assert "overlay.yaml:1: model.cutoff" in capsys.readouterr().err


def test_demo_is_in_order(demo_data, tmp_path, monkeypatch, capsys):
    """The shipped configuration and data; detects a list that names files or temperatures that are not there."""
    root = demo_data.parents[1]
    shutil.copytree(root / "config", tmp_path / "config")
    (tmp_path / "resources").symlink_to(demo_data.parent)
    monkeypatch.chdir(tmp_path)
    for overlay in ([], ["--configfile", "config/demo.yaml"]):
        assert run(check.main, overlay) == 0
    assert capsys.readouterr().out.count("cln025: 10 beads in 1 chain, no gap; 5 trajectories, 2725 frames") == 2


def test_mean_forces_to_train_on_are_not_those_of_the_test(place, capsys):
    """Detects a leak, or labels without a noise to weigh them by, that only the dataset stage would find."""
    random = np.random.default_rng(0)
    arrays = {name: random.normal(1, 0.1, (4, 3, 3)) for name in ("R", "F_opt", "se_opt", "sd_opt")}
    arrays |= {"temperature": np.full(4, 300.0), "resname": np.array(["ALA", "GLY", "SER"])}
    np.savez("labels.npz", **arrays)
    np.savez("others.npz", **{**arrays, "R": 3 * arrays["R"]})
    write_proteins(mean_force="labels.npz", mean_force_train="others.npz")
    assert run(check.main, ["--quiet"]) == 0
    write_proteins(mean_force="labels.npz", mean_force_train="labels.npz")
    assert run(check.main, ["--quiet"]) == 2
    assert "mean_force_train of p: 4 configurations" in capsys.readouterr().err
    np.savez("others.npz", **{name: array for name, array in arrays.items() if name != "sd_opt"})
    write_proteins(mean_force_train="others.npz")
    assert run(check.main, ["--quiet"]) == 2
    assert "others.npz: no sd_opt" in capsys.readouterr().err
