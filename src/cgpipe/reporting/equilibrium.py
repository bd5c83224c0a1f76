"""Whether the reference is one equilibrium ensemble, by the Yvon–Born–Green identity of its labels.

The identity holds for the forces of every valid map, averaged over an equilibrium ensemble, whatever the noise. Labels
of the wrong unit or sign stop the stage ``project``; what is left to break it are frames that are no such ensemble:
runs that were still relaxing, or that have not met. Then a mean force fitted to them belongs to no ensemble.
"""

from collections.abc import Mapping

from cgpipe.reporting.lights import Light, worst
from cgpipe.reporting.verdict import Finding

DOUBTFUL, BROKEN = 1.9, 3.0
"""Differences in units of their error: at two separations or more the first is too many, the second certainly is."""


def judge_identity(pairs: Mapping[str, Mapping[str, float]]) -> Light:
    """Light of a protein's labels.

    Args:
        pairs: |i−j| → ``difference`` and ``error``; empty where nothing could be measured.
    """
    sizes = [abs(pair["difference"]) / pair["error"] for pair in pairs.values() if pair["error"] > 0]
    if not sizes:
        return Light.UNKNOWN
    needed = min(2, len(sizes))
    if sum(one >= BROKEN for one in sizes) >= needed:
        return Light.BAD
    doubtful = sum(one >= DOUBTFUL for one in sizes) >= needed or max(sizes) >= BROKEN
    return Light.FAIR if doubtful else Light.GOOD


def equilibrium(identities: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Finding:
    """One line of the verdict.

    Args:
        identities: protein → |i−j| → ``difference`` and ``error``.
    """
    lights = {name: judge_identity(pairs) for name, pairs in identities.items()}
    light = worst(list(lights.values()))
    off = [
        f"{name} ({', '.join(_errors(pair) for pair in identities[name].values())} errors at |i−j| = "
        f"{', '.join(identities[name])})"
        for name, one in lights.items()
        if one in (Light.FAIR, Light.BAD)
    ]
    if off:
        text = (
            f"The all-atom forces miss an identity that holds in equilibrium (Yvon, Born, Green): {'; '.join(off)}. "
            "Either these runs were not equilibrated, or they have not met and are not one ensemble; what is fitted "
            "to them, or compared with them, inherits that."
        )
    elif light is Light.GOOD:
        text = (
            "The all-atom forces fulfil an identity that holds in equilibrium (Yvon, Born, Green), within its errors."
        )
    else:
        unknown = ", ".join(name for name, one in lights.items() if one is Light.UNKNOWN)
        text = f"Too few frames for the identity that holds in equilibrium (Yvon, Born, Green): {unknown}."
    return Finding(light, "Equilibrium", text)


def _errors(pair: Mapping[str, float]) -> str:
    return f"{pair['difference'] / pair['error']:+.1f}".replace("-", "−") if pair["error"] > 0 else "–"
