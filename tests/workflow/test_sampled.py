"""A protein that is sampled here, through the workflow until its mean forces are in the dataset."""

import h5py
import numpy as np

from cgpipe.data.mean_forces import found_in, read_mean_forces

BLOCK = """proteins:
  pep: {source: openmm, sequence: AAGSA, temperature: 348, replicas: 2, nanoseconds: 0.05, equilibration: 1.0,
    save_every: 0.2, average: {test: 2, train: 3, picoseconds: 5.0}}
"""


def test_sampled_protein_and_its_mean_forces_reach_the_dataset(checkout):
    """Detects a stage that cannot read what another wrote: OpenMM, gathering, projection, held runs, dataset."""
    (checkout.path / "pep.yaml").write_text(BLOCK)
    outcome = checkout.snakemake(
        "results/demo/dataset/dataset.h5", "results/demo/average/pep.test.npz",
        "--config", "proteins=pep.yaml", "project={max_overfit: 1.0}",
    )  # fmt: skip
    assert outcome.code == 0, outcome.text
    results = checkout.path / "results" / "demo"
    test, train = (read_mean_forces(results / "average" / f"pep.{name}.npz") for name in ("test", "train"))
    with h5py.File(results / "dataset" / "dataset.h5") as file:
        parts = [(bucket["R"][:], bucket["split"][:]) for bucket in file["buckets"].values()]
    R, split = (np.concatenate(found) for found in zip(*parts, strict=True))
    assert np.count_nonzero(split == 3) == 3
    assert found_in(train.R, R[split == 3].astype(float)).all()
    assert not found_in(test.R, R[np.isin(split, (0, 1, 3))].astype(float)).any()
