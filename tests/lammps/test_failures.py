"""What can go wrong between LAMMPS and its driver, provoked: nothing goes on silently. Real LAMMPS, analytic forces."""

import numpy as np
import pytest
from force_fields import Springs
from synthetic_program import chain_positions
from test_driver import BEADS, NVE, attached, lammps_system

from cgpipe.dynamics.ends import Death


def test_lost_atoms_are_a_death(tmp_path):
    """Detects forces for the wrong rows after LAMMPS has dropped an atom."""
    sites = chain_positions(BEADS)
    field = Springs(sites)
    with lammps_system(tmp_path, sites) as lammps:
        driver = attached(lammps, field)
        for line in (NVE, "run 10", "group lost id 7", "delete_atoms group lost compress no"):
            driver.command(line)
        calls = len(field.seen)
        with pytest.raises(Death, match="LAMMPS lost atoms: 39 of 40 are left"):
            driver.command("run 1000")
        assert len(field.seen) == calls


def test_atoms_with_other_ids_are_refused(tmp_path):
    """Detects rows that are guessed: other IDs than those of the chain are no chain order."""
    sites = chain_positions(BEADS)
    with lammps_system(tmp_path, sites) as lammps:
        for line in ("group first id 1", "delete_atoms group first compress no"):
            lammps.command(line)
        with pytest.raises(RuntimeError, match="39 atoms, the program 40 beads"):
            attached(lammps, Springs(sites))
        field = Springs(sites[1:])
        with pytest.raises(Exception, match=r"atom IDs are \[.*2.*\], those of the program's chain are others"):
            attached(lammps, field)


def test_a_program_that_was_never_attached_is_an_error(tmp_path):
    """Detects dynamics without forces."""
    sites = chain_positions(BEADS)
    with lammps_system(tmp_path, sites) as lammps:
        lammps.command(NVE)
        with pytest.raises(Exception, match="callback function not set"):
            lammps.command("run 10")


@pytest.mark.parametrize("field_of_result", ["forces", "energy"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_end_the_run(tmp_path, field_of_result, value):
    """No bonds are watched here. Detects an MD that runs on to its end with T = nan and exit code 0."""
    sites = chain_positions(BEADS)

    class Fails(Springs):
        """From the 20th call on one force, or the energy, is no number."""

        def __call__(self, R):
            result = super().__call__(R)
            if len(self.seen) < 20:
                return result
            if field_of_result == "energy":
                return result._replace(energy=value)
            result.forces[7, 1] = value
            return result

    field = Fails(sites)
    with lammps_system(tmp_path, sites) as lammps:
        driver = attached(lammps, field)
        driver.command(NVE)
        with pytest.raises(Death, match=r"^step 19: a position, the energy or a force is not finite$"):
            driver.command("run 1000")
        assert len(field.seen) == 20 and lammps.extract_global("ntimestep") < 25
