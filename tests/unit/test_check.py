"""``cgpipe check``: each mistake in the configuration or the data gives exit code 2 and one line that helps.

It looks at what can be seen without reading frames; a frame with NaN is the projection's to find.
"""

from pathlib import Path

import numpy as np
import pytest
from check_inputs import (
    add_block,
    truncate,
    with_strange_residue,
    with_temperatures,
    without_forces,
    without_frames,
    write_native,
    write_npz,
    write_proteins,
    write_sampled,
    write_simulated,
    write_source,
    write_species,
)

from cgpipe import check
from cgpipe.stage import run

MISTAKES = {
    "misspelt key": (
        lambda: Path("config/config.yaml").write_text("model:\n  cutof: 9.0\n"),
        ["config/config.yaml:2:", "'cutoff'"],
    ),
    "no file matches": (lambda: write_proteins(path="none*.h5"), ["'p'", "path: no file matches 'none*.h5'"]),
    "file twice": (lambda: write_proteins(path="[p.h5, p*.h5]"), ["'p'", "p.h5 is named more than once"]),
    "key of another source": (
        lambda: write_proteins(topology="t.pdb"),
        ["config/proteins.yaml:5:", "p.topology: unknown key"],
    ),
    "trajectory: missing topology": (lambda: write_simulated(topology="x.tpr"), ["'p'", "x.tpr", "no such file"]),
    "trajectory: no file matches": (lambda: write_simulated(trajectories="x*.trr"), ["'p'", "'x*.trr'"]),
    "trajectory: no forces": (lambda: write_simulated(forces=False), ["'p'", "t1.trr", "4 of 4 frames hold no forces"]),
    "trajectory: unknown residue": (lambda: write_simulated(residue="MSE"), ["'p'", "MSE", "species.aliases"]),
    "trajectory: no temperature": (
        lambda: write_source(source="trajectory", topology="t.pdb", trajectories="t1.trr"),
        ["config/proteins.yaml:2:", "'temperature' is missing"],
    ),
    "npz: unknown species": (lambda: (write_npz(), write_species(77)), ["'p'", "b.npz", "species 77", "'sequence'"]),
    "npz: another length": (lambda: write_npz(beads=9), ["'p'", "b.npz", "no frame with 9 beads"]),
    "npz: other arrays": (lambda: (write_npz(), np.savez("b.npz", R=np.ones(3))), ["'p'", "b.npz", "no F, species"]),
    "missing file": (lambda: write_proteins(path="none.h5"), ["'p'", "none.h5", "no such file"]),
    "no forces": (without_forces, ["'p'", "p.h5", "temperature 300", "replica 1", "forces"]),
    "unknown residue": (with_strange_residue, ["'p'", "p.h5", "MSE", "species.aliases"]),
    "no such temperature": (lambda: write_proteins(temperatures=[320]), ["'p'", "320", "300"]),
    "no such replica": (lambda: write_proteins(replicas=[7]), ["'p'", "7", "no frames"]),
    "no frames": (without_frames, ["'p'", "no frames"]),
    "no such domain": (lambda: write_proteins(domain="other"), ["'p'", "other", "synth"]),
    "no HDF5": (lambda: Path("p.h5").write_text("hello"), ["'p'", "p.h5"]),
    "several temperatures": (
        lambda: with_temperatures("300/0", "320/0", "320/1"),
        ["config/proteins.yaml:2: proteins.p: frames at several", "p at 300 and 320 K", "[300]", "temperature: input"],
    ),
    "several temperatures asked for": (
        lambda: (with_temperatures("300/0", "320/0", "348/0"), write_proteins(temperatures=[320, 348])),
        ["config/proteins.yaml:5: proteins.p.temperatures: frames", "p at 320 and 348 K", "temperatures: [320]"],
    ),
    "proteins at two temperatures": (
        lambda: add_block("  q: {source: openmm, sequence: AA, temperature: 310}"),
        ["config/proteins.yaml:5: proteins.q.temperature: frames", "p at 300 K; q at 310 K", "a run of its own"],
    ),
    "native: missing": (lambda: write_proteins(native="n.pdb"), ["'p'", "n.pdb", "no such file"]),
    "native: another protein": (
        lambda: (write_native("GGG"), write_proteins(native="n.pdb")),
        ["'p'", "n.pdb: residue A1 is GLY, but bead 1 of p is ALA"],
    ),
    "native: of another source": (
        lambda: (write_native("GG"), write_npz(native="n.pdb")),
        ["'p'", "2 residues, but p has 3"],
    ),
    "native: of a sequence": (
        lambda: (write_native("GA"), write_source(source="openmm", sequence="GG", temperature=300, native="n.pdb")),
        ["'p'", "n.pdb: residue A2 is ALA, but bead 2 of p is GLY"],
    ),
    "truncated": (truncate, ["'p'", "p.h5", "truncated"]),
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


def test_protein_to_be_sampled(place, capsys):
    """Nothing is simulated; a sequence needs no file, a PDB must be there and hold residues."""
    write_sampled(sequence="AAGAA", replicas=3)
    assert run(check.main, []) == 0
    assert "p: 5 beads in 1 chain, no gap; to be sampled: 3 × 1 ns at 300 K\n" in capsys.readouterr().out
    write_sampled(sequence="AAGAA", replicas=3, average="{test: 2, train: 3}")
    assert run(check.main, []) == 0
    assert "no gap; to be sampled: 3 × 1 ns at 300 K; mean forces at 5 of" in capsys.readouterr().out
    write_sampled(pdb="start.pdb")
    assert run(check.main, []) == 2
    assert "protein 'p': start.pdb: no such file" in capsys.readouterr().err
    Path("start.pdb").write_text("ATOM      1  CA  ALA A   1       0.000   0.000   0.000  1.00  0.00           C\n")
    assert run(check.main, []) == 2
    assert "0 residues with atoms N, CA and C" in capsys.readouterr().err


def test_openmm_is_missing(place, capsys, monkeypatch):
    """Said before any job starts, with the remedy."""
    write_sampled(sequence="AAGAA")
    monkeypatch.setattr(check.importlib.util, "find_spec", lambda name: None)
    assert run(check.main, []) == 2
    assert "pip install" in capsys.readouterr().err
