"""Joint sign-up: did the members' accounts come into being together?

Unit: 1 - D / .25, where D is the mean distance of the members' sign-up times from their median, times counted
as the share of all other accounts that had signed up before. Members drawn from everybody give 0, a cohort
that signed up within a few days 1, old and new accounts mixed less than 0. Counting in other accounts instead
of days makes a launch, when everybody signs up, no cohort.

Null: anywhere between: a course, a hackathon or a start-up programme signs up together as well. So it is
bounded, and it never counts as a tie between strangers.

Source: 'sign-up cohort' among the metadata of the attack reports; mean absolute deviation of ranks.
"""

from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.gather import median
from spiritsafe.detection.population import Float, Int, Population
from spiritsafe.detection.signals.base import Signal
from spiritsafe.detection.synthetic import signups
from spiritsafe.engine.tables import DAY_US
from spiritsafe.model.words import Family

__all__ = ["JointSignup"]

_LEAST, _LEAST_OTHERS = 5, 50
_AT_RANDOM = 0.25


class JointSignup(Signal):
    """Concentration of the members' sign-up times among everybody's."""

    name = "joint_signup"
    family = Family.SIGNUP
    unit = "concentration"
    prior: ClassVar[Null] = Null(0.30, 0.40)
    alternative: ClassVar[Alternative] = Alternative(0.95, 0.15, -0.5, 1.5)
    adaptive = False

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the concentration; None where the sign-ups of too few are known."""
        created = focus.population.accounts.created_us
        mine = created[focus.members]
        mine = mine[mine > 0]
        everyone = _signed_up(focus.population)
        if len(mine) < _LEAST or len(everyone) - len(mine) < _LEAST_OTHERS:
            return None
        place = _places(everyone, mine)
        distance = np.abs(place - median(place))
        # the median follows its sample: without m / (m - 1) few members would seem closer together than many
        scale = len(distance) / (len(distance) - 1) / _AT_RANDOM
        value = 1 - float(distance.mean()) * scale
        error = float(distance.std(ddof=1)) / np.sqrt(len(distance)) * scale
        days, among = _between_tenths(mine) / DAY_US, _between_tenths(place)
        return Measurement(
            value,
            error + 0.03,
            f"the middle four fifths of {len(mine)} sign-ups lie within {days:.0f} days, in which {among:.0%} "
            f"of all other accounts signed up",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """Forty accounts made in a week; forty made whenever."""
        return signups(seed=15, days=7), signups(seed=16, days=400)


@lru_cache(maxsize=4)
def _signed_up(population: Population) -> Int:
    """Every known sign-up time, ascending."""
    created = population.accounts.created_us
    return np.sort(created[created > 0])


def _between_tenths(values: NDArray[np.generic]) -> float:
    """Distance from the lower tenth's edge to the upper's; ``np.quantile``, of which a call takes longer than the rest.

    >>> _between_tenths(np.array([40, 10, 20, 30, 50, 0]))
    40.0
    """
    ordered, edges = np.sort(values), []
    for share in (0.1, 0.9):
        low, part = divmod((len(ordered) - 1) * share, 1)
        a, b = ordered[int(low)].item(), ordered[min(int(low) + 1, len(ordered) - 1)].item()
        edges.append(a + (b - a) * part if part < 0.5 else b - (b - a) * (1 - part))
    return float(edges[1] - edges[0])


def _places(everyone: Int, mine: Int) -> Float:
    """Share of all others before each of ``mine``, float [m]; equal times count half.

    >>> _places(np.array([10, 20, 20, 30, 40]), np.array([30, 20])).tolist()
    [0.6666666666666666, 0.5]
    """
    return np.asarray((_before(everyone, mine) - _before(np.sort(mine), mine)) / (2 * (len(everyone) - len(mine))))


def _before(times: Int, mine: Int) -> Int:
    """Twice the ``times`` (ascending) before each of ``mine``, equal ones counted half."""
    return np.searchsorted(times, mine) + np.searchsorted(times, mine, side="right")
