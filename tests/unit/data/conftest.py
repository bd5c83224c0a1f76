"""Made-up projections, for what the dataset stage does with them."""

import pytest
from dataset_runs import SIZES
from test_projection import projection

from cgpipe.artefact import header
from cgpipe.data.projection import write_projection


@pytest.fixture
def files(tmp_path):
    """Projections of three proteins, 200 frames each."""
    paths = []
    for name, beads in SIZES.items():
        paths.append(tmp_path / f"{name}.h5")
        write_projection(paths[-1], projection(name, frames=200, beads=beads), header("projection", {}, {}))
    return paths
