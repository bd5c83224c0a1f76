"""Parameter files hold every weight under its path."""

import pickle

import numpy as np
from synthetic_program import tiny_potential

from cgpipe.artefact import header, read_header
from cgpipe.deploy.parameters import write_parameters


def test_both_files_hold_all_weights(tmp_path):
    """Detects lost or renamed arrays and a pickle inside the NPZ; not a wrong value that both share."""
    potential = tiny_potential(5)
    write_parameters(tmp_path, potential, header("program", {}, {}))
    with np.load(tmp_path / "params.npz", allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "cgpipe"}
    pickled = pickle.loads((tmp_path / "params.pkl").read_bytes())
    assert arrays.keys() == pickled.keys()
    np.testing.assert_array_equal(arrays["network.centre_types"], potential.network.centre_types)
    np.testing.assert_array_equal(pickled["network.layers.0.path_weights"], potential.network.layers[0].path_weights)
    assert sum(array.size for array in arrays.values()) > 500
    assert read_header(tmp_path / "params.npz")["kind"] == "program"
