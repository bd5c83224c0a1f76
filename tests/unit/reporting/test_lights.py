"""The rules of single lights on made-up numbers."""

import pytest

from cgpipe.reporting.equilibrium import equilibrium, judge_identity
from cgpipe.reporting.lights import (
    Light,
    judge_fold,
    judge_forces,
    judge_free_energy,
    judge_handedness,
    judge_mean_forces,
    judge_stability,
    prior_told_apart,
    worst,
)


def numbers(value: float | None, interval: list[float | None] | None = None, own: float | None = 0.1) -> dict:
    return {"free_energy_rg": value, "free_energy_rg_interval": interval, "free_energy_rg_between": own}


@pytest.mark.parametrize(
    ("v", "light"),
    [
        (numbers(0.2, [0.0, 0.4]), Light.GOOD),
        (numbers(0.2, [0.0, 0.6]), Light.UNKNOWN),
        (numbers(0.8, [0.6, 1.5]), Light.FAIR),
        (numbers(2.0, [1.5, 2.5]), Light.BAD),
        (numbers(2.0, [1.5, None]), Light.BAD),
        (numbers(2.0, [0.3, None]), Light.UNKNOWN),
        (numbers(0.2, [0.0, 0.4], own=0.8), Light.UNKNOWN),
        (numbers(2.0, [1.5, 2.5], own=1.6), Light.UNKNOWN),
        (numbers(2.0, None), Light.BAD),
        (numbers(2.0, None, own=0.6), Light.UNKNOWN),
        (numbers(2.0, None, own=None), Light.UNKNOWN),
        (numbers(0.1, None), Light.UNKNOWN),
        (numbers(None), Light.UNKNOWN),
        (numbers(2.0, [1.5, 2.5]) | {"temperature": 300.0, "reference_temperature": 348.0}, Light.UNKNOWN),
        (numbers(2.0, [1.5, 2.5]) | {"temperature": 310.15, "reference_temperature": 310.1499938964844}, Light.BAD),
    ],
)
def test_free_energies_are_judged_by_their_whole_interval(v: dict, light: Light):
    """Detects a light from the estimate, a reference that cannot decide, an open end that passes, and None as good."""
    assert judge_free_energy(v, "rg") is light


@pytest.mark.parametrize(
    ("interval", "light"),
    [
        ([-0.4, 0.3], Light.GOOD),
        ([-0.6, 0.3], Light.UNKNOWN),
        ([-2.0, -1.2], Light.BAD),
        ([0.6, 2.0], Light.FAIR),
        ([1.2, None], Light.BAD),
        ([None, -1.2], Light.BAD),
        ([None, 0.2], Light.UNKNOWN),
        (None, Light.UNKNOWN),
    ],
)
def test_the_fold_is_judged_on_both_sides(interval: list[float | None] | None, light: Light):
    """Detects a chain that folds too well passing for a good one, and a state never seen that decides nothing."""
    assert judge_fold({"fold_free_energy": 1.0, "fold_free_energy_difference_interval": interval}) is light
    assert judge_fold({}) is None


def test_halves_that_disagree_about_the_fold_decide_nothing():
    """Detects a light against a reference whose halves differ by more than what is judged."""
    halves = {"fold_free_energy_first_half": -1.0, "fold_free_energy_second_half": 1.0}
    for interval, alone in (([-0.4, 0.3], Light.GOOD), ([1.2, 1.9], Light.BAD)):
        v = {"fold_free_energy": 1.0, "fold_free_energy_difference_interval": interval}
        assert judge_fold(v) is alone and judge_fold(v | halves) is Light.UNKNOWN


def test_the_prior_alone_is_told_apart_by_any_quantity_of_the_chain():
    """Detects a control on local geometry, which the prior has right, and one that passes without numbers."""
    off = {"free_energy_tica_prior": 2.0, "free_energy_tica_prior_interval": [1.2, 3.0]}
    assert prior_told_apart(off) and not prior_told_apart({})
    assert not prior_told_apart({"free_energy_bond_prior": 2.0, "free_energy_bond_prior_interval": [1.2, 3.0]})


@pytest.mark.parametrize(
    ("errors", "light"),
    [
        ([1.0, -0.5, 0.3], Light.GOOD),
        ([2.1, 0.2, 0.3], Light.GOOD),
        ([1.96, 1.95, 1.95], Light.FAIR),
        ([3.5, 0.1, 0.2], Light.FAIR),
        ([-3.5, -3.1, 0.2], Light.BAD),
        ([2.5], Light.FAIR),
        ([], Light.UNKNOWN),
    ],
)
def test_the_identity_of_equilibrium_has_a_light(errors: list[float], light: Light):
    """Detects an identity that is shown and judged by nobody, and one separation of three that decides by chance."""
    pairs = {str(number + 1): {"difference": 0.1 * one, "error": 0.1} for number, one in enumerate(errors)}
    assert judge_identity(pairs) is light
    line = equilibrium({"a": pairs})
    assert line.light is light and (("not equilibrated" in line.text) is (light in (Light.FAIR, Light.BAD)))


@pytest.mark.parametrize(
    ("bounds", "light"),
    [([0.01, 0.02], Light.GOOD), ([-0.01, 0.02], Light.FAIR), ([-0.02, -0.01], Light.BAD), (None, Light.UNKNOWN)],
)
def test_forces_are_judged_by_the_paired_gain(bounds: list[float] | None, light: Light):
    """Detects a verdict on R² itself, which noise rules."""
    assert judge_forces({"force_r2": 0.9, "force_r2_gain_interval": bounds, "force_blocks": 9}) is light


def test_few_blocks_decide_nothing():
    """Detects certainty from an interval over two units."""
    assert judge_forces({"force_r2_gain_interval": [0.1, 0.2], "force_blocks": 2}) is Light.UNKNOWN


@pytest.mark.parametrize(("alive", "light"), [(4, Light.GOOD), (3, Light.FAIR), (2, Light.BAD)])
def test_stability_counts_the_dead(alive: int, light: Light):
    """Detects a lost replica that does not matter."""
    assert judge_stability({"replicas": 4, "replicas_survived": alive}) is light


def unseen(configurations: int, bounds: list[float] | None) -> dict:
    """Mean forces of which so many are of runs that are not trained on; all together speak for the network."""
    return {
        "mean_force_configurations": 9,
        "mean_force_full_over_prior_r2_gain_interval": [0.1, 0.2],
        "mean_force_unseen_configurations": configurations,
        "mean_force_unseen_full_over_prior_r2_gain_interval": bounds,
    }


@pytest.mark.parametrize(
    ("v", "light"),
    [
        ({"mean_force_configurations": 0}, None),
        (unseen(0, [0.01, 0.02]), None),
        (unseen(9, [0.01, 0.02]), Light.GOOD),
        (unseen(9, [-0.02, -0.01]), Light.BAD),
        (unseen(9, [-0.02, 0.01]), Light.FAIR),
        (unseen(1, None), Light.UNKNOWN),
    ],
)
def test_mean_forces_are_judged_by_the_paired_gain(v: dict, light: Light | None):
    """Detects a light for a test set that is not there, one from R² itself, and one from runs that are trained on."""
    assert judge_mean_forces(v) is light


@pytest.mark.parametrize(("share", "light"), [(0.5, Light.GOOD), (0.9, Light.FAIR), (None, Light.UNKNOWN)])
def test_handedness_is_held_against_the_references_interval(share: float | None, light: Light):
    """Detects a share that is compared with a point."""
    assert judge_handedness({"right_handed": share, "right_handed_reference_interval": [0.4, 0.6]}) is light


def test_a_group_is_as_good_as_its_worst():
    """Detects an average of lights."""
    assert worst([Light.GOOD, Light.BAD, Light.GOOD]) is Light.BAD
    assert worst([Light.GOOD, Light.UNKNOWN]) is Light.UNKNOWN
    assert worst([]) is Light.UNKNOWN
