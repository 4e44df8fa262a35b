"""Same items: does every member do what every other does? That is a benchmark or a course, not a harvest.

Unit: expected share of one member's distinct bodies that a given other member also sent. A harvest
splits its corpus (~0); everybody running one benchmark or one homework sheet repeats it (up to 1).

Null: honest groups vary from 0 to 1, so a low value says next to nothing and a high one exculpates.

Source: Good's coverage of coordinated samples; the providers' critics point out that benchmarks make
10^5 exchanges.
"""

from typing import ClassVar

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.signals.base import Signal
from spiritsafe.detection.signals.pool import collisions
from spiritsafe.detection.synthetic import subjects
from spiritsafe.model.words import Family

__all__ = ["Coverage"]


class Coverage(Signal):
    """Share of items common to two members."""

    name = "same_items"
    family = Family.CORPUS
    unit = "share of items"
    prior: ClassVar[Null] = Null(0.5, 0.3)
    alternative: ClassVar[Alternative] = Alternative(0.0, 0.07, -9.0, 0.5)
    adaptive = False

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the share; None without pairs across members."""
        seen = collisions(focus)
        if seen.across_pairs <= 0 or seen.per_member < 2:
            return None
        value = seen.common
        error = value / max(seen.across, 1.0) ** 0.5 + 0.02
        return Measurement(
            value,
            error,
            f"two accounts have {value:.1%} of their items in common ({seen.across:.0f} repeats)",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """A corpus split over accounts; everybody running the same 40 items."""
        return subjects(seed=5, own=False), subjects(seed=6, own=False, items=40)
