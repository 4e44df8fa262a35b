"""Joint pivot: does the group move to a new model together, faster than everybody?

Unit: share of the members' exchanges on the new model during the two days after it first appears, minus
the same share among all accounts. C3 moved half of its traffic within 24 hours. Of several launches the largest
difference counts, less what the largest of so many honest differences is expected to be.

Null: the difference in honest groups; launch-day switchers exist, so this is weak by itself.

Source: the attack reports (C3); expected normal order statistics (Blom 1958).
"""

from dataclasses import replace
from functools import lru_cache
from typing import ClassVar

import numpy as np
from scipy.special import ndtri

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.population import Bool, Float, Int, Population
from spiritsafe.detection.signals.base import Signal
from spiritsafe.detection.synthetic import pivoting
from spiritsafe.engine.tables import DAY_US
from spiritsafe.model.words import Family

__all__ = ["Pivot", "launches"]

_WINDOW_DAYS = 2


def launches(population: Population) -> list[tuple[str, int]]:
    """Models that first appear at least a day after the log begins: name and first day.

    A release date from the models table wins over the first exchange seen.
    """
    if not len(population.activity_hour):
        return []
    begin, end = int(population.activity_hour.min()) // 24, int(population.activity_hour.max()) // 24
    out = []
    for model, used in population.model_days.items():
        released = population.released_us.get(model)
        start = released // DAY_US if released else used.first_us // DAY_US
        if begin + 1 <= start <= end - 1 and int(used.day.min()) >= begin + 1:
            out.append((model, int(start)))
    return out


@lru_cache(maxsize=4)
def _launches(population: Population) -> list[tuple[str, int]]:
    return launches(population)


@lru_cache(maxsize=32)
def _adoption(population: Population, model: str, start: int) -> tuple[Bool, Float]:
    """Who was active in the window after the launch, and the share of each on the new model."""
    hour = population.activity_hour
    rows = (hour >= start * 24) & (hour < (start + _WINDOW_DAYS) * 24)
    everyone = np.bincount(population.activity_account[rows], population.activity_n[rows], population.size)
    used = population.model_days[model]
    fresh = (used.day >= start) & (used.day < start + _WINDOW_DAYS)
    moved = np.bincount(used.account[fresh], used.n[fresh], population.size)
    active = everyone > 0
    return active, np.divide(moved, everyone, out=np.zeros(population.size), where=active)


def _largest_of(count: int) -> float:
    """Expected largest of ``count`` standard normal deviates, by Blom's approximation.

    >>> [round(_largest_of(count), 2) for count in (1, 2, 3)]
    [0.0, 0.59, 0.87]
    """
    return float(ndtri((count - 0.375) / (count + 0.25)))


class Pivot(Signal):
    """Adoption of a new model by the group against everybody's."""

    name = "joint_pivot"
    family = Family.PIVOT
    unit = "difference of shares"
    prior: ClassVar[Null] = Null(0.0, 0.2)
    alternative: ClassVar[Alternative] = Alternative(0.5, 0.25, 0.0, 2.0)
    adaptive = False

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the largest difference over launches; None where none falls into the group's life."""
        asked = (self._window(focus, model, start) for model, start in _launches(focus.population))
        windows = [window for window in asked if window]
        if not windows:
            return None
        best = max(windows, key=lambda window: window.value)
        spread = float(np.hypot(self.prior.sd, best.error))
        return replace(best, value=best.value - _largest_of(len(windows)) * spread)

    def _window(self, focus: Focus, model: str, start: int) -> Measurement | None:
        active, share = _adoption(focus.population, model, start)
        mine = focus.members[active[focus.members]]
        rest = self._rest(active, mine)
        if len(mine) < 5 or len(rest) < 20:
            return None
        ours, theirs = share[mine].mean(), share[rest].mean()
        value = float(ours - theirs)
        error = float(share[mine].std(ddof=1) / np.sqrt(len(mine))) + 0.03
        return Measurement(
            value,
            error,
            f"in the {_WINDOW_DAYS} days from its launch {ours:.0%} of the members' exchanges were on "
            f"{model}, against {theirs:.0%} for everybody else ({len(mine)} accounts active)",
        )

    @staticmethod
    def _rest(active: np.ndarray, mine: Int) -> Int:
        others = active.copy()
        others[mine] = False
        return np.flatnonzero(others)

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """Half of the group moves on the day; it adopts like everybody."""
        return pivoting(seed=1, share=0.6), pivoting(seed=2, share=0.1)
