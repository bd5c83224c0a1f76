"""What the dataset stage refuses, or tells, of projections and settings that do not go together."""

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest
from dataset_runs import SIZES, arguments, settings
from test_projection import projection

from cgpipe.artefact import header
from cgpipe.data.projection import write_projection
from cgpipe.dataset import main
from cgpipe.errors import UserError
from cgpipe.stage import run


def test_nothing_left_to_train_on(tmp_path, files):
    with pytest.raises(UserError, match="no frames are left for train"):
        main(arguments(tmp_path, files, held_out=list(SIZES)))
    with pytest.raises(UserError, match="no frames are left for val"):
        main(arguments(tmp_path, files, block_frames=80))


def test_zero_frames(tmp_path, files):
    write_projection(files[1], projection("longer", frames=0, beads=7), header("projection", {}, {}))
    with pytest.raises(UserError, match=r"longer\.h5: longer has no frames"):
        main(arguments(tmp_path, files))
    assert not (tmp_path / "d.h5").exists()


def test_nan_in_a_projection(tmp_path, files):
    broken = projection("longer", frames=200, beads=7)
    broken.F[3, 2, 1] = np.nan
    write_projection(files[1], broken, header("projection", {}, {}))
    with pytest.raises(UserError, match=r"longer\.h5: NaN or infinity"):
        main(arguments(tmp_path, files))


def test_same_protein_twice(tmp_path, files):
    with pytest.raises(UserError, match="protein 'short' is in more than one of"):
        main(arguments(tmp_path, [*files, files[0]]))


def test_one_file_under_two_names(tmp_path, files, capsys):
    """Detects frames that would be trained on under one name and tested on under another."""
    copy = tmp_path / "copy.h5"
    write_projection(
        copy, replace(projection("longer", frames=200, beads=7), protein="copy"), header("projection", {}, {})
    )
    assert run(main, arguments(tmp_path, [*files, copy])) == 2
    assert "longer and copy have 200 equal frames" in capsys.readouterr().err
    assert not (tmp_path / "d.h5").exists()


def test_a_start_that_two_proteins_share(tmp_path, files, capsys):
    """Detects a common start that is in two sets, or that is left out without a word."""
    one, other = (projection(name, frames=200, beads=7) for name in ("longer", "other"))
    R = other.R.copy()
    R[0] = one.R[0]
    write_projection(tmp_path / "other.h5", replace(other, R=R), header("projection", {}, {}))
    assert main(arguments(tmp_path, [*files, tmp_path / "other.h5"])) == 0
    assert "warning: other: 1 frames are also of an earlier protein" in capsys.readouterr().err
    summary = json.loads((tmp_path / "d.json").read_text())
    assert summary["statistics"]["proteins"]["other"]["frames_of_another_protein"] == 1


def test_other_kind_and_units(tmp_path, files, capsys):
    # detects mixed units that would be averaged, and exit codes other than 2 for the user's mistakes
    with h5py.File(files[0], "a") as file:
        head = json.loads(file.attrs["cgpipe"])
        file.attrs["cgpipe"] = json.dumps(head | {"units": head["units"] | {"length": "nm"}})
    assert run(main, arguments(tmp_path, files)) == 2
    assert "short.h5: units" in capsys.readouterr().err
    main(arguments(tmp_path, files[1:]))
    assert run(main, arguments(tmp_path, [tmp_path / "d.h5"])) == 2
    assert "expected a 'projection' file, got a 'dataset' file" in capsys.readouterr().err


def test_npz_is_optional_but_not_by_accident(tmp_path, files):
    main(arguments(tmp_path, files, npz=False))
    assert not (tmp_path / "d.npz").exists()
    with pytest.raises(UserError, match=r"dataset\.npz is True, but --npz is missing"):
        main([*arguments(tmp_path, files, npz=False)[2:], "--settings", json.dumps(settings())])
