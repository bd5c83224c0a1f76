"""Readers of all-atom trajectories with forces: each gives the atoms, the trajectories, and chunks of frames."""

from cgpipe.data.readers.mdcath import open_mdcath
from cgpipe.data.readers.opening import open_source
from cgpipe.data.readers.reader import Reader

__all__ = ["Reader", "open_mdcath", "open_source"]
