"""Free energies of the model, of the prior alone and of the reference's own parts, in units of kT."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from cgpipe.data.autocorrelation import integrated_time
from cgpipe.physics.divergence_estimates import Binned
from cgpipe.physics.ensembles import Quantity, in_bins, measured
from cgpipe.physics.free_energies import difference, equal_levels, own_differences
from cgpipe.physics.two_states import FOLDED, TwoStates, fold_free_energy, minus

Runs = Sequence[Float[np.ndarray, "_ beads 3"]]


def free_energies(
    quantities: Sequence[Quantity], reference: Runs, simulated: Runs, alone: Runs, generator: np.random.Generator
) -> dict[str, Any]:
    """Free energies along every quantity, and of the fold where there are native contacts.

    Args:
        quantities: what is compared.
        reference: frames of each trajectory [Å].
        simulated: frames of each replica [Å].
        alone: frames of each replica under the prior alone [Å].
        generator: picks ways of dividing many trajectories in two.

    Returns:
        ``free_energy_{quantity}`` with the endings of :func:`compared_states`, and the keys of :func:`fold`.
    """
    flat: dict[str, Any] = {}
    for quantity in quantities:
        values = measured(quantity, reference)
        one_bin = in_bins(np.zeros(0), values, quantity.period)
        memory = max(integrated_time(one, one_bin.run, one_bin.time) for one in one_bin.slow)
        borders = equal_levels(values, len(one_bin.run) / memory)
        true = in_bins(borders, values, quantity.period)
        ours, others = (
            in_bins(borders, part, quantity.period) if part else None
            for part in (measured(quantity, simulated), measured(quantity, alone))
        )
        flat |= compared_states(quantity.name, true, ours, others, len(borders) + 1, generator)
        if quantity.name == "native_contacts":
            flat |= fold(
                *([quantity.measure(run) for run in runs if len(run)] for runs in (reference, simulated, alone))
            )
    return flat


def compared_states(
    name: str,
    reference: Binned,
    simulated: Binned | None,
    alone: Binned | None,
    number: int,
    generator: np.random.Generator,
) -> dict[str, Any]:
    """Root mean square difference of the states' free energies from the reference's [kT].

    Args:
        name: of the quantity.
        reference, simulated, alone: states of the frames of the reference, the simulation, and the prior alone.
        number: of states.
        generator: picks ways of dividing many trajectories in two.

    Returns:
        ``free_energy_{name}`` of the simulation and ``…_prior`` of the prior alone, each with ``_interval`` (whose
        upper end is None where a state was not visited), ``_interval_missing`` and ``_unvisited``; ``…_split_half`` and
        ``…_between`` of the reference; ``…_states``, their number.
    """
    key = f"free_energy_{name}"
    flat: dict[str, Any] = {f"{key}_states": number}
    flat[f"{key}_split_half"], flat[f"{key}_between"] = own_differences(reference, number, generator)
    for of, ensemble in ((key, simulated), (f"{key}_prior", alone)):
        found = (None,) * 4 if ensemble is None else difference(reference, ensemble, number)
        flat |= dict(zip((of, f"{of}_interval", f"{of}_interval_missing", f"{of}_unvisited"), found, strict=True))
    return flat


def fold(
    reference: Sequence[Float[np.ndarray, " _"]],
    simulated: Sequence[Float[np.ndarray, " _"]],
    alone: Sequence[Float[np.ndarray, " _"]],
) -> dict[str, Any]:
    """ΔG of folding of every ensemble, and what simulation and prior alone differ in from the reference [kT].

    Args:
        reference, simulated, alone: Q of the frames of each run.

    Returns:
        ``fold_free_energy``, ``fold_free_energy_prior``, ``…_reference``, ``…_first_half`` and ``…_second_half`` (in
        time, of the reference), ``fold_free_energy_difference`` and ``…_difference_prior``, each with ``_interval`` and
        ``_interval_missing``; ``folded…``, the share of frames; ``folded_by_run`` of the reference.
    """
    ensembles = {
        "": simulated,
        "_reference": reference,
        "_prior": alone,
        "_first_half": [run[: len(run) // 2] for run in reference],
        "_second_half": [run[len(run) // 2 :] for run in reference],
    }
    found = {name: fold_free_energy(runs) if any(map(len, runs)) else None for name, runs in ensembles.items()}
    flat: dict[str, Any] = {"folded_by_run": [round(float(np.mean(run >= FOLDED)), 4) for run in reference]}
    for name, one in found.items():
        flat[f"folded{name}"] = None if one is None else one.share
        flat |= _keys(f"fold_free_energy{name}", one)
    true = found["_reference"]
    for name in ("", "_prior"):
        one = found[name]
        flat |= _keys(f"fold_free_energy_difference{name}", None if one is None or true is None else minus(one, true))
    return flat


def _keys(key: str, found: TwoStates | None) -> dict[str, Any]:
    value = (None, None, None) if found is None else (found.value, found.interval, found.missing)
    return dict(zip((key, f"{key}_interval", f"{key}_interval_missing"), value, strict=True))
