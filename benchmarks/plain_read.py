"""Read all positions and forces of an mdCATH file in pieces, do nothing with them; prints bytes and seconds of reading.

Run it as ``python benchmarks/plain_read.py FILE``.
"""

import sys
import time

import h5py

PIECE = 500


def main() -> None:
    """Read, print."""
    read, start = 0, time.perf_counter()
    with h5py.File(sys.argv[1]) as file:
        for domain in file.values():
            runs = [run for key, group in domain.items() if key.isdigit() for run in group.values()]
            for data in (run[key] for run in runs for key in ("coords", "forces")):
                read += sum(data[k : k + PIECE].nbytes for k in range(0, len(data), PIECE))
    print(read, time.perf_counter() - start)


if __name__ == "__main__":
    main()
