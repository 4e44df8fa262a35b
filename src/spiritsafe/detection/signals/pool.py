"""One pool dealt out: do repeated bodies fall across members as often as within them?

Unit: log10 of (repeat rate within members / repeat rate across members). When one finite pool is dealt,
two exchanges collide equally often whoever sent them (~0); where everybody has work of their own, an
account repeats itself at least ten times as often as it repeats a stranger (>= 1). No verdict where any two
members have a twentieth of their items in common: one list that everybody goes through explains the repeats.
None either where less than one exchange in a hundred repeats another: a script that tries again after a failure
repeats itself that often, and people far more.

Null: that ratio in honest groups. No repeats, no evidence.

Source: coordinated bottom-k samples (Cohen & Kaplan 2007) make collision counts comparable across members.
"""

from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus, once
from spiritsafe.detection.gather import median
from spiritsafe.detection.repeats import repeats
from spiritsafe.detection.signals.base import Signal
from spiritsafe.detection.synthetic import subjects
from spiritsafe.model.words import Family

__all__ = ["Collisions", "Pool", "collisions"]


_ONE_LIST = 0.05
_LEAST, _RETRIES = 3, 0.01


class Collisions:
    """Counts of equal-body pairs within and across members, and the pairs that could have been equal.

    ``sampled`` exchanges have a sampled body, ``repeated`` of them one that another exchange had before them.
    """

    def __init__(self, focus: Focus) -> None:
        seen = repeats(focus)
        sampled = seen.sampled
        self.per_member = median(seen.distinct[seen.distinct > 0]) if seen.bodies else 0.0
        total = self.sampled = float(sampled.sum())
        self.repeated = total - float(seen.bodies)
        self.within_pairs = float((sampled * (sampled - 1) / 2).sum())
        self.across_pairs = max((total**2 - float((sampled**2).sum())) / 2, 0.0)
        self.within, self.across = seen.within, seen.across

    @property
    def common(self) -> float:
        """Expected share of a member's distinct bodies that a given other member also sent; 0 without pairs."""
        return min(self.across / self.across_pairs * self.per_member, 1.0) if self.across_pairs > 0 else 0.0


@once
def collisions(focus: Focus) -> Collisions:
    """Count repeated bodies within and across members."""
    return Collisions(focus)


class Pool(Signal):
    """Repeat rate within against across members."""

    name = "one_pool"
    family = Family.CORPUS
    unit = "log10 ratio"
    prior: ClassVar[Null] = Null(1.7, 0.8)
    alternative: ClassVar[Alternative] = Alternative(0.1, 0.35, -1.5, 3.0)

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the log ratio; None with few repeats, without pairs or with one common list."""
        seen = collisions(focus)
        if (
            seen.repeated < max(_LEAST, _RETRIES * seen.sampled)
            or min(seen.within_pairs, seen.across_pairs) <= 0
            or seen.common > _ONE_LIST
        ):
            return None
        within, across = (seen.within + 0.5) / seen.within_pairs, (seen.across + 0.5) / seen.across_pairs
        # pairs sharing one body are dependent; the square root of the count is the usual caution
        error = np.sqrt(1 / (seen.within + 0.5) + 1 / (seen.across + 0.5)) / np.log(10)
        value = float(np.log10(within / across))
        return Measurement(
            value,
            float(error),
            f"{seen.across:.0f} repeats across accounts, {seen.within:.0f} within: an account repeats itself "
            f"{within / across:.2g} times as often as it repeats another",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """A pool of 2,000 bodies dealt over accounts; accounts that repeat themselves."""
        return subjects(seed=3, own=False), subjects(seed=4, own=True)
