"""Coverage growth: does the group keep asking new things until the end?

Unit: share of the second half's bodies that nobody in the group had sent in the first. A harvest never
asks twice without need (~1); products and benchmarks come back to the same items.

Null: honest groups lie anywhere; conversation is new as well, so novelty says little and repetition
exculpates.

Source: coverage of extraction queries (PRADA, Juuti et al. 2019), on exact bodies.
"""

from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.repeats import repeats
from spiritsafe.detection.signals.base import Signal
from spiritsafe.detection.synthetic import subjects
from spiritsafe.model.words import Family

__all__ = ["Growth"]


class Growth(Signal):
    """Share of late bodies that are new to the group."""

    name = "coverage_growth"
    family = Family.CORPUS
    unit = "share of bodies"
    prior: ClassVar[Null] = Null(0.75, 0.3)
    alternative: ClassVar[Alternative] = Alternative(1.0, 0.2, -1.5, 0.3)
    adaptive = False

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the share; None with fewer than twenty bodies in either half."""
        seen = repeats(focus)
        if min(seen.early, seen.late) < 20:
            return None
        value = 1 - seen.both / seen.late
        error = float(np.sqrt(max(value * (1 - value), 0.01) / seen.late))
        return Measurement(
            value,
            error + 0.02,
            f"{value:.0%} of the second half's {seen.late} distinct bodies are new to the group",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """A large corpus; forty items over and over."""
        return subjects(seed=11, own=False, items=10**6), subjects(seed=12, own=False, items=40)
