"""Beads projected elsewhere, from made-up NPZ files in the seed layout.

Cannot tell whether somebody's forces were projected with a valid map: there is nothing in the files to see it by.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cgpipe.artefact import header
from cgpipe.config.proteins import NpzProtein
from cgpipe.data.given import find_given, read_given
from cgpipe.data.projection import read_projection, write_projection
from cgpipe.errors import UserError


def arrays(lengths, frames=4, slots=6, seed=0):
    """Frames of chains of these lengths, one protein after the other, padded."""
    random = np.random.default_rng(seed)
    R = np.full((len(lengths) * frames, slots, 3), 500.0, np.float32)
    F, species = np.zeros_like(R), np.zeros(R.shape[:2], np.int32)
    mask = np.zeros(R.shape[:2], np.float32)
    for k, length in enumerate(lengths):
        rows = slice(k * frames, (k + 1) * frames)
        R[rows, :length] = np.arange(length)[:, None] * [3.8, 0, 0] + random.normal(0, 0.2, (frames, length, 3))
        F[rows, :length] = random.normal(0, 9, (frames, length, 3))
        species[rows, :length] = (np.arange(length) + 3 * k) % 20
        mask[rows, :length] = 1
    return {"R": R, "F": F, "species": species, "mask": mask, "Z": np.full(slots, 6, np.int32)}


@pytest.fixture
def save(tmp_path):
    """Writes an NPZ and gives the block that names it."""

    def write(content, name="d.npz", **keys):
        np.savez(tmp_path / name, **content)
        return NpzProtein(source="npz", path=str(tmp_path / name), temperature=310, **keys)

    return write


def test_padding_is_dropped(save):
    # detects padded beads kept, and wrong names of species
    content = arrays([4])
    found = read_given("p", save(content), "refuse")
    assert found.residue_name == ("ALA", "ARG", "ASN", "ASP")
    assert np.array_equal(found.R, content["R"][:, :4]) and np.array_equal(found.F, content["F"][:, :4])
    assert found.residue.tolist() == [1, 2, 3, 4] and found.chain.tolist() == [0] * 4
    assert found.W.shape == (4, 0)
    assert found.quality["map"] == "given"
    assert found.quality["rms_heldout"]["given"] == pytest.approx(np.sqrt((content["F"][:, :4] ** 2).mean()))
    assert set(found.temperature.tolist()) == {310.0}


def test_ids_of_states(save):
    """Detects a dataset with states that cannot be read again, and such ids taken for something without them."""
    content = arrays([4])
    content["species"][:] = 21
    assert read_given("p", save(content), "refuse", "states").residue_name == ("HSP",) * 4
    with pytest.raises(UserError, match=r"species 21…21, expected ids 0…20 of the vocabulary 'residues'"):
        find_given(save(content))


def test_projection_without_a_map_is_a_file_like_any_other(save, tmp_path):
    # detects a projection that later stages cannot read
    made = read_given("p", save(arrays([4])), "refuse")
    write_projection(tmp_path / "p.h5", made, header("projection", {}, {}))
    back = read_projection(tmp_path / "p.h5")
    assert np.array_equal(back.F, made.F) and back.W.shape == (4, 0) and back.atom_name == ()


def test_one_of_several_proteins(save):
    # detects frames of one protein among another's
    content = arrays([4, 6, 3])
    with pytest.raises(UserError, match=r"holds 3 proteins \(4 frames of 3 beads, .*; choose one with 'beads'"):
        find_given(save(content))
    found = read_given("p", save(content, beads=6), "refuse")
    assert found.frame.tolist() == [4, 5, 6, 7]
    assert np.array_equal(found.R, content["R"][4:8])
    with pytest.raises(UserError, match="no frame with 5 beads; it has 4 frames of 3 beads"):
        find_given(save(content, beads=5))


def test_proteins_of_equal_length(save):
    # detects two sequences taken for one protein
    with pytest.raises(UserError, match=r"holds 2 proteins \(8 frames of 4 beads\); they have equal lengths"):
        find_given(save(arrays([4, 4]), beads=4))


def test_selection_of_frames_and_files(save, tmp_path):
    # detects rows of padding or of other files
    first, second = arrays([4], frames=9), arrays([4], frames=9, seed=1)
    save(first, "run10.npz")
    save(second, "run9.npz")
    block = NpzProtein(source="npz", path=str(tmp_path / "run*.npz"), temperature=310, stride=2, max_frames=3)
    found = read_given("p", block, "refuse")
    assert found.trajectories == ("310/0", "310/1")
    assert found.frame.tolist() == [0, 4, 8] * 2
    assert np.array_equal(found.R[:3], second["R"][[0, 4, 8], :4])  # run9 comes before run10
    assert found.trajectory.tolist() == [0, 0, 0, 1, 1, 1]


def test_sequence_replaces_species(save):
    # detects foreign numbers taken for this vocabulary's
    content = arrays([4])
    content["species"] += 40
    with pytest.raises(UserError, match=r"species 40…43, expected ids 0…20 .* give the protein's 'sequence'"):
        find_given(save(content))
    assert find_given(save(content, sequence="WGXY")).residue_name == ("TRP", "GLY", "X", "TYR")
    with pytest.raises(UserError, match="'sequence' has 3 letters, but the protein has 4 beads"):
        find_given(save(content, sequence="WGX"))


@pytest.mark.parametrize("per_frame", [False, True])
def test_chains_and_gaps(save, per_frame):
    # detects beads bonded across a chain's end, which would be 30 Å apart here
    content = arrays([6])
    content["R"][:, 3:] += 30.0
    with pytest.raises(
        UserError, match=r"beads 3 and 4 are .* Å apart, bonded ones 2.5 to 6.0 Å.*arrays 'chain' or 'residue'"
    ):
        read_given("p", save(content), "refuse")
    for name, values in (("chain", [0, 0, 0, 1, 1, 1]), ("residue", [1, 2, 3, 7, 8, 9])):
        more = np.array(values)
        more = np.tile(more, (4, 1)) if per_frame else more
        found = read_given("p", save({**content, name: more}), "refuse")
        assert getattr(found, name).tolist() == values
    with pytest.raises(UserError, match="a chain of one bead"):
        find_given(save({**content, "chain": np.array([0, 0, 0, 1, 1, 2])}))


def test_frames_that_cannot_be_used(save):
    # detects NaN passed on
    content = arrays([4])
    content["F"][2, 1] = np.nan
    with pytest.raises(UserError, match=r"frame 2: NaN or infinity in the forces"):
        read_given("p", save(content), "refuse")
    found = read_given("p", save(content), "drop")
    assert found.frame.tolist() == [0, 1, 3] and found.quality["frames_dropped"] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": None}, "no mask; expected arrays R, F, species, mask, Z"),
        ({"F": np.zeros((4, 6), np.float32)}, r"F has shape \(4, 6\), expected \(4, 6, 3\)"),
        ({"species": np.zeros((4, 6))}, "species has shape .* float64"),
        ({"chain": np.zeros(5, int)}, r"chain has shape \(5,\)"),
        ({"mask": np.zeros((4, 6), np.float32)}, "no frame with any beads"),
    ],
)
def test_other_layouts(save, change, message):
    content = {name: values for name, values in (arrays([4]) | change).items() if values is not None}
    with pytest.raises(UserError, match=message):
        find_given(save(content))


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"none\.npz: no such file"):
        find_given(NpzProtein(source="npz", path=str(tmp_path / "none.npz"), temperature=300))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1), length=st.integers(1, 300), cut=st.booleans(), packed=st.booleans())
def test_damage_anywhere_is_explained(tmp_path, share, length, cut, packed):
    # detects any other exception than one with an explanation; what goes unnoticed must be a complete protein
    file = tmp_path / "d.npz"
    (np.savez_compressed if packed else np.savez)(file, **arrays([4]))
    content = bytearray(file.read_bytes())
    place = int(share * (len(content) - 1))
    if cut:
        del content[place:]
    else:
        content[place : place + length] = bytes(min(length, len(content) - place))
    file.write_bytes(content)
    try:
        found = read_given("p", NpzProtein(source="npz", path=str(file), temperature=300), "refuse")
    except UserError as error:
        assert "d.npz" in str(error)
    else:
        assert len(found) and np.isfinite(found.F).all()
