"""The verdict's lines on made-up numbers; whether the rules are wise is not for a test to say."""

import pytest

from cgpipe.reporting.lights import Light
from cgpipe.reporting.verdict import Finding, verdict

CURVES = {
    "distributions": {name: {"label": name} for name in ("bond", "rg", "native_contacts")},
}
DISTANCES = {"": 0.1, "_prior": 0.2}


def protein(name: str, **changes: object) -> dict:
    """A protein that nothing speaks against."""
    common = {
        "protein": name,
        "replicas": 2,
        "replicas_survived": 2,
        "simulated_ps": 100.0,
        "force_blocks": 9,
        "force_r2": 0.5,
        "prior_force_r2": 0.4,
        "force_r2_gain": 0.1,
        "force_r2_gain_interval": [0.05, 0.15],
        "curves": CURVES,
    }
    return {**common, **energies("bond", 0.1, 0.05), **energies("rg", 0.1, 0.05), **changes}


def energies(quantity: str, value: float, error: float, prior: float = 2.0) -> dict:
    """Free energies of model and prior alone, the latter far off."""
    key = f"free_energy_{quantity}"
    return {
        key: value,
        f"{key}_interval": [value - error, value + error],
        f"{key}_prior": prior,
        f"{key}_prior_interval": [prior - error, prior + error],
        f"{key}_split_half": 0.1,
        f"{key}_between": 0.1,
    }


def fold(model: float | None, interval: list[float | None] | None) -> dict:
    """Free energies of folding: of a model, of a reference at 0, and of a prior that never folds."""
    found = {"": (model, interval, 0.1), "_reference": (0.0, [-0.1, 0.1], 0.5), "_prior": (None, [3.0, None], 0.0)}
    flat: dict = {}
    for of, (value, ends, share) in found.items():
        flat |= {f"fold_free_energy{of}": value, f"fold_free_energy{of}_interval": ends, f"folded{of}": share}
    for of in ("", "_prior"):
        flat |= {
            f"fold_free_energy_difference{of}{end}": flat[f"fold_free_energy{of}{end}"] for end in ("", "_interval")
        }
    return flat


def lines(**validations: dict) -> dict[str, Finding]:
    return {finding.title: finding for finding in verdict(validations)}


def test_a_line_for_each_question_that_names_the_bad_protein():
    """Detects a verdict that hides one protein behind another."""
    bad = {"replicas_survived": 1, "force_r2_gain": -0.1, "force_r2_gain_interval": [-0.2, -0.05]}
    found = lines(fine=protein("fine"), broken=protein("broken", **bad, **energies("rg", 3.0, 0.1)))
    assert {name: line.light for name, line in found.items()} == {
        "Stability": Light.BAD, "Forces": Light.BAD, "Structure": Light.GOOD, "Fold": Light.BAD, "Prior": Light.BAD,
    }  # fmt: skip
    assert "3 of 4" in found["Stability"].text and "broken 1" in found["Stability"].text
    assert "broken (rg)" in found["Fold"].text and "fine (" not in found["Fold"].text


def test_whole_bonds_are_not_called_a_fold():
    """A chain whose bonds hold while its fold is lost: the light of stability is about bonds, and the fold's is poor.

    Detects 'intact' said of replicas, and a fold that is not judged.
    """
    found = lines(a=protein("a", **fold(3.0, [2.0, 4.0])))
    assert found["Stability"].light is Light.GOOD and "about bonds and numerics" in found["Stability"].text
    assert found["Fold"].light is Light.BAD and "free energy of folding" in found["Fold"].text


def test_the_fold_stands_beside_all_atom_and_the_prior_alone():
    """Detects a model's number without those that it is to be held against, and a state that nobody saw as a number."""
    text = lines(a=protein("a", **fold(0.1, [-0.2, 0.4])))["Fold"].text
    assert "model 0.10 kT (−0.20 … 0.40 kT); all-atom 0.00 kT (−0.10 … 0.10 kT)" in text
    assert "prior alone never folded (above 3.00 kT)" in text
    assert "Without a native structure, by the shape alone: b." in lines(b=protein("b"))["Fold"].text


def test_contacts_and_slow_coordinates_count():
    """Detects a verdict on bonds, angles, dihedrals and size only."""
    for quantity, name in (("native_contacts", "native_contacts"), ("tica", "slow coordinates")):
        line = lines(a=protein("a", **energies(quantity, 2.0, 0.3)))["Fold"]
        assert line.light is Light.BAD and f"a ({name})" in line.text


@pytest.mark.parametrize(
    ("prior", "light", "word"),
    [
        (0.8, Light.BAD, "makes worse than the prior alone: rg of a"),
        (1.9, Light.GOOD, "nothing worse"),
        (4.0, Light.GOOD, "Better: "),
    ],
)
def test_what_the_network_makes_worse_is_a_finding_that_names_it(prior: float, light: Light, word: str):
    """The model is 2.0 ± 0.2 kT off, the prior alone by less, as much, or more.

    Detects a number of the prior that nobody looks at, and a difference within the errors that is called one.
    """
    found = lines(a=protein("a", **energies("rg", 2.0, 0.2, prior)))["Prior"]
    assert found.light is light and word in found.text
    assert ("1 quantity differs" if prior == 1.9 else "off by 2 kT, the prior alone by") in found.text


def test_where_nothing_can_be_compared_the_prior_is_undecided():
    """Detects praise for a comparison that was not made."""
    none = {f"free_energy_{quantity}{of}_interval": None for quantity in ("bond", "rg") for of in ("", "_prior")}
    found = lines(a=protein("a", **none))
    assert found["Prior"].light is Light.UNKNOWN and "2 cannot be compared" in found["Prior"].text
    assert found["Fold"].light is Light.UNKNOWN and "Too few data to judge any of it" in found["Fold"].text


def test_a_control_that_passes_takes_the_good_light_away():
    """Detects a comparison that praises although it cannot tell a mirror image."""
    assert lines(a=protein("a"))["Structure"].light is Light.GOOD
    told = lines(a=protein("a", mirrored_control_flagged=False))["Structure"]
    assert told.light is Light.UNKNOWN and "mirrored control of a" in told.text


@pytest.mark.parametrize(
    ("unseen", "seen", "what"), [(0, 9, "which is no test"), (0, 4, "not known"), (3, 6, "not trained on")]
)
def test_mean_forces_say_whose_they_are(unseen: int, seen: int, what: str):
    """Detects mean forces of runs that are trained on passing for a test, and better than the prior by them."""
    kinds = {f"{kind}_r2_beyond_bonds_corrected": 0.5 for kind in ("full", "prior")}
    numbers = {f"mean_force{of}_{key}": value for of in ("", "_unseen") for key, value in kinds.items()}
    numbers |= {"mean_force_configurations": 9, "mean_force_seen_configurations": seen}
    numbers |= {
        f"mean_force_full_over_prior_r2_gain{end}": gain for end, gain in (("", 0.1), ("_interval", [0.05, 0.15]))
    }
    numbers["mean_force_unseen_configurations"] = unseen
    if unseen:
        numbers |= {
            f"mean_force_unseen_full_over_prior_r2_gain{end}": gain
            for end, gain in (("", -0.1), ("_interval", [-0.2, -0.05]))
        }
    found = lines(a=protein("a", **numbers))
    assert what in found["Forces"].text
    assert ("mean forces of a" in found["Prior"].text) is bool(unseen)
    assert found["Forces"].light is (Light.BAD if unseen else Light.GOOD)
