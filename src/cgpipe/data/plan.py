"""What the user chooses of a dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plan:
    """The keys of ``dataset`` in the configuration, and what it takes from other sections."""

    vocabulary: str
    cutoff: float
    split: str
    fractions: Mapping[str, float]
    block_frames: int | None
    gap_frames: int | None
    seed: int
    held_out: Sequence[str]
    families: Mapping[str, str]
    max_buckets: int
    max_padding: float
    capacity_margin: float
    quotas: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    fold: str = ""
    temperature: str = "single"
