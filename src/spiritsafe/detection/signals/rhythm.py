"""Shared rhythm: do the members start, pause and stop together beyond keeping a timetable?

Unit: share of the members' irregularity - overdispersion about each member's own timetable, the same every
day - that the group's own profile explains: 1 - rho_group / rho_timetable, over the six-hour cells between a
member's first day and its last, so that an account which was banned or replaced is compared while it lived.
A dispatcher's pauses and bursts are common to all its accounts and give ~1; strangers give 0 or much less;
nightly jobs and office hours are timetables and leave nothing to explain, so no evidence. Members that also
keep hours of their own lie between: a quarter of the campaigns is taken to do so.

Null: the same share in honest groups.

Source: conditional co-movement as in SynchroTrap (Cao et al., CCS 2014), measured against the members'
own timetables instead of a fixed time window.
"""

from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null, Partly
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.population import Bool, Float
from spiritsafe.detection.signals.base import Signal, ratio_with_error
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
    alternative: ClassVar[Alternative] = Alternative(0.85, 0.2, -2.0, 5.0, Partly(0.25, 0.1, 0.15))

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the share; None where the members show no irregularity to explain."""
        days = focus.cells.shape[1]
        if days < 2:
            return None
        alive = _alive(focus.cells)
        common, base = _beyond_timetable(focus, alive)
        own, own_base = _beyond_group(focus.cells, alive)
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


def _alive(counts: Float) -> Bool:
    """Days from each member's first exchange to its last, bool [m, days]."""
    seen = counts.sum(axis=2) > 0
    begun = np.logical_or.accumulate(seen, axis=1)
    return np.asarray(begun & np.logical_or.accumulate(seen[:, ::-1], axis=1)[:, ::-1])


def _beyond_timetable(focus: Focus, alive: Bool) -> tuple[Float, Float]:
    """Numerator and denominator, by member, of overdispersion about a timetable of the member's own.

    The timetable is the member's time-of-day profile over all its days, shrunk to everybody's by a few
    exchanges; it uses up its own degrees of freedom in proportion to what the member's data decide.
    """
    counts = focus.cells
    days, per_day = counts.shape[1:]
    everyone = focus.outside_profile.reshape(days, per_day).sum(axis=0)
    total = counts.sum(axis=(1, 2))
    profile = counts.sum(axis=1) + _SHRINK * everyone / everyone.sum()
    profile /= profile.sum(axis=1, keepdims=True)
    lived = alive.sum(axis=1)
    a_day = total / np.maximum(lived, 1)
    expected = a_day[:, None, None] * profile[:, None, :] * alive[:, :, None]
    freedom = lived * per_day - 1 - (per_day - 1) * total / (total + _SHRINK)
    used = (total >= 2) & (lived >= 2)
    chi2 = _chi2(counts, expected)
    return np.where(used, chi2 - freedom, 0), np.where(used, (total - 1) * (lived * per_day - 1), 0)


def _beyond_group(counts: Float, alive: Bool) -> tuple[Float, Float]:
    """The same about the group's profile of those days; a member's own share of the profile explains itself."""
    total = counts.sum(axis=(1, 2))
    profile = counts.sum(axis=0)[None] * alive[:, :, None]
    whole = np.maximum(profile.sum(axis=(1, 2)), 1)
    expected = (total / whole)[:, None, None] * profile
    freedom = ((profile > 0).sum(axis=(1, 2)) - 1) * np.maximum(1 - total / whole, 0)
    used = (total >= 2) & (alive.sum(axis=1) >= 2) & (freedom > 0)
    return np.where(used, _chi2(counts, expected) - freedom, 0), np.where(used, (total - 1) * freedom, 0)


def _chi2(counts: Float, expected: Float) -> Float:
    """Pearson's statistic of each member, float [m], over the cells where anything is expected."""
    parts = np.divide((counts - expected) ** 2, expected, out=np.zeros_like(counts), where=expected > 0)
    return np.asarray(parts.sum(axis=(1, 2)))
