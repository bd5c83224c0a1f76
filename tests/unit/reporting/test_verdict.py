"""The rules of the verdict on made-up numbers; whether the rules are wise is not for a test to say."""

import pytest

from cgpipe.reporting.verdict import (
    Light,
    judge_divergence,
    judge_forces,
    judge_handedness,
    judge_mean_forces,
    judge_stability,
    own_floor,
    verdict,
    worst,
)


def numbers(js: float | None, halves: float | None = 0.02, between: float | None = 0.03) -> dict:
    return {"js_rg": js, "js_rg_split_half": halves, "js_rg_between": between}


@pytest.mark.parametrize(
    ("v", "light"),
    [
        (numbers(0.01, 0.0, 0.0), Light.GOOD),
        (numbers(0.04), Light.GOOD),
        (numbers(0.1), Light.FAIR),
        (numbers(0.5), Light.BAD),
        (numbers(0.3, 0.1, 0.25), Light.UNKNOWN),
        (numbers(None), Light.UNKNOWN),
        (numbers(0.3, None, None), Light.BAD),
        (numbers(0.3) | {"temperature": 300.0, "reference_temperature": 348.0}, Light.UNKNOWN),
        (numbers(0.01) | {"temperature": 300.0, "reference_temperature": 348.0}, Light.UNKNOWN),
        (numbers(-0.002, -0.01, -0.003), Light.GOOD),
        (numbers(0.3) | {"js_rg_interval": [0.01, 0.8]}, Light.UNKNOWN),
        (numbers(0.3) | {"js_rg_interval": [0.2, 0.4]}, Light.BAD),
        (numbers(0.01) | {"js_rg_interval": [0.0, 0.03]}, Light.GOOD),
        (numbers(0.01) | {"js_rg_interval": [0.0, 0.5]}, Light.UNKNOWN),
    ],
)
def test_divergences_are_held_against_the_references_own(v: dict, light: Light):
    """Detects a floor that is ignored, a reference or interval too poor to decide anything, and None that passes."""
    assert judge_divergence(v, "rg") is light


def test_floor_is_the_larger_of_both():
    """Detects a verdict that picks the convenient floor."""
    assert own_floor(numbers(0.1), "rg") == 0.03
    assert own_floor(numbers(0.1, 0.05, None), "rg") == 0.05
    assert own_floor(numbers(0.1, None, None), "rg") is None


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


@pytest.mark.parametrize(
    ("v", "light"),
    [
        ({"mean_force_configurations": 0}, None),
        ({"mean_force_configurations": 9, "mean_force_full_over_prior_r2_gain_interval": [0.01, 0.02]}, Light.GOOD),
        ({"mean_force_configurations": 9, "mean_force_full_over_prior_r2_gain_interval": [-0.02, -0.01]}, Light.BAD),
        ({"mean_force_configurations": 1, "mean_force_full_over_prior_r2_gain_interval": None}, Light.FAIR),
    ],
)
def test_mean_forces_are_judged_by_the_paired_gain(v: dict, light: Light | None):
    """Detects a light for a test set that is not there, and one from R² itself."""
    assert judge_mean_forces(v) is light


@pytest.mark.parametrize(("share", "light"), [(0.5, Light.GOOD), (0.9, Light.FAIR), (None, Light.UNKNOWN)])
def test_handedness_is_held_against_the_references_interval(share: float | None, light: Light):
    """Detects a share that is compared with a point."""
    assert judge_handedness({"right_handed": share, "right_handed_reference_interval": [0.4, 0.6]}) is light


def test_a_control_that_passes_takes_the_good_light_away():
    """Detects a comparison that praises although it cannot tell a mirror image."""
    curves = {"distributions": {"rg": {"label": "radius of gyration"}}}
    v = {
        "curves": curves,
        "replicas": 1,
        "replicas_survived": 1,
        "simulated_ps": 1.0,
        "force_blocks": 9,
        **numbers(0.01),
    }
    assert verdict({"a": v})[2].light is Light.GOOD
    told = verdict({"a": v | {"mirrored_control_flagged": False}})[2]
    assert told.light is Light.UNKNOWN and "mirrored control of a" in told.text


def test_a_group_is_as_good_as_its_worst():
    """Detects an average of lights."""
    assert worst([Light.GOOD, Light.BAD, Light.GOOD]) is Light.BAD
    assert worst([Light.GOOD, Light.UNKNOWN]) is Light.UNKNOWN
    assert worst([]) is Light.UNKNOWN


def test_three_lines_that_name_the_bad_protein():
    """Detects a verdict that hides one protein behind another."""
    curves = {"distributions": {"rg": {"label": "radius of gyration"}}}
    common = {
        "replicas": 2,
        "force_blocks": 9,
        "simulated_ps": 100.0,
        "force_r2": 0.5,
        "prior_force_r2": 0.4,
        "curves": curves,
    }
    good = {**common, "replicas_survived": 2, "force_r2_gain_interval": [0.1, 0.2], **numbers(0.01)}
    bad = {**common, "replicas_survived": 1, "force_r2_gain_interval": [-0.2, -0.1], **numbers(0.9)}
    lines = verdict({"fine": good, "broken": bad})
    assert [line.light for line in lines] == [Light.BAD] * 3
    assert "3 of 4" in lines[0].text and "broken 1" in lines[0].text
    assert "radius of gyration of broken" in lines[2].text and "of fine" not in lines[2].text
