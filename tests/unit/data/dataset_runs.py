"""The dataset stage on three made-up projections, as the tests run it."""

import json

SIZES = {"short": 4, "longer": 7, "again": 7}


def settings(**changes):
    options = {"test_fraction": 0.1, "block_frames": 10, "gap_frames": 2, "split_seed": 0, "held_out": [], "npz": True}
    options |= {"max_buckets": 4, "capacity_margin": 1.5} | changes
    families = {"short": "short", "longer": "family", "again": "family"}
    return {
        "dataset": options,
        "vocabulary": "residues",
        "val_fraction": 0.2,
        "cutoff": 12.0,
        "families": families,
    }


def arguments(folder, files, **changes):
    npz = ["--npz", str(folder / "d.npz")] if changes.get("npz", True) else []
    return [
        *("--settings", json.dumps(settings(**changes)), "--projections", *map(str, files)),
        *("--out", str(folder / "d.h5"), *npz, "--summary", str(folder / "d.json")),
    ]
