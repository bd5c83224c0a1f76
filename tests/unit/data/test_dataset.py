"""The dataset stage on made-up projections: what is stored, padded, split, refused, and what padding may not do.

Cannot detect whether the splits suit real trajectories; tests/physics runs the stage on real ones.
"""

import json

import numpy as np
import pytest
import scipy.spatial.transform
from dataset_runs import SIZES, arguments, settings
from test_projection import projection

from cgpipe.artefact import header, read_json
from cgpipe.data.projection import write_projection
from cgpipe.data.species import vocabulary
from cgpipe.data.statistics import neighbour_counts
from cgpipe.data.store import create_dataset, open_dataset
from cgpipe.dataset import main
from cgpipe.errors import UserError
from cgpipe.stage import run


@pytest.fixture
def made(tmp_path, files):
    assert main(arguments(tmp_path, files)) == 0
    return tmp_path


@pytest.mark.parametrize(
    ("first", "others", "facts"),
    [
        ((320.0, 348.0), (348.0,), ["short at 320 and 348 K; longer at 348 K", "e.g. temperatures: [348]"]),
        ((320.0, 348.0), (348.0, 320.0), ["e.g. temperatures: [320]"]),
        ((348.0,), (300.0,), ["short at 348 K; longer at 300 K", "no temperature is common", "a run of its own"]),
    ],
)
def test_several_temperatures_are_not_trained_as_one_function(tmp_path, capsys, first, others, facts):
    """Detects a model of a mean temperature; that frames are at the temperature that they claim is not seen."""
    files = [tmp_path / f"{name}.h5" for name in SIZES]
    for file, temperature in zip(files, (first, others, others), strict=True):
        made = projection(file.stem, frames=60, beads=SIZES[file.stem], temperature=temperature)
        write_projection(file, made, header("projection", {}, {}))
    assert run(main, arguments(tmp_path, files)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and [fact for fact in facts if fact not in error] == []
    assert not (tmp_path / "d.h5").exists()


@pytest.mark.parametrize(("hot", "code"), [(348.0, 0), (320.0, 2)])
def test_temperature_as_an_input_takes_frames_at_several(tmp_path, capsys, hot, code):
    """Two temperatures are kept with their frames, one is refused; detects a model whose entropy nothing determines."""
    files = [tmp_path / f"{name}.h5" for name in SIZES]
    for file in files:
        made = projection(file.stem, frames=60, beads=SIZES[file.stem], temperature=(320.0, hot))
        write_projection(file, made, header("projection", {}, {}))
    chosen = json.dumps({**settings(), "temperature": "input"})
    assert run(main, ["--settings", chosen, *arguments(tmp_path, files)[2:]]) == code
    if code:
        assert "all frames are at 320 K, but model.temperature is input" in capsys.readouterr().err
        return
    with open_dataset(tmp_path / "d.h5") as dataset:
        for source in dataset.stored("train"):
            assert set(source.temperature.tolist()) == {320.0, hot}


def test_frames_and_topology_come_back(made):
    # detects frames, species or origins of one protein that end up with another
    with open_dataset(made / "d.h5") as dataset:
        assert [p.name for p in dataset.proteins] == list(SIZES)
        assert dataset.statistics["buckets"] == [4, 7]
        seen = 0
        for split in ("train", "val", "test", "gap"):
            for frames in dataset.load(split):
                for row in range(len(frames.R)):
                    protein = dataset.proteins[frames.protein[row]]
                    source = projection(protein.name, 200, SIZES[protein.name])
                    real = frames.topology.mask[row]
                    assert real.sum() == SIZES[protein.name]
                    origin = int(frames.frame[row])
                    assert np.array_equal(frames.F[row][real], source.F[origin])
                    centred = source.R[origin] - source.R[origin].mean(axis=0)
                    assert np.allclose(frames.R[row][real], centred, atol=1e-5)
                    assert frames.topology.residue[row][real].tolist() == source.residue.tolist()
                    assert frames.temperature[row] == source.temperature[origin]
                    assert frames.trajectory[row] == source.trajectory[origin]
                seen += len(frames.R)
        assert seen == 600
        assert set(dataset.proteins[0].species) == {vocabulary("residues").species("ALA")}


def test_load_one_protein(made):
    # detects padding that is left, or frames of the neighbour in the same bucket
    with open_dataset(made / "d.h5") as dataset:
        for name, beads in SIZES.items():
            frames = dataset.load_protein(name, "train")
            assert frames.R.shape == (dataset.statistics["proteins"][name]["frames"]["train"], beads, 3)
            assert frames.topology.mask.all()
            assert {dataset.proteins[i].name for i in frames.protein} == {name}
        with pytest.raises(UserError, match="no protein 'other'; it has short, longer, again"):
            dataset.load_protein("other", "train")


def test_one_bucket_and_many_hold_the_same_numbers(tmp_path, files, made):
    # detects statistics, splits or real rows that depend on padding
    (tmp_path / "one").mkdir()
    assert main(arguments(tmp_path / "one", files, max_buckets=1)) == 0
    with open_dataset(made / "d.h5") as many, open_dataset(tmp_path / "one" / "d.h5") as one:
        assert one.statistics["buckets"] == [7]
        assert one.statistics["padding_waste"] == pytest.approx(200 * 3 / (600 * 7))
        for key in ("force_rms", "mean_neighbours", "max_neighbours", "max_beads", "neighbour_capacity", "frames"):
            assert one.statistics[key] == many.statistics[key]
        for name in SIZES:
            for a, b in zip(one.load_protein(name, "val"), many.load_protein(name, "val"), strict=True):
                assert all(np.array_equal(x, y) for x, y in zip(np.atleast_1d(a), np.atleast_1d(b), strict=True))
        padded = one.load("train", "short")[0]
        assert padded.R.shape[1] == 7
        assert (padded.R[:, 4:] == np.float32(one.statistics["parked_at"])).all()
        assert (padded.F[:, 4:] == 0).all()
        assert neighbour_counts(padded.R, one.cutoff)[:, :4].max() == 3  # parked beads are out of reach


def test_statistics_are_those_of_the_training_frames(made):
    with open_dataset(made / "d.h5") as dataset:
        forces = np.concatenate([dataset.load_protein(name, "train").F.ravel() for name in SIZES]).astype(float)
        assert dataset.statistics["force_rms"] == pytest.approx(np.sqrt((forces**2).mean()), rel=1e-9)
        assert dataset.statistics["neighbour_capacity"] == 6


def test_seed_layout(made):
    # detects arrays, types or an order that readers of the NPZ do not expect
    with np.load(made / "d.npz") as npz, open_dataset(made / "d.h5") as dataset:
        kinds = {name: (npz[name].dtype, npz[name].shape) for name in npz}
        assert kinds == {
            "R": (np.float32, (600, 7, 3)),
            "F": (np.float32, (600, 7, 3)),
            "species": (np.int32, (600, 7)),
            "mask": (np.float32, (600, 7)),
            "Z": (np.int32, (7,)),
        }
        assert (npz["Z"] == 6).all()
        train = dataset.statistics["frames"]["train"]
        first = dataset.load("train")[0]
        assert np.array_equal(npz["F"][: len(first.F), :4], first.F)
        assert npz["mask"][:train].sum() == sum(frames.topology.mask.sum() for frames in dataset.load("train"))


def test_summary_names_blocks_and_hashes(made):
    summary = read_json(made / "d.json", "dataset-summary")
    assert set(summary["sha256"]) == {"h5", "npz"}
    blocks = summary["splits"]["short"]["short/348/0"]
    assert sum(b["last"] + 1 - b["first"] for b in blocks) == 100
    assert {b["split"] for b in blocks} == {"train", "val", "test"}


def test_same_inputs_give_the_same_bytes(tmp_path, files, made):
    # detects time stamps and orders that change from run to run
    before = [(made / name).read_bytes() for name in ("d.h5", "d.npz", "d.json")]
    assert main(arguments(tmp_path, files)) == 0
    assert before == [(made / name).read_bytes() for name in ("d.h5", "d.npz", "d.json")]


def test_held_out_family(tmp_path, files):
    # detects held-out proteins that train, and relatives of them that do
    main(arguments(tmp_path, files, held_out=["longer", "again"]))
    with open_dataset(tmp_path / "d.h5") as dataset:
        assert dataset.load("train", "longer") == dataset.load("val", "again") == []
        assert len(dataset.load_protein("longer", "test").R) == 200
    with pytest.raises(UserError, match="longer is held out, but again of the same family"):
        main(arguments(tmp_path, files, held_out=["longer"]))


def test_division_by_families(tmp_path, files):
    # detects relatives in different sets, blocks inside a protein, a division that is not written down
    write_projection(tmp_path / "fourth.h5", projection("fourth", 100, 5), header("projection", {}, {}))
    main(arguments(tmp_path, [*files, tmp_path / "fourth.h5"], split="proteins"))
    summary = read_json(tmp_path / "d.json", "dataset-summary")
    assert summary["divided_by"] == "proteins"
    assert set(summary["families"].values()) == {"train", "val", "test"}
    assert set(summary["balance"]) == {"train", "val", "test"}
    with open_dataset(tmp_path / "d.h5") as dataset:
        for name, cuts in summary["splits"].items():
            own = summary["families"]["family" if name in ("longer", "again") else name]
            assert {block["split"] for blocks in cuts.values() for block in blocks} == {own}
            frames = dataset.statistics["proteins"][name]["frames"]
            assert frames[own] == sum(frames.values())
            assert dataset.statistics["proteins"][name]["force_rms"] > 0
    with pytest.raises(UserError, match=r"only 1 families besides those of dataset\.held_out"):
        main(arguments(tmp_path, files, split="proteins", held_out=["short"]))


def test_division_by_trajectories(tmp_path, files):
    # detects a mode that is not wired to the stage
    with pytest.raises(UserError, match="at least three trajectories"):
        main(arguments(tmp_path, files, split="trajectories"))


def test_quota_and_weight(tmp_path, files):
    # detects a quota on another protein, the first frames instead of a spread, and a weight that is not stored
    given = arguments(tmp_path, files)
    given[1] = json.dumps(settings() | {"quotas": {"longer": 50}, "weights": {"again": 2.5}})
    main(given)
    with open_dataset(tmp_path / "d.h5") as dataset:
        assert [p.weight for p in dataset.proteins] == [1.0, 1.0, 2.5]
        of = dataset.statistics["proteins"]
        assert [sum(of[name]["frames"].values()) for name in SIZES] == [200, 50, 200]
        assert of["longer"]["frames_beyond_quota"] == 150
        kept = [frames.frame for split in ("train", "val", "test", "gap") for frames in dataset.load(split, "longer")]
        assert sorted(np.concatenate(kept).tolist()) == list(range(0, 200, 4))


def test_configurations_that_judge_the_model_are_not_learnt(tmp_path, files):
    # detects one that stays in training or validation, or is missed when turned; and frames that go without need
    made = projection("longer", frames=200, beads=7)
    turn = scipy.spatial.transform.Rotation.from_rotvec([0.3, -1.0, 0.5]).as_matrix()
    reserved = np.arange(0, 200, 9)
    R = made.R[reserved].astype(float) @ turn.T + 5.0
    labels = {"R": R, "F_opt": R, "se_opt": np.ones_like(R), "temperature": np.full(len(R), 300.0)}
    np.savez(tmp_path / "labels.npz", resname=np.array(made.residue_name), **labels)
    main([*arguments(tmp_path, files), "--mean-force", "longer", str(tmp_path / "labels.npz")])
    with open_dataset(tmp_path / "d.h5") as dataset:
        learnt = [dataset.load_protein("longer", split).frame for split in ("train", "val")]
        assert not np.isin(np.concatenate(learnt), reserved).any()
        without = dataset.statistics["proteins"]
    main(arguments(tmp_path, files))
    with open_dataset(tmp_path / "d.h5") as dataset:
        learnt = [dataset.load_protein("longer", split).frame for split in ("train", "val")]
        lost = int(np.isin(np.concatenate(learnt), reserved).sum())
        assert lost == without["longer"]["frames_reserved"] > 10
        counts = [of["longer"]["frames"] for of in (dataset.statistics["proteins"], without)]
        assert [counts[0][name] - counts[1][name] for name in ("test", "gap")] == [0, -lost]
        assert without["short"]["frames_reserved"] == 0


def test_suspects_are_told(tmp_path, files, capsys):
    # detects an outlier that nobody hears of
    made = projection("longer", frames=200, beads=7)
    made.F[77, 2] *= 1000
    write_projection(files[1], made, header("projection", {}, {}))
    main(arguments(tmp_path, files))
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "1 forces" in message and "d.json" in message
    found = read_json(tmp_path / "d.json", "dataset-summary")["diagnostics"]
    assert found["proteins"]["longer"]["outliers"]["worst"][0]["frame"] == 77


def test_many_proteins_fit_in_the_header(tmp_path):
    # detects headers and statistics that outgrow an HDF5 attribute
    many = {f"protein-{number}": {"sha256": "0" * 64} for number in range(1000)}
    head = header("dataset", {}, {}) | {"inputs": many}
    with create_dataset(tmp_path / "d.h5", head, vocabulary="residues", cutoff=12.0, parked_at=0.0) as writer:
        writer.finish({"proteins": many})
    with open_dataset(tmp_path / "d.h5") as dataset:
        assert len(json.dumps(many)) > 2**16
        assert dataset.statistics["proteins"] == dataset.header["inputs"] == many
