"""``cgpipe check``: each mistake in the configuration or the data gives exit code 2 and one line that helps.

It looks at what can be seen without reading frames; a frame with NaN is the projection's to find.
"""

import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from simulated_systems import System
from synthetic_mdcath import SyntheticProtein, write_mdcath
from synthetic_run import alpha_pdb

from cgpipe import check
from cgpipe.data.species import ONE_LETTER
from cgpipe.stage import run


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A working directory with a configuration and one protein of two trajectories."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("run: trial\nmodel:\n  cutoff: 10.0\n")
    write_mdcath(tmp_path / "p.h5", SyntheticProtein(["ALA", "GLY", "SER"]), {"300/0": 4, "300/1": 3})
    _proteins()
    return tmp_path


def _proteins(**keys: object) -> None:
    block = {"source": "mdcath", "path": "p.h5", **keys}
    text = "".join(f"    {key}: {value}\n" for key, value in block.items())
    Path("config/proteins.yaml").write_text(f"proteins:\n  p:\n{text}")


def _strange_residue() -> None:
    write_mdcath(Path("p.h5"), SyntheticProtein(["ALA", "MSE", "SER"]), {"300/0": 4})


def _no_forces() -> None:
    with h5py.File("p.h5", "a") as file:
        del file["synth/300/1/forces"]


def _truncate() -> None:
    os.truncate("p.h5", 3000)


def _empty() -> None:
    write_mdcath(Path("p.h5"), SyntheticProtein(["ALA", "GLY"]), {"300/0": 0})


def _temperatures(*names: str) -> None:
    write_mdcath(Path("p.h5"), SyntheticProtein(["ALA", "GLY", "SER"]), dict.fromkeys(names, 4))


def _second(block: str) -> None:
    with Path("config/proteins.yaml").open("a") as file:
        file.write(f"{block}\n")


def _native(sequence: str) -> None:
    names, places = [ONE_LETTER[letter] for letter in sequence], 3.8 * np.arange(len(sequence))
    Path("n.pdb").write_text(alpha_pdb(names, np.outer(places, [1.0, 0.0, 0.0])))


def _species(value: int) -> None:
    content = dict(np.load("b.npz"))
    np.savez("b.npz", **{**content, "species": np.full_like(content["species"], value)})


def _source(**block: object) -> None:
    text = "".join(f"    {key}: {value}\n" for key, value in block.items())
    Path("config/proteins.yaml").write_text(f"proteins:\n  p:\n{text}")


def _simulated(*, forces: bool = True, residue: str = "ALA", **keys: object) -> None:
    """A protein as PDB and TRR."""
    protein = SyntheticProtein([residue, "GLY", "SER"])
    atoms = protein.atoms()
    R, F = protein.frames(4, np.random.default_rng(0))
    system = System(
        [name for name, *_ in atoms],
        [{1: "H", 6: "C", 7: "N", 8: "O"}[z] for _, z, *_ in atoms],
        [name for *_, name, _ in atoms],
        [number for *_, number in atoms],
        ["A"] * len(atoms),
        R,
        F,
    )
    system.write(Path("t.pdb"), Path("t1.trr"), no_forces=() if forces else (0, 1, 2, 3))
    block = {"source": "trajectory", "topology": "t.pdb", "trajectories": "t*.trr", "temperature": 300, **keys}
    _source(**block)


def _npz(**keys: object) -> None:
    """Four frames of beads projected elsewhere."""
    shape = (4, 3)
    species, mask = np.zeros(shape, np.int32), np.ones(shape, np.float32)
    np.savez("b.npz", R=np.ones((*shape, 3)), F=np.ones((*shape, 3)), species=species, mask=mask, Z=np.full(3, 6))
    _source(source="npz", path="b.npz", temperature=300, **keys)


MISTAKES = {
    "misspelt key": (
        lambda: Path("config/config.yaml").write_text("model:\n  cutof: 9.0\n"),
        ["config/config.yaml:2:", "'cutoff'"],
    ),
    "no file matches": (lambda: _proteins(path="none*.h5"), ["'p'", "path: no file matches 'none*.h5'"]),
    "file twice": (lambda: _proteins(path="[p.h5, p*.h5]"), ["'p'", "p.h5 is named more than once"]),
    "key of another source": (
        lambda: _proteins(topology="t.pdb"),
        ["config/proteins.yaml:5:", "p.topology: unknown key"],
    ),
    "trajectory: missing topology": (lambda: _simulated(topology="x.tpr"), ["'p'", "x.tpr", "no such file"]),
    "trajectory: no file matches": (lambda: _simulated(trajectories="x*.trr"), ["'p'", "'x*.trr'"]),
    "trajectory: no forces": (lambda: _simulated(forces=False), ["'p'", "t1.trr", "4 of 4 frames hold no forces"]),
    "trajectory: unknown residue": (lambda: _simulated(residue="MSE"), ["'p'", "MSE", "species.aliases"]),
    "trajectory: no temperature": (
        lambda: _source(source="trajectory", topology="t.pdb", trajectories="t1.trr"),
        ["config/proteins.yaml:2:", "'temperature' is missing"],
    ),
    "npz: unknown species": (lambda: (_npz(), _species(77)), ["'p'", "b.npz", "species 77", "'sequence'"]),
    "npz: another length": (lambda: _npz(beads=9), ["'p'", "b.npz", "no frame with 9 beads"]),
    "npz: other arrays": (lambda: (_npz(), np.savez("b.npz", R=np.ones(3))), ["'p'", "b.npz", "no F, species"]),
    "missing file": (lambda: _proteins(path="none.h5"), ["'p'", "none.h5", "no such file"]),
    "no forces": (_no_forces, ["'p'", "p.h5", "temperature 300", "replica 1", "forces"]),
    "unknown residue": (_strange_residue, ["'p'", "p.h5", "MSE", "species.aliases"]),
    "no such temperature": (lambda: _proteins(temperatures=[320]), ["'p'", "320", "300"]),
    "no such replica": (lambda: _proteins(replicas=[7]), ["'p'", "7", "no frames"]),
    "no frames": (_empty, ["'p'", "no frames"]),
    "no such domain": (lambda: _proteins(domain="other"), ["'p'", "other", "synth"]),
    "no HDF5": (lambda: Path("p.h5").write_text("hello"), ["'p'", "p.h5"]),
    "several temperatures": (
        lambda: _temperatures("300/0", "320/0", "320/1"),
        ["config/proteins.yaml:2: proteins.p: frames at several temperatures", "p at 300 and 320 K", "[300]"],
    ),
    "several temperatures asked for": (
        lambda: (_temperatures("300/0", "320/0", "348/0"), _proteins(temperatures=[320, 348])),
        ["config/proteins.yaml:5: proteins.p.temperatures: frames", "p at 320 and 348 K", "temperatures: [320]"],
    ),
    "proteins at two temperatures": (
        lambda: _second("  q: {source: openmm, sequence: AA, temperature: 310}"),
        ["config/proteins.yaml:5: proteins.q.temperature: frames", "p at 300 K; q at 310 K", "a run of its own"],
    ),
    "native: missing": (lambda: _proteins(native="n.pdb"), ["'p'", "n.pdb", "no such file"]),
    "native: another protein": (
        lambda: (_native("GGG"), _proteins(native="n.pdb")),
        ["'p'", "n.pdb: residue A1 is GLY, but bead 1 of p is ALA"],
    ),
    "native: of another source": (lambda: (_native("GG"), _npz(native="n.pdb")), ["'p'", "2 residues, but p has 3"]),
    "native: of a sequence": (
        lambda: (_native("GA"), _source(source="openmm", sequence="GG", temperature=300, native="n.pdb")),
        ["'p'", "n.pdb: residue A2 is ALA, but bead 2 of p is GLY"],
    ),
    "truncated": (_truncate, ["'p'", "p.h5", "truncated"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(place, capsys, name):
    """Exit code 2, nothing on standard output, one line with all that is needed to find and mend it."""
    spoil, facts = MISTAKES[name]
    spoil()
    assert run(check.main, []) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert [fact for fact in facts if fact not in err] == []


def test_good_configuration(place, capsys):
    """Says what it found; with ``--quiet`` nothing."""
    assert run(check.main, []) == 0
    assert "p: 3 beads in 1 chain, no gap; 2 trajectories, 7 frames" in capsys.readouterr().out
    assert run(check.main, ["--quiet"]) == 0
    assert capsys.readouterr().out == ""


def _sampled(**keys: object) -> None:
    text = "".join(f"    {key}: {value}\n" for key, value in {"source": "openmm", "temperature": 300, **keys}.items())
    Path("config/proteins.yaml").write_text(f"proteins:\n  p:\n{text}")


def test_protein_to_be_sampled(place, capsys):
    """Nothing is simulated; a sequence needs no file, a PDB must be there and hold residues."""
    _sampled(sequence="AAGAA", replicas=3)
    assert run(check.main, []) == 0
    assert "p: 5 beads in 1 chain, no gap; to be sampled: 3 × 1 ns at 300 K\n" in capsys.readouterr().out
    _sampled(sequence="AAGAA", replicas=3, average="{test: 2, train: 3}")
    assert run(check.main, []) == 0
    assert "no gap; to be sampled: 3 × 1 ns at 300 K; mean forces at 5 of" in capsys.readouterr().out
    _sampled(pdb="start.pdb")
    assert run(check.main, []) == 2
    assert "protein 'p': start.pdb: no such file" in capsys.readouterr().err
    Path("start.pdb").write_text("ATOM      1  CA  ALA A   1       0.000   0.000   0.000  1.00  0.00           C\n")
    assert run(check.main, []) == 2
    assert "0 residues with atoms N, CA and C" in capsys.readouterr().err


def test_openmm_is_missing(place, capsys, monkeypatch):
    """Said before any job starts, with the remedy."""
    _sampled(sequence="AAGAA")
    monkeypatch.setattr(check.importlib.util, "find_spec", lambda name: None)
    assert run(check.main, []) == 2
    assert "pip install" in capsys.readouterr().err


@pytest.mark.parametrize("make", [_simulated, _npz])
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
    _sampled(pdb="start.pdb")
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
    _sampled(pdb="start.pdb")


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
    assert run(check.main, []) == 0
    told = capsys.readouterr().out
    assert "disulphide bonds (chain A CYS 1 and chain A CYS 2)" in told and "project refuses it without" in told
    _accept_disulphides()
    assert run(check.main, []) == 0
    assert "project refuses" not in capsys.readouterr().out


def test_states_need_residues(place, capsys):
    """Detects states that are silently ignored by a vocabulary of four classes."""
    with Path("config/config.yaml").open("a") as file:
        file.write("species: {states: true, vocabulary: classes4}\n")
    assert run(check.main, []) == 2
    assert "states are those of the vocabulary residues, not of classes4" in capsys.readouterr().err


def test_hydrogens_that_are_not_selected(place, capsys):
    """Detects that only the projection would find it, after the queue of a cluster."""
    _simulated(selection="'name N CA C O'")
    assert run(check.main, []) == 2
    assert "6 hydrogens are bonded to selected atoms but not selected" in capsys.readouterr().err
    with Path("config/config.yaml").open("a") as file:
        file.write("project: {constraints: none}\n")
    assert run(check.main, []) == 0


def test_missing_trajectories_are_told(place, capsys):
    """One of the two replicas asked for does not exist: no error, but not silent either."""
    _proteins(replicas=[0, 5])
    assert run(check.main, []) == 0
    assert "300/5 is missing" in capsys.readouterr().out


def test_one_temperature_of_several_is_in_order(place):
    """The remedy of the message works, and a file with one temperature needs none."""
    _temperatures("300/0", "320/0")
    _proteins(temperatures=[320])
    assert run(check.main, []) == 0


def test_aliases_mend_an_unknown_residue(place):
    """The remedy of the message works."""
    _strange_residue()
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
    _proteins(mean_force="labels.npz", mean_force_train="others.npz")
    assert run(check.main, ["--quiet"]) == 0
    _proteins(mean_force="labels.npz", mean_force_train="labels.npz")
    assert run(check.main, ["--quiet"]) == 2
    assert "mean_force_train of p: 4 configurations" in capsys.readouterr().err
    np.savez("others.npz", **{name: array for name, array in arrays.items() if name != "sd_opt"})
    _proteins(mean_force_train="others.npz")
    assert run(check.main, ["--quiet"]) == 2
    assert "others.npz: no sd_opt" in capsys.readouterr().err
