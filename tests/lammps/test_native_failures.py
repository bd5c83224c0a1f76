"""Every mistake and every death in the native pair style ends LAMMPS with an exit code and one line that helps."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from native_runs import NAMES, Native, lmp, periodic_box
from synthetic_program import bonded_potential, chain_positions, chain_topology, export_to

from cgpipe.artefact import sha256
from cgpipe.dynamics.lammps.system import write_data


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A chain of 10 beads in ``system.data``."""
    write_data(tmp_path / "system.data", "test", chain_positions(10), chain_topology(10), NAMES)
    return tmp_path


@pytest.fixture
def copy(native: Native, tmp_path: Path) -> Native:
    """An export to damage."""
    shutil.copytree(native.model_json.parent, tmp_path / "export")
    return Native(native.plugin, tmp_path / "export" / "model.json")


def complaint(folder: Path, text: str, ranks: int = 1) -> str:
    """What LAMMPS said before it ended with an exit code other than 0."""
    done = lmp(folder, text, ranks)
    assert done.returncode != 0, done.stdout[-1000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith("ERROR")]
    assert lines, done.stdout[-1000:] + done.stderr
    return lines[0]


def edited(native: Native, **changes: object) -> None:
    content = json.loads(native.model_json.read_text())
    native.model_json.write_text(json.dumps({**content, **changes}))


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        (r"pair_style cgpipe \S+", "pair_style cgpipe /nowhere/pjrt.so", "cannot load the PJRT library: /nowhere"),
        (r"pair_style cgpipe \S+", "pair_style cgpipe libdl.so.2", "no PJRT library"),
        (r"pair_style cgpipe \S+", "pair_style cgpipe", "takes one argument, the path of a PJRT library"),
        (r"model.mlir", "other.mlir", "other.mlir: no such file"),
        (r"model.mlir", "model.json", "is none of the programs that .*model.json lists"),
        (r"model\.mlir \S+", "model.mlir", r"must be: pair_coeff \* \* model.mlir model.json"),
        (r"units real", "units metal", "needs units real, these are units metal"),
        (r"newton on", "newton off", "needs newton on"),
        (r"run 0", "compute s all stress/atom NULL\nvariable s equal c_s[1][1]\ndump s all custom 1 s id c_s[1]\nrun 0",
         "has no virial per atom"),
    ],
)  # fmt: skip
def test_mistakes_in_the_input(native, system, pattern, replacement, message):
    text = re.sub(pattern, lambda _: replacement, native.text("run 0"), count=1)
    assert re.search(message, complaint(system, text))


def test_damaged_and_foreign_files(copy, system):
    """Detects hashes and formats that are not looked at."""
    module = copy.model_json.with_name("model-14.mlir")
    module.write_bytes(module.read_bytes() + b"x")
    assert re.search(r"model-14\.mlir: SHA-256 .* but .*model\.json says", complaint(system, copy.text("run 0")))
    edited(copy, format=1)
    assert "program of format 1, but this pair style runs 3; run: cgpipe renew " in complaint(
        system, copy.text("run 0")
    )
    copy.model_json.write_text("{}")
    assert "not the model.json of an export" in complaint(system, copy.text("run 0"))


def test_a_program_that_is_no_stablehlo(copy, system):
    module = copy.model_json.with_name("model-14.mlir")
    module.write_bytes(b"nonsense")
    edited(copy, sha256={**json.loads(copy.model_json.read_text())["sha256"], module.name: sha256(module)})
    assert "compiling the program (if its versions are too far apart, run cgpipe renew" in complaint(
        system, copy.text("run 0")
    )


def test_a_model_for_other_devices(copy, system):
    edited(copy, platforms=["cuda"])
    assert "runs on cpu, but the model was not exported for it" in complaint(system, copy.text("run 0"))


def test_types_must_be_those_of_the_model(native, system):
    """Detects species that are mistaken for others: fewer types, and two labels exchanged."""
    data = (system / "system.data").read_text()
    swapped = re.sub(r"^1 ALA$", "1 ARG", re.sub(r"^2 ARG$", "2 ALA", data, flags=re.M), flags=re.M)
    (system / "system.data").write_text(swapped)
    assert "type 1 of the model is ALA, which is another atom type here" in complaint(system, native.text("run 0"))
    more = native.text("run 0").replace("read_data system.data", "read_data system.data extra/atom/types 1")
    assert "22 atom types but the model 21" in complaint(system, more)


def test_molecules_must_be_known(native, system):
    data = (system / "system.data").read_text()
    head, atoms = data.split("Atoms # molecular\n\n")
    (system / "none.data").write_text(
        head + "Atoms # molecular\n\n" + re.sub(r"^(\d+) 1 ", r"\1 0 ", atoms, flags=re.M)
    )
    assert "has no molecule ID" in complaint(system, native.text("run 0", data="none.data"))
    (system / "atomic.data").write_text(head + "Atoms # atomic\n\n" + re.sub(r"^(\d+) 1 ", r"\1 ", atoms, flags=re.M))
    assert "use atom_style molecular" in complaint(system, native.text("run 0", data="atomic.data", style="atomic"))


def test_more_beads_than_any_program_holds(native, tmp_path):
    """Detects beads that are left out: 150 within each other's reach, and the number that is needed."""
    R = np.random.default_rng(0).uniform(0, 12, (150, 3))
    topology = chain_topology(150)._replace(chain=np.arange(150, dtype=np.int32))
    write_data(tmp_path / "system.data", "dense", R, topology, NAMES)
    line = complaint(tmp_path, native.text("run 0"))
    assert re.search(
        r"1\d\d beads lie within the model's reach .* holds 64; export again with export.beads: 1\d\d", line
    )


def test_too_many_neighbours(native, system, tmp_path):
    """Detects forces from an incomplete list."""
    few = Native(native.plugin, export_to(tmp_path / "few", bonded_potential(3), [10]))
    line = complaint(system, few.text("run 0"))
    assert re.search(r"\d+ neighbour slots per bead are needed at step 0 but the program has 3", line)


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_molecule_that_falls_apart(native, system, ranks):
    """Detects dynamics that go on after a bond broke; on two processes both must end."""
    torn = native.text(
        "group last id 10", "velocity last set 5.0 0 0", "fix move all nve", "run 1000", boundary="f f f"
    )
    line = complaint(system, torn, ranks)
    assert re.search(r"bond of atoms 9 and 10 is \S+ A long at step \d+.*fell apart", line)


def test_what_is_not_finite(native, system):
    """Detects dynamics that run on with NaN; LAMMPS itself may be the first to notice."""
    infinite = ("variable big atom exp(1000)", "set atom 3 vx v_big", "fix move all nve", "run 100")
    assert re.search("not finite|Non-numeric|broken", complaint(system, native.text(*infinite)))


def test_image_flags_that_do_not_belong_together(native, tmp_path):
    """Detects a chain that is silently torn at the boundary, because its data file has wrapped positions only."""
    R = (chain_positions(10) + np.array([0, 0, 25])) % 30.0
    periodic_box(tmp_path, R, chain_topology(10), 30.0)
    line = complaint(tmp_path, native.text("run 0", boundary="p p p"))
    assert "the image flags of its atoms do not belong together" in line
