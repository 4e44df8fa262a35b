"""Shared rhythm: do the members start, pause and stop together beyond what everybody does?

Unit: share of the members' irregularity (overdispersion about the population's profile) that the group's
own profile explains, 1 - rho_group / rho_population, over three-hourly cells of the whole log. A
dispatcher's pauses and bursts are common to all its accounts and give ~1; colleagues in one time zone
give .1 to .5; flat services give nothing to explain and so no evidence.

Null: the same share in honest groups.

Source: conditional co-movement as in SynchroTrap (Cao et al., CCS 2014), measured against the
population's own profile instead of a fixed time window.
"""

from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import CELLS_PER_DAY, Focus
from spiritsafe.detection.signals.base import Signal, overdispersion, ratio_with_error
from spiritsafe.detection.synthetic import clockwork
from spiritsafe.model.words import Family

__all__ = ["Rhythm"]


class Rhythm(Signal):
    """Share of common irregularity explained by the group's own profile."""

    name = "shared_rhythm"
    family = Family.TIMING
    unit = "share of irregularity"
    prior: ClassVar[Null] = Null(0.20, 0.18)
    alternative: ClassVar[Alternative] = Alternative(0.85, 0.2, -2.0, 5.0)

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the share; None where the members show no irregularity to explain."""
        counts = focus.cells.reshape(focus.size, 1, -1)
        if counts.shape[2] < 2 * CELLS_PER_DAY:
            return None
        profile = focus.outside_profile
        common, base = overdispersion(counts, profile[None, :], estimated=False)
        own, own_base = overdispersion(counts, counts.sum(axis=0))
        irregular, error = ratio_with_error(common, base)
        if not np.isfinite(error) or irregular < 4 * error or irregular < 0.004:
            return None
        left, _ = ratio_with_error(own, own_base)
        value = 1 - left / irregular
        _, noise = ratio_with_error(own / irregular - value * common / irregular, own_base)
        return Measurement(
            value,
            noise + 0.03,
            f"{value:.0%} of the members' departures from the population's daily rhythm are common to the group "
            f"({focus.size} accounts, {counts.shape[2]} six-hour cells)",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """One bursty dispatcher; people with hours of their own."""
        return clockwork(seed=3, shared=1.0), clockwork(seed=4, shared=0.0)
