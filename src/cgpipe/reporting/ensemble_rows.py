"""Rows about simulated ensembles: free energies of the fold and along every quantity, slow motions, fluctuations."""

from typing import Any

from cgpipe.reporting.lights import judge_fold, judge_free_energy, judge_handedness
from cgpipe.reporting.tables import Row, bounds, divergence, kt, kt_bounds, number


def free_energy_row(v: dict[str, Any], quantity: str, name: str, hint: str) -> Row:
    """Free energies along one quantity beside those of the prior alone and what the reference makes of itself."""
    key = f"free_energy_{quantity}"
    unvisited = v[f"{key}_unvisited"]
    alone = f"{_at_least(v[f'{key}_prior_unvisited'])}{kt(v[f'{key}_prior'])}"
    notes = [
        f"{v[f'{key}_states']} states",
        *([f"{unvisited} visited by one ensemble only"] if unvisited else []),
        hint,
    ]
    return Row(
        f"{name}: ΔF  [kT]",
        f"{_at_least(unvisited)}{kt(v[key])}",
        kt_bounds(v[f"{key}_interval"]) or (v[f"{key}_interval_missing"] or ""),
        f"prior alone {alone} · reference: halves {kt(v[f'{key}_split_half'])}, runs {kt(v[f'{key}_between'])}",
        judge_free_energy(v, quantity),
        "; ".join(notes),
    )


def _at_least(unvisited: int | None) -> str:
    """Mark of a difference that a state nobody visited makes a lower bound."""
    return "≥ " if unvisited else ""


def fold_rows(v: dict[str, Any]) -> list[Row]:
    """Free energy of folding, and what it differs in from the reference's; none without a native structure."""
    if "fold_free_energy" not in v:
        return []

    def value(of: str) -> str:
        if v[f"folded{of}"] is None:
            return "–"
        seen = v[f"fold_free_energy{of}"]
        return kt(seen) if seen is not None else "never folded" if v[f"folded{of}"] == 0 else "always folded"

    def interval(of: str) -> str:
        key = f"fold_free_energy{of}_interval"
        return kt_bounds(v[key]) or (v[f"{key}_missing"] or "")

    def how(of: str) -> str:
        key = f"fold_free_energy{of}_interval"
        return f"; {v[f'{key}_missing']}" if v[key] and v[f"{key}_missing"] else ""

    true = value("_reference")
    halves = f"halves {value('_first_half')} and {value('_second_half')}"
    runs = v["folded_by_run"]
    difference = kt(v["fold_free_energy_difference"])
    alone = kt(v["fold_free_energy_difference_prior"])
    return [
        Row("ΔG of folding, all-atom  [kT]", true, interval("_reference"), halves,
            hint=f"−ln P(Q ≥ 0.6)/P(Q < 0.6); folded in {min(runs):.0%} to {max(runs):.0%} of the frames of its runs"
            + how("_reference")),
        Row("ΔG of folding, model  [kT]", value(""), interval(""), f"all-atom {true}",
            hint=f"folded in {v['folded'] or 0:.0%} of the frames{how('')}"),
        Row("ΔG of folding, prior alone  [kT]", value("_prior"), interval("_prior"), f"all-atom {true}",
            hint=f"folded in {v['folded_prior'] or 0:.0%} of the frames{how('_prior')}"),
        Row("difference to all-atom, model  [kT]", difference, interval("_difference"), f"0; prior alone {alone}",
            judge_fold(v), hint="errors of reference and simulation in it"),
        Row("difference to all-atom, prior alone  [kT]", alone, interval("_difference_prior"), "0"),
    ]  # fmt: skip


def distribution_rows(v: dict[str, Any]) -> list[Row]:
    """Free energies along every quantity, each beside the prior alone and the reference's own."""
    rows = []
    for quantity, curve in v["curves"]["distributions"].items():
        js, alone = (divergence(v.get(f"js_{quantity}{of}")) for of in ("", "_prior"))
        hint = f"JS {js}, prior alone {alone}; W₁ {number(v[f'w1_{quantity}'], 2)} {curve['unit']}"
        rows.append(free_energy_row(v, quantity, curve["label"], hint))
    rows.append(
        Row(
            "contacts, RMS difference",
            number(v["contact_rmse"], 2),
            "",
            f"{number(v['contact_rmse_split_half'], 2)} halves",
        )
    )
    return rows


def slow_rows(v: dict[str, Any]) -> list[Row]:
    """Slow coordinates, fluctuations of the beads, handedness."""
    right, true = number(v["right_handed"]), number(v["right_handed_reference"])
    return [
        *(
            [free_energy_row(v, "tica", "slow coordinates", "TICA fitted to the reference alone")]
            if v["tica_states"]
            else []
        ),
        Row(
            "free energy, mean difference  [kcal/mol]",
            number(v["tica_mae"], 2),
            "",
            f"{number(v['tica_mae_split_half'], 2)} halves",
            hint="where both visit, after the best shift",
        ),
        Row(
            "coverage of the reference",
            number(v["coverage"], 2),
            "",
            f"{number(v['coverage_split_half'], 2)} halves",
            hint=f"the reference covers {number(v['coverage_of_simulation'], 2)} of the simulation",
        ),
        Row(
            "RMSF, RMS difference  [Å]",
            number(v["rmsf_difference"], 2),
            "",
            f"{number(v['rmsf_split_half'], 2)} halves",
        ),
        Row(
            "right-handed dihedrals",
            right,
            bounds(v["right_handed_interval"]) or (v["right_handed_interval_missing"] or ""),
            f"reference {true} ({_reference_bounds(v)})",
            judge_handedness(v),
            "share between 0 and 180°",
        ),
    ]


def _reference_bounds(v: dict[str, Any]) -> str:
    found = bounds(v["right_handed_reference_interval"])
    return found or v["right_handed_reference_interval_missing"] or "no dihedrals"


def judged_difference(v: dict[str, Any], quantity: str) -> str:
    """Two lines for a panel of the distributions."""
    key = f"free_energy_{quantity}"
    ours, alone = (f"{_at_least(v[f'{one}_unvisited'])}{kt(v[one])}" for one in (key, f"{key}_prior"))
    return f"ΔF {ours} kT\nprior {alone} kT"
