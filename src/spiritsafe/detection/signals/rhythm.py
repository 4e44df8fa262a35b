"""Shared rhythm: do the members start, pause and stop together beyond keeping a timetable?

Unit: share of the members' irregularity - overdispersion about each member's own timetable, the same
every day - that the group's own profile explains: 1 - rho_group / rho_timetable, over six-hour cells of
the whole log. A dispatcher's pauses and bursts are common to all its accounts and give ~1; strangers give
0 or less; nightly jobs and office hours are timetables and leave nothing to explain, so no evidence.

Null: the same share in honest groups.

Source: conditional co-movement as in SynchroTrap (Cao et al., CCS 2014), measured against the members'
own timetables instead of a fixed time window.
"""

from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.population import Float
from spiritsafe.detection.signals.base import Signal, overdispersion, ratio_with_error
from spiritsafe.detection.synthetic import clockwork
from spiritsafe.model.words import Family

__all__ = ["Rhythm"]

_LEAST = 0.004
"""Overdispersion below which there is no irregularity worth explaining."""
_SHRINK = 4.0


class Rhythm(Signal):
    """Share of common irregularity explained by the group's own profile."""

    name = "shared_rhythm"
    family = Family.TIMING
    unit = "share of irregularity"
    prior: ClassVar[Null] = Null(0.20, 0.18)
    alternative: ClassVar[Alternative] = Alternative(0.85, 0.2, -2.0, 5.0)

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the share; None where the members show no irregularity to explain."""
        days = focus.cells.shape[1]
        if days < 2:
            return None
        counts = focus.cells.reshape(focus.size, 1, -1)
        common, base = _beyond_timetable(focus)
        own, own_base = overdispersion(counts, counts.sum(axis=0))
        irregular, error = ratio_with_error(common, base)
        if not np.isfinite(error) or irregular < 4 * error or irregular < _LEAST:
            return None
        left, _ = ratio_with_error(own, own_base)
        value = 1 - left / irregular
        _, noise = ratio_with_error(own / irregular - (1 - value) * common / irregular, own_base)
        return Measurement(
            value,
            noise + 0.03,
            f"{min(max(value, 0.0), 1.0):.0%} of the members' departures from a daily timetable are the group's "
            f"({focus.size} accounts over {days} days, six-hour cells)",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """One bursty dispatcher; people with hours of their own."""
        return clockwork(seed=3, shared=1.0), clockwork(seed=4, shared=0.0)


def _beyond_timetable(focus: Focus) -> tuple[Float, Float]:
    """Numerator and denominator, by member, of overdispersion about a timetable of the member's own.

    The timetable is the member's time-of-day profile over all days, shrunk to everybody's by a few
    exchanges; it uses up its own degrees of freedom in proportion to what the member's data decide.
    """
    counts = focus.cells
    days, per_day = counts.shape[1:]
    everyone = focus.outside_profile.reshape(days, per_day).sum(axis=0)
    total = counts.sum(axis=(1, 2))
    profile = counts.sum(axis=1) + _SHRINK * everyone / everyone.sum()
    profile /= profile.sum(axis=1, keepdims=True)
    expected = (total / days)[:, None, None] * profile[:, None, :]
    chi2 = np.divide((counts - expected) ** 2, expected, out=np.zeros_like(counts), where=expected > 0).sum(axis=(1, 2))
    freedom = days * per_day - 1 - (per_day - 1) * total / (total + _SHRINK)
    used = total >= 2
    return np.where(used, chi2 - freedom, 0), np.where(used, (total - 1) * (days * per_day - 1), 0)
