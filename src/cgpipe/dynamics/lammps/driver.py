"""Forces of a program for LAMMPS, step by step, through ``fix external``.

LAMMPS calls back with its atoms in an order of its own, so rows are restored through atom IDs, which rise from row to
row. Whatever is raised in a callback would be swallowed and the dynamics would run on: here it is kept, the forces are
set to zero, the run is stopped by a forced timeout, and ``command`` raises what was kept. Ctrl-C is taken by a handler
of its own, because it could strike outside the guarded part of the callback.
"""

import math
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from cgpipe.data.species import Vocabulary
from cgpipe.data.topology import Topology
from cgpipe.deploy.program import Evaluated, NeighbourOverflow
from cgpipe.dynamics.ends import BondWatch, Death, SpreadWatch
from cgpipe.dynamics.lammps.system import atom_ids

FIX = "cgpipe"
"""ID of the ``fix external`` in every input file."""

LOST = re.compile(r"Lost atoms|Non-numeric", re.IGNORECASE)
"""What LAMMPS says when a structure has blown up."""


ForceField = Callable[[np.ndarray], Evaluated]
"""Positions [Å] in chain order → energy [kcal/mol] and forces [kcal/mol/Å]; such as a bound program."""


class Driver:
    """One LAMMPS instance under the forces of one program."""

    def __init__(self, lammps: Any, force_field: ForceField, bonds: BondWatch, spread: SpreadWatch | None = None):
        self._lammps = lammps
        self._force_field = force_field
        self._failure: BaseException | None = None
        self._rows: Float[np.ndarray, "beads 3"] = np.empty((0, 3))
        self._row_of_id: Int[np.ndarray, " ids"] = np.empty(0, np.int64)
        self.bonds = bonds
        self.spread = spread
        self.calls = 0
        self.model_seconds = 0.0

    def attach(self, topology: Topology, vocabulary: Vocabulary) -> None:
        """Take over the forces of a system that was read and has its ``fix external``.

        Args:
            topology: that the program computes, to be compared with atom IDs and types.
            vocabulary: bead types.

        Raises:
            RuntimeError: LAMMPS holds other atoms than the program expects.
        """
        count = self._lammps.get_natoms()
        species = np.asarray(topology.species)
        if count != len(species):
            raise RuntimeError(f"LAMMPS holds {count} atoms, the program {len(species)} beads")
        ids = self._lammps.numpy.extract_atom("id")[:count]
        order = np.argsort(ids)
        if ids[order].tolist() != atom_ids(topology).tolist():
            raise RuntimeError(f"LAMMPS atom IDs are {ids[order].tolist()}, those of the program's chain are others")
        types = self._lammps.numpy.extract_atom("type")[:count][order]
        found = [vocabulary.species_of_lammps_type(int(kind)) for kind in types]
        if found != list(species):
            raise RuntimeError(f"LAMMPS atom types mean species {found}, the program has {list(species)}")
        self._rows = np.empty((count, 3))
        self._row_of_id = np.zeros(ids.max() + 1, np.int64)
        self._row_of_id[ids[order]] = np.arange(count)
        self._lammps.set_fix_external_callback(FIX, self._callback, None)

    def command(self, line: str) -> None:
        """Execute one line of an input file.

        Raises:
            Death: the molecule fell apart in it.
            KeyboardInterrupt: Ctrl-C was pressed in it.
            BaseException: whatever the force field raised in it, or LAMMPS's own complaint.
        """
        self._failure = None
        with self._ctrl_c():
            try:
                self._lammps.command(line)
            except Exception as error:  # the lammps module raises plain Exception for everything
                step = int(self._lammps.extract_global("ntimestep"))
                if self._failure is None:
                    self._failure = Death(step, f"LAMMPS: {error}") if LOST.search(str(error)) else error
        if self._failure is not None:
            self._lammps.command("timer timeout off")  # a forced timeout would stop every later run too
            raise self._failure

    def _callback(self, _caller: Any, step: int, count: int, ids: Any, x: Any, f: Any) -> None:
        """Fill f with the forces at x; rows are LAMMPS's, ids its atom IDs. Never raises."""
        try:
            if self._failure is not None:
                raise self._failure
            if count != len(self._rows):
                raise Death(step, f"LAMMPS lost atoms: {count} of {len(self._rows)} are left")
            row = self._row_of_id[ids]
            self._rows[row] = x
            self.bonds.check(self._rows, step)
            before = time.perf_counter()
            result = self._force_field(self._rows)
            self.model_seconds += time.perf_counter() - before
            self.calls += 1
            # LAMMPS goes on with numbers that are none; a sum is finite only if all its terms are
            if not math.isfinite(result.energy + float(result.forces.sum()) + float(self._rows.sum())):
                raise FloatingPointError("a position, the energy or a force is not finite")
            if self.spread is not None:
                self.spread.check(self._rows, result, step)
            f[:] = result.forces[row]
            self._lammps.fix_external_set_energy_global(FIX, result.energy)
        except (FloatingPointError, NeighbourOverflow) as error:
            self._stop(Death(step, str(error)), f)
        except BaseException as error:
            self._stop(error, f)

    def _stop(self, failure: BaseException, f: Any) -> None:
        """Keep the first failure, and end the run at its next step."""
        self._failure = self._failure or failure
        f[:] = 0.0
        self._lammps.force_timeout()

    @contextmanager
    def _ctrl_c(self) -> Iterator[None]:
        """Turn Ctrl-C into a kept failure, which the next callback or the end of the command raises."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def keep(_number: int, _frame: Any) -> None:
            self._failure = self._failure or KeyboardInterrupt()

        previous = signal.signal(signal.SIGINT, keep)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)
