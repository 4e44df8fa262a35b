"""Joint sign-up: did the members' accounts come into being together?

Unit: 1 - D / .25, where D is the mean distance of the members' sign-up times from their median, times counted
as the share of all other accounts that had signed up before. Members drawn from everybody give 0, a cohort
that signed up within a few days 1, old and new accounts mixed less than 0. Counting in other accounts instead
of days makes a launch, when everybody signs up, no cohort.

Null: anywhere between: a course, a hackathon or a start-up programme signs up together as well. So it is
bounded, and it never counts as a tie between strangers.

Source: 'sign-up cohort' among the metadata of the attack reports; mean absolute deviation of ranks.
"""

from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.population import Float
from spiritsafe.detection.signals.base import Signal
from spiritsafe.detection.synthetic import signups
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
        known = mine > 0
        rest = np.ones(len(created), np.bool_)
        rest[focus.members] = False
        others = np.sort(created[rest & (created > 0)])
        if known.sum() < _LEAST or len(others) < _LEAST_OTHERS:
            return None
        place = _places(others, mine[known])
        distance = np.abs(place - np.median(place))
        # the median follows its sample: without m / (m - 1) few members would seem closer together than many
        scale = len(distance) / (len(distance) - 1) / _AT_RANDOM
        value = 1 - float(distance.mean()) * scale
        error = float(distance.std(ddof=1)) / np.sqrt(len(distance)) * scale
        days = (np.quantile(mine[known], 0.9) - np.quantile(mine[known], 0.1)) / 86_400_000_000
        among = float(np.quantile(place, 0.9) - np.quantile(place, 0.1))
        return Measurement(
            value,
            error + 0.03,
            f"the middle four fifths of {int(known.sum())} sign-ups lie within {days:.0f} days, in which {among:.0%} "
            f"of all other accounts signed up",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """Forty accounts made in a week; forty made whenever."""
        return signups(seed=15, days=7), signups(seed=16, days=400)


def _places(others: np.ndarray, mine: np.ndarray) -> Float:
    """Share of ``others`` (ascending) before each of ``mine``, float [m]; equal times count half."""
    before = np.searchsorted(others, mine) + np.searchsorted(others, mine, side="right")
    return np.asarray(before / (2 * len(others)))
