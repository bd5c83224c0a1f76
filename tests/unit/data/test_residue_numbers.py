"""Residue numbers in PSF and PDB files as other programs write them; made by editing the demo's own topologies."""

import h5py
import numpy as np
import pytest
from simulated_systems import demo_system

from cgpipe.data.readers.trajectory import open_trajectory
from cgpipe.data.residue_numbers import read_numbers
from cgpipe.physics.mapping import map_alpha_carbons


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["-1", "0", "1"], [(-1, ""), (0, ""), (1, "")]),
        (["52", "52A", "53"], [(52, ""), (52, "A"), (53, "")]),
        (["9999", "2710", "2711", "271a"], [(9999, ""), (10000, ""), (10001, ""), (10010, "")]),
        (["9999", "A000", "A001"], [(9999, ""), (10000, ""), (10001, "")]),
        (["9998", "9999", "0", "1"], [(9998, ""), (9999, ""), (10000, ""), (10001, "")]),
        (["271", "271a", "272"], [(271, ""), (271, "a"), (272, "")]),
        (["2709", "2710", "1"], [(2709, ""), (2710, ""), (1, "")]),
    ],
)
def test_numbers(texts, numbers):
    """Detects a decimal number taken for a hexadecimal one and the other way round."""
    assert read_numbers(texts, ["A"] * len(texts)) == numbers


def test_another_chain_begins_anew():
    """Detects a chain whose first number is read as going on behind 9999."""
    assert read_numbers(["9999", "2710"], ["A", "B"]) == [(9999, ""), (2710, "")]


WAYS = {
    "insertion codes": lambda n: ["52", "52A", "53", "54", "55", "56", "57", "57A", "58", "59"][n - 1],
    "negative": lambda n: str(n - 5),
    "hexadecimal": lambda n: str(n + 9997) if n < 3 else f"{n + 9997:x}",
    "beyond letters": lambda n: str(n + 9990) if n < 10 else "A000",
}


def psf(text, write, header):
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if "!NATOM" in line) + 1
    lines[0] = header
    for i in range(start, start + int(lines[start - 1].split()[0])):
        w = lines[i].split()
        segment = "" if header == "PSF" else w[1]
        row = (
            "{:>10} {:<8} {:<8} {:<8} {:<8} {:<4} {:>13} {:>13}           0"
            if "EXT" in header
            else "{:>8} {:<4} {:<4} {:<4} {:<4} {:<4} {:>13} {:>13}           0"
        )
        lines[i] = row.format(w[0], segment, write(int(w[2])), *w[3:8])
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("header", ["PSF XPLOR", "PSF EXT", "PSF NAMD", "PSF"])
@pytest.mark.parametrize("way", WAYS)
def test_psf(demo_data, tmp_path, way, header):
    """Detects residues lost or merged, a chain cut, and a segment without a name (header PSF) that shifts columns."""
    with h5py.File(demo_data / "mdcath_dataset_cln025.h5") as raw:
        text = raw["cln025/psf"].asstr()[()]
    (tmp_path / "p.psf").write_text(psf(text, WAYS[way], header))
    demo_system(demo_data / "mdcath_dataset_cln025.h5", "cln025", 2).write(tmp_path / "p.trr")
    with open_trajectory(str(tmp_path / "p.psf"), [str(tmp_path / "p.trr")], 348.0) as reader:
        beads = map_alpha_carbons(reader.atoms, {}, "p")
        assert len(reader.atoms.bonds) == 180
    assert len(beads) == 10 and not beads.notes
    assert set(beads.chain.tolist()) == {0} and (np.diff(beads.residue) == 1).all()
    assert reader.atoms.number(int(beads.atom[0])) == WAYS[way](1)


@pytest.mark.parametrize("way", ["hexadecimal", "beyond letters", "negative"])
def test_pdb(demo_data, tmp_path, way):
    """Detects numbers beyond 9999 that MDAnalysis takes for 1, so that residues are merged or named wrongly."""
    demo_system(demo_data / "mdcath_dataset_cln025.h5", "cln025", 2).write(tmp_path / "p.pdb", tmp_path / "p.trr")
    lines = [
        f"{line[:22]}{WAYS[way](int(line[22:26])):>4}{line[26:]}" if line.startswith("ATOM") else line
        for line in (tmp_path / "p.pdb").read_text().splitlines()
    ]
    (tmp_path / "p.pdb").write_text("\n".join(lines) + "\n")
    with open_trajectory(str(tmp_path / "p.pdb"), [str(tmp_path / "p.trr")], 348.0) as reader:
        beads = map_alpha_carbons(reader.atoms, {}, "p")
    expected = [-4 if way == "negative" else 9998 if way == "hexadecimal" else 9991]
    assert beads.residue.tolist() == list(range(expected[0], expected[0] + 10))
    assert reader.atoms.residue[beads.atom].tolist() == beads.residue.tolist()
