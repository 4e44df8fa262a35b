"""Split corpus: one subject matter for all, and yet nothing is asked twice?

Unit: the ratio of `one_subject` times the share of late bodies that are new to the group (`coverage_growth`).
Where more than a tenth comes back there is no verdict: a benchmark, a course or a product makes its users
alike by giving them the same items, and then likeness says nothing more. Where nothing comes back, likeness
that does not depend on the account is what dealing out a corpus gives, exactly: bodies dealt at random are
exchangeable between accounts, and the ratio is 1 within its error whatever the corpus is about.

Null: the same in honest groups whose items do not come back; each account then works on something of its
own, if only a little. In simulated worlds such groups have .47 +/- .15, one in fifty above .8, and those
are small ones. Given in addition to `one_subject`, whose null cannot know whether items came back.

Source: exchangeability of dealt samples; 'same template distribution, near-zero overlap of instances' is how
the attack reports describe sharding.
"""

from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.signals.base import Signal
from spiritsafe.detection.signals.growth import Growth
from spiritsafe.detection.signals.homogeneity import Homogeneity
from spiritsafe.detection.synthetic import subjects
from spiritsafe.model.words import Family

__all__ = ["Sharding"]

_NEW = 0.9
"""Share of late bodies that must be new: below it, common items may be what makes the accounts alike."""


class Sharding(Signal):
    """Likeness across members that no common item explains."""

    name = "split_corpus"
    family = Family.CORPUS
    unit = "ratio of similarities"
    prior: ClassVar[Null] = Null(0.47, 0.20)
    alternative: ClassVar[Alternative] = Alternative(1.0, 0.06, -1.0, 4.0)

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the product; None where items come back, and where either factor has no verdict."""
        fresh = Growth().measured(focus)
        if fresh is None or fresh.value < _NEW:
            return None
        alike = Homogeneity().measured(focus)
        if alike is None:
            return None
        value = alike.value * fresh.value
        error = float(np.hypot(alike.error * fresh.value, alike.value * fresh.error))
        return Measurement(
            value,
            error,
            f"{fresh.value:.0%} of the later requests are new to the group, and still those of different accounts "
            f"are {alike.value:.0%} as alike as those of one",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """A large corpus dealt over accounts; accounts with a subject each."""
        return subjects(seed=13, own=False, items=10**6), subjects(seed=14, own=True, items=10**6)
