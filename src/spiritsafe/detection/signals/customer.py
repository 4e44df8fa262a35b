"""One customer: do all accounts sit behind one card and one exit? Then they are seats, not strangers.

Unit: the smaller of two shares, of members on the commonest card and of members in the commonest /24 or
/48. An organisation without an organisation id - one bill, one office - gives ~1. A campaign that is
spread so that no card and no address stands out gives little; one that is not spread is one customer,
whom a provider can simply ask.

Null: honest groups lie anywhere, so a low value says nothing and a high one exculpates.

Source: the look-alikes of the attack reports ('one card, one NAT, one system prompt').
"""

from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.signals.base import Signal
from spiritsafe.detection.synthetic import customer
from spiritsafe.model.words import Family, TraitKind

__all__ = ["Customer"]


class Customer(Signal):
    """Share of members behind the commonest card and the commonest network."""

    name = "one_customer"
    family = Family.CONTEXT
    unit = "share of members"
    prior: ClassVar[Null] = Null(0.6, 0.35)
    alternative: ClassVar[Alternative] = Alternative(0.2, 0.25, -8.0, 0.0)
    adaptive = False

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the smaller share; where cards are unknown, the network's; None where both are."""
        shares = [
            share
            for kind in (TraitKind.PAYMENT, TraitKind.PREFIX)
            if (share := self._commonest(focus, kind)) is not None
        ]
        if not shares:
            return None
        value = min(shares)
        error = np.sqrt(max(value * (1 - value), 0.02) / focus.size)
        return Measurement(value, float(error), f"{value:.0%} of the accounts sit behind one card and one network")

    @staticmethod
    def _commonest(focus: Focus, kind: TraitKind) -> float | None:
        _, values = focus.population.values_of(kind, focus.members)
        if not len(values):
            return None
        ordered = np.sort(values)
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1], [True])))
        return float(np.diff(starts).max() / focus.size)

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """Ten cards and networks; one card and one network."""
        return customer(per_value=4), customer(per_value=40)
