"""One clock: do all members follow the same times of day, day by day?

Unit: intra-class correlation rho, 0 (every member follows the group's profile of that day) to 1 (each
keeps its own hours). One dispatcher gives ~0 whatever its schedule; people and services with lives of
their own give .2 and more. Conditional on each member's daily total and the group's profile, so neither
volume nor the hours themselves matter.

Null: rho of honest groups. A fleet of flat, round-the-clock services also has rho ~ 0: that is why this
signal alone is bounded, and why ``rhythm`` asks for a *shared irregularity*.

Source: overdispersion of Dirichlet-multinomial counts (Mosimann 1962); own use.
"""

from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.signals.base import Signal, overdispersion, ratio_with_error
from spiritsafe.detection.synthetic import clockwork
from spiritsafe.model.words import Family

__all__ = ["Clock"]


class Clock(Signal):
    """Intra-class correlation of six-hour counts about the group's daily profile."""

    name = "one_clock"
    family = Family.TIMING
    unit = "intra-class correlation"
    prior: ClassVar[Null] = Null(0.30, 0.14)
    alternative: ClassVar[Alternative] = Alternative(0.02, 0.06, -2.0, 3.5)

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure rho on the focal exchanges; None with fewer than three members on any day."""
        counts = focus.cells
        numerator, denominator = overdispersion(counts, counts.sum(axis=0))
        value, error = ratio_with_error(numerator, denominator)
        if not np.isfinite(error):
            return None
        return Measurement(
            value,
            error,
            f"{focus.exchanges} exchanges of {focus.size} accounts in six-hour cells: members' hours differ "
            f"by rho = {value:.3f} +/- {error:.3f} from the group's own day",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """Forty accounts fed by one dispatcher; forty people with hours of their own."""
        return clockwork(seed=1, shared=1.0), clockwork(seed=2, shared=0.0)
