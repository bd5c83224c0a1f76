"""A small synthetic mdCATH file, and everything that the reader makes of one."""

from pathlib import Path

from synthetic_mdcath import SyntheticProtein, write_mdcath

from cgpipe.data.readers.mdcath import open_mdcath

PROTEIN = SyntheticProtein(["ALA", "GLY", "SER"])


def write_small(path: Path) -> Path:
    """Three trajectories at two temperatures."""
    return write_mdcath(path, PROTEIN, {"320/0": 5, "348/0": 7, "348/2": 4})


def read(path, domain="", temperatures=(), replicas=(), stride=1, max_frames=0):
    """The reader, closed again, and all its chunks."""
    with open_mdcath(path, domain, temperatures, replicas, stride, max_frames) as reader:
        return reader, list(reader.chunks())
