"""Topologies as they come: alternate locations, ions, residues with other names, gaps, insertion codes.

The cases are made by editing a PDB of the demo; what other programs write otherwise shows only in their files.
"""

import numpy as np
import pytest
from simulated_systems import System, demo_system

from cgpipe.data.readers.guess import element_of, guess_bonds
from cgpipe.data.readers.trajectory import open_trajectory
from cgpipe.errors import UserError
from cgpipe.physics.mapping import map_alpha_carbons


@pytest.fixture(scope="module")
def protein(demo_data) -> System:
    """Two frames of Trp-cage."""
    return demo_system(demo_data / "mdcath_dataset_trpcage.h5", "trpcage", 2)


def with_atoms(system: System, *added: tuple[str, str, str, int, list[float]]) -> System:
    """The system with more atoms (name, element, residue name, residue number, position) at its end."""
    names, elements, residues, numbers, places = zip(*added, strict=True)
    R = np.broadcast_to(np.array(places), (len(system.R), len(added), 3))
    return System(
        [*system.name, *names],
        [*system.element, *elements],
        [*system.residue_name, *residues],
        [*system.residue, *numbers],
        [*system.segment, *["P"] * len(added)],
        np.concatenate([system.R, R], axis=1),
        np.concatenate([system.F, np.ones_like(R)], axis=1),
    )


def without(system: System, kept: np.ndarray) -> System:
    """Some of the atoms."""
    lists = ([v for v, k in zip(values, kept, strict=True) if k] for values in list(system.__dict__.values())[:5])
    return System(*lists, system.R[:, kept], system.F[:, kept])


def renamed(system: System, residue: int, name: str) -> System:
    names = [name if n == residue else old for n, old in zip(system.residue, system.residue_name, strict=True)]
    return System(**{**system.__dict__, "residue_name": names})


def read(system, folder, topology="t.pdb", edit=None, **chosen):
    system.write(folder / topology, folder / "t.trr")
    if edit is not None:
        path = folder / topology
        path.write_text("".join(edit(path.read_text().splitlines(keepends=True))))
    with open_trajectory(str(folder / topology), [str(folder / "t.trr")], 300.0, **chosen) as reader:
        return reader, list(reader.chunks())


def test_calcium_is_no_alpha_carbon(protein, tmp_path):
    # detects an ion called CA taken for a bead, also in formats without elements
    system = with_atoms(protein, ("CA", "Ca", "CA", 90, [1.0, 2.0, 3.0]))
    for topology in ("t.pdb", "t.gro"):
        reader, _ = read(system, tmp_path, topology, selection="protein or resname CA")
        assert len(reader.atoms) == len(protein.name) + 1
        assert reader.atoms.atomic_number[-1] == 20
        assert len(map_alpha_carbons(reader.atoms, {}, "p")) == 20


@pytest.mark.parametrize(
    ("name", "residue", "alone", "number"),
    [
        ("CA", "ALA", False, 6), ("CA", "CA", True, 20), ("CAL", "CAL", True, 20), ("1HB2", "LEU", False, 1),
        ("HG", "SER", False, 1), ("NA", "NA", True, 11), ("NE2", "HIS", False, 7), ("SE", "MSE", False, 34),
        ("CLA", "CLA", True, 17), ("CD", "LYS", False, 6), ("ZN", "ZN2", True, 30), ("", "ALA", False, 0),
        ("OXT", "ALA", False, 8), ("SD", "MET", False, 16), ("FE", "HEM", False, 26),
    ],
)  # fmt: skip
def test_elements_from_names(name, residue, alone, number):
    assert element_of(name, residue, alone) == number


def test_guessed_bonds_of_every_frame_are_those_of_the_topology(demo_data):
    # detects bonds lost or invented by thermal motion, at 348 K
    from cgpipe.data.readers import open_mdcath

    for name in ("cln025", "trpcage"):
        with open_mdcath(demo_data / f"mdcath_dataset_{name}.h5", "", (348,), (), 40) as reader:
            expected = sorted(map(sorted, reader.atoms.bonds.tolist()))
            for chunk in reader.chunks():
                for R in chunk.R:
                    found = guess_bonds(R, reader.atoms.atomic_number, None)
                    assert sorted(map(sorted, found.tolist())) == expected


def test_residue_with_an_unknown_name_is_not_lost(protein, tmp_path):
    # detects a chain cut where MDAnalysis' selection 'protein' does not know a residue
    system = renamed(protein, 7, "SEP")
    reader, _ = read(system, tmp_path)
    assert len(reader.atoms) == len(protein.name)
    assert any(note.startswith("SEP 7: taken as well") for note in reader.notes)
    with pytest.raises(UserError, match=r"residue 7: unknown residue 'SEP'.*species\.aliases"):
        map_alpha_carbons(reader.atoms, {}, "p")
    beads = map_alpha_carbons(reader.atoms, {"SEP": "SER"}, "p")
    assert beads.residue_name[6] == "SER"
    assert beads.residue.tolist() == list(range(1, 21))


def test_what_is_selected_narrowly_stays_narrow(protein, tmp_path):
    # detects that residues are added which the user left out
    reader, _ = read(protein, tmp_path, selection="protein and resid 3:12")
    assert len(map_alpha_carbons(reader.atoms, {}, "p")) == 10


def test_missing_residues_break_the_chain(protein, tmp_path):
    # detects a bond across a gap
    system = without(protein, ~np.isin(protein.residue, [8, 9]))
    reader, _ = read(system, tmp_path)
    residue = map_alpha_carbons(reader.atoms, {}, "p").residue
    assert residue.tolist() == [*range(1, 8), *range(10, 21)]


def test_lone_amino_acid(protein, tmp_path):
    # detects a chain of one bead, which nothing in a bead model holds
    one = without(protein, np.isin(protein.residue, [5]))
    lone = System(**{**one.__dict__, "segment": ["Z"] * len(one.name), "R": one.R + 30.0})
    both = System(
        *([*a, *b] for a, b in zip(list(protein.__dict__.values())[:5], list(lone.__dict__.values())[:5], strict=True)),
        np.concatenate([protein.R, lone.R], axis=1),
        np.concatenate([protein.F, lone.F], axis=1),
    )
    reader, _ = read(both, tmp_path)
    with pytest.raises(UserError, match="chain Z has one amino-acid residue, GLN 5"):
        map_alpha_carbons(reader.atoms, {}, "p")


def alternates(lines):
    """Every atom of residue 4 twice, the second time with the higher occupancy and 5 Å away."""
    for line in lines:
        if line.startswith("ATOM") and int(line[22:26]) == 4:
            yield line[:16] + "A" + line[17:54] + "  0.30" + line[60:]
            yield line[:16] + "B" + line[17:30] + f"{float(line[30:38]) + 5:8.3f}" + line[38:54] + "  0.70" + line[60:]
        else:
            yield line


def test_alternate_locations_of_a_topology(protein, tmp_path):
    # detects doubled atoms, and a topology refused because the MD was run without the alternates
    reader, [chunk] = read(protein, tmp_path, edit=alternates)
    assert reader.atoms.name == tuple(protein.name)
    assert len(map_alpha_carbons(reader.atoms, {}, "p")) == 20
    assert any("alternate locations left out" in note for note in reader.notes)
    assert pytest.approx(protein.R, abs=2e-5) == chunk.R


def test_alternate_locations_in_the_trajectory(protein, tmp_path):
    # detects that the first is kept where another has the higher occupancy
    order = [i for i, n in enumerate(protein.residue) for _ in range(2 if n == 4 else 1)]
    second = np.array([i > 0 and order[i] == order[i - 1] for i in range(len(order))])
    lists = [[values[i] for i in order] for values in list(protein.__dict__.values())[:5]]
    doubled = System(*lists, protein.R[:, order] + np.where(second, 5.0, 0.0)[:, None], protein.F[:, order])

    def mark(lines):
        seen = set()
        for line in lines:
            if line.startswith("ATOM") and int(line[22:26]) == 4:
                first = line[12:16] not in seen
                seen.add(line[12:16])
                yield line[:16] + ("A" if first else "B") + line[17:54] + ("  0.30" if first else "  0.70") + line[60:]
            else:
                yield line

    reader, [chunk] = read(doubled, tmp_path, edit=mark, selection="protein")
    assert reader.atoms.name == tuple(protein.name)
    shifted = np.array(protein.residue) == 4
    moved = chunk.R - protein.R
    assert np.allclose(moved[:, shifted], 5.0, atol=1e-4) and np.allclose(moved[:, ~shifted], 0.0, atol=1e-4)


def test_insertion_codes(protein, tmp_path):
    # detects residues with the same number taken for one
    def insert(lines):
        for line in lines:
            number = int(line[22:26]) if line.startswith("ATOM") else 0
            yield (
                line
                if number < 13
                else f"{line[:22]}{12 if number == 13 else number - 1:4d}" + ("A" if number == 13 else " ") + line[27:]
            )

    reader, _ = read(protein, tmp_path, edit=insert)
    assert map_alpha_carbons(reader.atoms, {}, "p").residue.tolist() == list(range(1, 21))
    assert any("insertion codes" in note for note in reader.notes)


def test_hydrogen_without_a_neighbour(protein, tmp_path):
    # detects a hydrogen whose constraint would be lost silently
    system = with_atoms(protein, ("HX", "H", "SER", 20, [70.0, 70.0, 70.0]))
    with pytest.raises(UserError, match=r"1 hydrogens have no bond and are close to no atom, the first is SER 20 HX"):
        read(system, tmp_path)
