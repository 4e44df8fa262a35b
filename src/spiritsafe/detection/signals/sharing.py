"""Rare sharing: do strangers in the group share infrastructure that hardly anybody shares?

Unit: share of the members that have a rare trait (card, /24, device ...) in common with a member of
*another* organisation, above what their traits' rarity would give by chance. Sharing is not guilt: the
families are infrastructure, and infrastructure alone never lifts a group above ``linked``.

Null: the share in honest groups of the same size; strangers who use one template rarely share a card,
students of one university always share a network.

Source: term-frequency weights of record linkage (Fellegi & Sunter 1969; Winkler 2000): a trait that d of
N units have weighs log2(N/d).
"""

from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.links.rarity import RARE_DEGREE, rare_traits
from spiritsafe.detection.signals.base import Signal
from spiritsafe.detection.synthetic import cards
from spiritsafe.model.words import Family

__all__ = ["SharedDevice", "SharedNetwork", "SharedPayment", "SharedSignup"]


class _Shared(Signal):
    adaptive = False
    unit = "share of members"
    prior: ClassVar[Null] = Null(0.06, 0.22)
    alternative: ClassVar[Alternative] = Alternative(0.9, 0.25, 0.0, 3.5)

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the share of members linked across organisations; None where nobody has such traits."""
        rows = rare_traits(focus.population, self.family)
        inside, who = rows.of(focus.members)
        if not len(inside):
            return None
        unit = focus.unit[who]
        group = rows.group[inside]
        order = np.lexsort((unit, group))
        group, unit, who = group[order], unit[order], who[order]
        edges = np.flatnonzero(np.concatenate(([True], group[1:] != group[:-1])))
        several = np.add.reduceat(
            np.concatenate(([True], (unit[1:] != unit[:-1]) | (group[1:] != group[:-1]))).astype(np.int64),
            edges,
        )
        sizes = np.diff(np.concatenate((edges, [len(group)])))
        linked_rows = np.repeat(several >= 2, sizes)
        # a trait that many outsiders have too says little about this group
        share = len(np.unique(who[linked_rows])) / focus.size
        chance = rows.chance(focus.size)
        value = max(share - chance, 0.0)
        # a knot is shared or not as a whole: its members are one draw, not so many independent ones
        knot = np.zeros(focus.size)
        np.maximum.at(knot, who, np.where(linked_rows, np.repeat(sizes, sizes), 0))
        error = np.sqrt(max(float(knot.sum()) / focus.size * (1 - share), 0.05) / focus.size) + chance
        values = len(np.unique(group[linked_rows]))
        return Measurement(
            value,
            float(error),
            f"{share:.0%} of the accounts share one of {values} {self.noun} with a stranger in the group, "
            f"none of them with more than {RARE_DEGREE} organisations in all (chance alone: {chance:.1%})",
        )

    noun: ClassVar[str]

    @classmethod
    def examples(cls) -> tuple[Focus, Focus]:
        """Five accounts to a value; a value each."""
        return cards(cls.family, per_value=5), cards(cls.family, per_value=1)


class SharedPayment(_Shared):
    """Members paying with cards of strangers."""

    name = "shared_payment"
    family = Family.PAYMENT
    # a card is the scarcest of the traits: strangers share networks all the time, cards hardly ever
    alternative: ClassVar[Alternative] = Alternative(0.9, 0.25, 0.0, 4.5)
    noun: ClassVar[str] = "cards"


class SharedNetwork(_Shared):
    """Members coming from rare networks of strangers."""

    name = "shared_network"
    family = Family.NETWORK
    noun: ClassVar[str] = "networks"


class SharedDevice(_Shared):
    """Members using devices of strangers."""

    name = "shared_device"
    family = Family.DEVICE
    noun: ClassVar[str] = "devices"


class SharedSignup(_Shared):
    """Members that signed up together."""

    name = "shared_signup"
    family = Family.SIGNUP
    noun: ClassVar[str] = "sign-up traits"
