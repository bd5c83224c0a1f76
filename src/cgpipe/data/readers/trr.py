"""What the frames of a GROMACS TRR file hold, from their headers alone.

A frame is a header in XDR (big-endian) and then its arrays. The header: the number 1993, the version as a counted
text, thirteen integers (sizes in bytes of the arrays, number of atoms, step, an unused one), and time and λ in the
precision of the arrays. Any frame may lack positions, velocities or forces.
"""

import struct
from pathlib import Path
from typing import NamedTuple

from cgpipe.errors import UserError

MAGIC = 1993
VERSION = b"GMX_trn_file"
FIXED = struct.Struct(f">3i{len(VERSION)}s13i")


class TrrFrame(NamedTuple):
    """Whether a frame has positions, and whether it has forces."""

    positions: bool
    forces: bool


def scan_trr(path: Path) -> list[TrrFrame]:
    """What each frame of a TRR file holds.

    Raises:
        UserError: not a TRR file, or one that ends within a frame.
    """
    frames: list[TrrFrame] = []
    size = path.stat().st_size
    offset = 0
    with path.open("rb", buffering=0) as file:
        while offset < size:
            file.seek(offset)
            head = file.read(FIXED.size)
            place = f"{path}, frame {len(frames)}"
            if len(head) < FIXED.size:
                raise UserError(f"{place}: the file ends within a frame (truncated?); remove the incomplete frame")
            magic, _, _, version, *numbers = FIXED.unpack(head)
            sizes, atoms = numbers[:10], numbers[10]
            if magic != MAGIC or version != VERSION or min(sizes) < 0 or atoms < 1:
                raise UserError(f"{place}: not a frame of a TRR file (damaged, or another format?)")
            box, positions, velocities, forces = sizes[2], *sizes[7:10]
            # the size of a number follows from that of any array
            number = box // 9 if box else max(positions, velocities, forces) // (3 * atoms)
            offset += FIXED.size + 2 * number + sum(sizes)
            if offset > size:
                raise UserError(f"{place}: the file ends within a frame (truncated?); remove the incomplete frame")
            frames.append(TrrFrame(positions > 0, forces > 0))
    return frames
