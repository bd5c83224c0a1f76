"""From a protein's block in ``proteins.yaml`` to the reader of its source."""

from contextlib import AbstractContextManager

from cgpipe.config.proteins import MdcathProtein, TrajectoryProtein, data_files
from cgpipe.data.readers.mdcath import open_mdcath
from cgpipe.data.readers.reader import Reader


def open_source(block: MdcathProtein | TrajectoryProtein) -> AbstractContextManager[Reader]:
    """All-atom frames of a protein, open for reading.

    Raises:
        UserError: a file is missing, cannot be read, or holds nothing of what was asked for.
    """
    files = data_files(block)
    if isinstance(block, MdcathProtein):
        return open_mdcath(
            files["path"], block.domain, block.temperatures, block.replicas, block.stride, block.max_frames
        )
    from cgpipe.data.readers.trajectory import open_trajectory  # MDAnalysis is slow to import, and not always needed

    return open_trajectory(
        block.topology,
        files["trajectories"],
        block.temperature,
        block.selection,
        block.stride,
        block.max_frames,
        block.missing_forces,
    )
