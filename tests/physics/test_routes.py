"""The same molecule through every source: mdCATH, topology and TRR, and NPZ must give the same beads.

Cannot detect an error that all routes share; the projection's own tests have independent numbers.
"""

import json

import numpy as np
import pytest
from simulated_systems import System, demo_system

from cgpipe import project
from cgpipe.artefact import write_npz
from cgpipe.config.models import Project, Species
from cgpipe.config.proteins import MdcathProtein, NpzProtein, TrajectoryProtein
from cgpipe.config.slices import ProjectSettings
from cgpipe.data.projection import Projection, read_projection
from cgpipe.data.species import vocabulary
from cgpipe.stage import run

PROTEINS = {"cln025": 200, "trpcage": 180}
"""Frames of each that are taken: enough that the map is not refused."""


def projected(folder, name, source) -> Projection:
    """The outcome of the stage, run as Snakemake runs it."""
    settings = ProjectSettings(protein=source, species=Species(), project=Project(max_overfit=1.0))
    out = folder / f"{source.source}.h5"
    done = run(project.main, ["--settings", settings.model_dump_json(), "--protein", name, "--out", str(out)])
    assert done == 0
    return read_projection(out)


@pytest.fixture(scope="module", params=PROTEINS)
def routes(request, demo_data, tmp_path_factory) -> dict[str, Projection]:
    """Projections of the same frames of a demo protein by source."""
    name, frames = request.param, PROTEINS[request.param]
    folder = tmp_path_factory.mktemp(name)
    file = demo_data / f"mdcath_dataset_{name}.h5"
    system = demo_system(file, name, None)
    chosen = np.arange(frames) * (len(system.R) - 1) // (frames - 1)
    system = System(**{**system.__dict__, "R": system.R[chosen], "F": system.F[chosen]})
    system.write(folder / "t.pdb", folder / "t.trr")
    sources = {
        "mdcath": MdcathProtein(source="mdcath", path=str(file), temperatures=(348,), replicas=(0,), max_frames=frames),
        "trajectory": TrajectoryProtein(
            source="trajectory", topology=str(folder / "t.pdb"), trajectories=str(folder / "*.trr"), temperature=348
        ),
    }
    found = {kind: projected(folder, name, source) for kind, source in sources.items()}
    beads = found["mdcath"]
    species = [vocabulary("residues").species(residue) for residue in beads.residue_name]
    padded = ((0, 0), (0, 3), (0, 0))
    arrays = {
        "R": np.pad(beads.R, padded, constant_values=90.0),
        "F": np.pad(beads.F, padded),
        "species": np.tile(np.array([*species, 0, 0, 0], np.int32), (frames, 1)),
        "mask": np.tile(np.array([1.0] * beads.beads + [0.0] * 3, np.float32), (frames, 1)),
        "Z": np.full(beads.beads + 3, 6, np.int32),
    }
    write_npz(folder / "d.npz", arrays)
    given = NpzProtein(source="npz", path=str(folder / "d.npz"), temperature=348)
    return {**found, "npz": projected(folder, name, given)}


@pytest.mark.parametrize("route", ["trajectory", "npz"])
def test_beads_are_identical(routes, route):
    # detects other beads, names, chains or temperatures by another route
    expected, found = routes["mdcath"], routes[route]
    assert found.residue_name == expected.residue_name
    for name in ("chain", "temperature", "trajectory"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))
    assert np.array_equal(np.diff(found.residue), np.diff(expected.residue))
    assert found.trajectories == expected.trajectories
    assert pytest.approx(expected.R, abs=1e-4) == found.R
    assert pytest.approx(expected.F, abs=1e-4) == found.F


def test_quality_of_both_routes(routes):
    # detects another force map, or constraints that one topology does not show
    one, other = routes["mdcath"], routes["trajectory"]
    assert pytest.approx(one.W, abs=1e-5) == other.W
    assert other.quality["constraints_from_topology"] == one.quality["constraints_from_topology"]
    assert other.quality["rms_heldout"]["optimal"] == pytest.approx(one.quality["rms_heldout"]["optimal"], rel=1e-5)


@pytest.mark.parametrize(
    ("position", "force", "message"),
    [
        (1.0, -1.0, "of the wrong sign"),
        (1.0, 41.84, "in kJ/mol/nm"),
        (1.0, 4.184, "in kJ/mol/Å"),
        (0.1, 1.0, "nm, but Å are expected"),
        (10.0, 1.0, "multiplied by 10"),
    ],
)
def test_another_unit_is_refused_whatever_the_source(tmp_path, demo_data, capsys, position, force, message):
    """Detects trajectories of all atoms in another unit than their labels say; own beads have a test of their own."""
    system = demo_system(demo_data / "mdcath_dataset_cln025.h5", "cln025", 100)
    spoilt = System(**{**system.__dict__, "R": position * system.R, "F": force * system.F})
    system.write(tmp_path / "t.pdb")
    spoilt.write(tmp_path / "t.trr")
    source = TrajectoryProtein(
        source="trajectory", topology=str(tmp_path / "t.pdb"), trajectories=str(tmp_path / "t.trr"), temperature=348
    )
    settings = ProjectSettings(protein=source, species=Species(), project=Project(map="uniform"))
    out = ["--protein", "p", "--out", str(tmp_path / "p.h5")]
    assert run(project.main, ["--settings", settings.model_dump_json(), *out]) == 2
    said = capsys.readouterr().err
    assert message in said and "t.trr" in said and said.count("\n") == 1
    assert not (tmp_path / "p.h5").exists()


def test_damage_at_the_start_is_told_though_bonds_are_guessed(tmp_path, demo_data, capsys):
    """Detects bonds guessed in a damaged first frame, and the wrong explanation that follows."""
    system = demo_system(demo_data / "mdcath_dataset_cln025.h5", "cln025", 40)
    system.write(tmp_path / "t.pdb")
    system.R[:2] = 0.0
    system.write(tmp_path / "t.trr")
    source = TrajectoryProtein(
        source="trajectory", topology=str(tmp_path / "t.pdb"), trajectories=str(tmp_path / "t.trr"), temperature=348
    )
    settings = ProjectSettings(protein=source, species=Species(), project=Project(map="uniform"))
    out = ["--protein", "p", "--out", str(tmp_path / "p.h5")]
    assert run(project.main, ["--settings", settings.model_dump_json(), *out]) == 2
    assert "t.trr, temperature 348, frame 0: atoms on one point" in capsys.readouterr().err


def test_own_beads_of_the_wrong_sign_are_refused(tmp_path, demo_data, capsys):
    """Detects gradients taken for forces, in beads that were projected elsewhere."""
    mdcath = MdcathProtein(
        source="mdcath", path=str(demo_data / "mdcath_dataset_cln025.h5"), temperatures=(348,), replicas=(0,)
    )
    beads = projected(tmp_path, "cln025", mdcath)
    species = np.array([vocabulary("residues").species(residue) for residue in beads.residue_name], np.int32)
    arrays = {"R": beads.R, "species": np.tile(species, (len(beads), 1)), "Z": np.full(10, 6, np.int32)}
    write_npz(tmp_path / "d.npz", {**arrays, "F": -beads.F, "mask": np.ones((len(beads), 10), np.float32)})
    given = NpzProtein(source="npz", path=str(tmp_path / "d.npz"), temperature=348)
    settings = ProjectSettings(protein=given, species=Species(), project=Project())
    out = ["--protein", "p", "--out", str(tmp_path / "p.h5")]
    assert run(project.main, ["--settings", settings.model_dump_json(), *out]) == 2
    assert "d.npz: the forces" in (said := capsys.readouterr().err) and "of the wrong sign" in said


def test_failure_leaves_no_file(tmp_path, demo_data, capsys):
    # detects a partial output: the second file is found damaged while the first was read
    system = demo_system(demo_data / "mdcath_dataset_cln025.h5", "cln025", 5)
    system.write(tmp_path / "t.pdb", tmp_path / "a.trr", tmp_path / "b.trr")
    content = (tmp_path / "b.trr").read_bytes()
    (tmp_path / "b.trr").write_bytes(content[:-400])
    source = TrajectoryProtein(
        source="trajectory", topology=str(tmp_path / "t.pdb"), trajectories=str(tmp_path / "*.trr"), temperature=348
    )
    settings = ProjectSettings(protein=source, species=Species(), project=Project())
    out = tmp_path / "out" / "p.h5"
    text = json.dumps(settings.model_dump(mode="json"))
    assert run(project.main, ["--settings", text, "--protein", "p", "--out", str(out)]) == 2
    assert "b.trr, frame 4: the file ends within a frame" in capsys.readouterr().err
    assert not list(tmp_path.glob("out/*"))
