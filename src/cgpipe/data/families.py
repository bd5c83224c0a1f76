"""Which whole families of proteins train, which choose the model and which test it: a small integer programme.

x[f, s] = 1 puts family f into set s (validation or test; the rest trains). The programme minimises, over both sets,

    Σ_s 1/t_s Σ_k | Σ_f x[f, s] a[f, k] − t_s Σ_f a[f, k] |  +  a small random cost per family

where t_s is the share asked for and a[f, k] are the family's shares of the run's frames, of its proteins in each third
of the lengths, and of its residues of each type. So each set is as large as asked for, and short and long, and its
residues occur as often as in the whole. The random cost lets the seed choose among divisions that are about as good.
Absolute values are linear with one more variable each; CBC, which comes with PuLP, solves it to within a limit on
nodes, not on time, so that the outcome does not depend on the machine.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pulp
from jaxtyping import Float
from pulp.apis.coin_api import pulp_cbc_path

from cgpipe.errors import UserError

CHOSEN = ("val", "test")
LENGTH_CLASSES = 3
JITTER = 0.05
"""Largest random cost of a set, in units of the relative deviations; it also breaks ties."""
SMALLEST = 0.01
"""Deviations of a set are relative to its share, or to this where the share is smaller."""
GAP, NODES = 0.1, 200
"""The search ends at this relative gap or after so many nodes."""


class Member(NamedTuple):
    """A protein as the division sees it."""

    name: str
    family: str
    frames: int
    residues: tuple[str, ...]


class Division(NamedTuple):
    """The set of every family and of every protein, and how well each set represents the whole."""

    families: dict[str, str]
    proteins: dict[str, str]
    balance: dict[str, dict[str, Any]]


def divide(members: Sequence[Member], fractions: Mapping[str, float], held_out: Sequence[str], seed: int) -> Division:
    """Deal whole families to training, validation and test.

    Args:
        members: all proteins of the run.
        fractions: shares for ``val`` and ``test``.
        held_out: proteins that must be test data; their families come with them.
        seed: chooses among divisions that are about as good.

    Raises:
        UserError: shares that leave nothing for training, or too few families.
    """
    members = sorted(members)  # sums, and so the solver, must not depend on the order of the files
    families = sorted({member.family for member in members})
    forced = {member.family for member in members if member.name in held_out}
    _check(families, forced, fractions)
    shares = _shares(members, families)
    chosen = _solve(shares, [f in forced for f in families], fractions, np.random.default_rng(seed % 2**32))
    of_family = dict(zip(families, chosen, strict=True))
    of_protein = {member.name: of_family[member.family] for member in members}
    return Division(of_family, of_protein, _balance(members, shares, chosen, of_protein, fractions))


def _check(families: Sequence[str], forced: set[str], fractions: Mapping[str, float]) -> None:
    if sum(fractions.values()) >= 1.0:
        raise UserError(
            f"training.val_fraction {fractions['val']:g} and dataset.test_fraction {fractions['test']:g} leave nothing "
            "for training: together they must stay below 1"
        )
    needed = 1 + sum(fractions[s] > 0 and not (s == "test" and forced) for s in CHOSEN)
    free = len(families) - len(forced)
    if free < needed:
        raise UserError(
            f"dataset.split is proteins, but there are only {free} families besides those of dataset.held_out, and "
            f"training, validation and test need {needed}: add proteins of other families, or divide by blocks"
        )


def _shares(members: Sequence[Member], families: Sequence[str]) -> Float[np.ndarray, "families features"]:
    """Each family's share of the frames, of the proteins by length class, and of the residues by type."""
    kinds = sorted({residue for member in members for residue in member.residues})
    lengths = np.array([len(member.residues) for member in members])
    edges = np.quantile(lengths, np.arange(1, LENGTH_CLASSES) / LENGTH_CLASSES)
    frames = np.zeros((len(families), 1))
    classes = np.zeros((len(families), LENGTH_CLASSES))
    residues = np.zeros((len(families), len(kinds)))
    for member, kind in zip(members, np.searchsorted(edges, lengths), strict=True):
        row = families.index(member.family)
        frames[row] += member.frames
        classes[row, kind] += 1
        residues[row] += [member.residues.count(name) for name in kinds]
    return np.hstack([group / group.sum() for group in (frames, classes, residues)])


def _solve(
    shares: Float[np.ndarray, "families features"],
    forced: Sequence[bool],
    fractions: Mapping[str, float],
    random: np.random.Generator,
) -> list[str]:
    rows, features = shares.shape
    problem = pulp.LpProblem("families", pulp.LpMinimize)
    x = {(f, s): problem.add_variable(f"x_{f}_{s}", cat=pulp.LpBinary) for f in range(rows) for s in CHOSEN}
    costs = []
    for s in CHOSEN:
        target = fractions[s]
        if target == 0.0:
            for f in range(rows):
                problem += x[f, s] == int(forced[f] and s == "test")
            continue
        problem += pulp.lpSum(x[f, s] for f in range(rows)) >= 1
        scale = 1.0 / max(target, SMALLEST)
        luck = random.random(rows) * shares[:, 0]
        costs += [JITTER * scale * luck[f] * x[f, s] for f in range(rows)]
        for k in range(features):
            off = problem.add_variable(f"off_{s}_{k}", lowBound=0)
            surplus = pulp.lpSum(shares[f, k] * x[f, s] for f in range(rows)) - target * shares[:, k].sum()
            problem += off >= surplus
            problem += off >= -surplus
            costs.append(scale * off)
    for f in range(rows):
        problem += x[f, "val"] + x[f, "test"] <= 1
        if forced[f]:
            problem += x[f, "test"] == 1
    problem += pulp.lpSum(x.values()) <= rows - 1
    problem.setObjective(pulp.lpSum(costs))
    try:
        problem.solve(pulp.COIN_CMD(path=pulp_cbc_path, msg=False, gapRel=GAP, maxNodes=NODES))
    except pulp.PulpSolverError as error:
        raise UserError(f"CBC, the solver behind dataset.split: proteins, does not run here: {error}") from None
    values = np.array([[x[f, s].value() or 0.0 for s in CHOSEN] for f in range(rows)])
    if problem.sol_status not in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
        raise UserError("no division of the families was found; change dataset.split_seed or the shares of the sets")
    return ["train" if row.max() < 0.5 else CHOSEN[int(row.argmax())] for row in values]


def _balance(
    members: Sequence[Member],
    shares: Float[np.ndarray, "families features"],
    chosen: Sequence[str],
    of_protein: Mapping[str, str],
    fractions: Mapping[str, float],
) -> dict[str, dict[str, Any]]:
    """What each set got; ``composition_distance`` is the total variation between its residues and all residues."""
    whole = shares.sum(axis=0)
    wanted = {"train": 1.0 - sum(fractions.values()), **fractions}
    balance = {}
    for name in ("train", *CHOSEN):
        mine = shares[[s == name for s in chosen]].sum(axis=0)
        lengths = [len(member.residues) for member in members if of_protein[member.name] == name]
        residues, all_residues = (sums[1 + LENGTH_CLASSES :] for sums in (mine, whole))
        balance[name] = {
            "families": chosen.count(name),
            "proteins": len(lengths),
            "frames_wanted": wanted[name],
            "frames_share": float(mine[0]),
            "mean_beads": float(np.mean(lengths)) if lengths else None,
            "composition_distance": float(np.abs(residues / residues.sum() - all_residues).sum() / 2)
            if lengths
            else None,
        }
    return balance
