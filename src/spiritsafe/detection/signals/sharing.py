"""Rare sharing: do strangers in the group share infrastructure that hardly anybody shares?

Unit: share of the members that have a rare trait (card, /24, device ...) in common with a member of
*another* organisation, above what their traits' rarity would give by chance. An address that most of the
group has does not count: it says where its members are - a campus, an office, a carrier - and not that they
belong together; several separate knots in one group do. Nor does a trait of which the group has less than a
quarter of the users: it is somebody else's, and the members are there like others. Sharing is not guilt: the
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
from spiritsafe.detection.population import Bool, Int
from spiritsafe.detection.signals.base import Signal
from spiritsafe.detection.synthetic import cards
from spiritsafe.engine.order import count_distinct
from spiritsafe.model.words import Family, TraitKind

__all__ = ["SharedDevice", "SharedNetwork", "SharedPayment", "SharedSignup"]

_OURS = 0.25
"""Share of a trait's organisations that must be in the group: a campaign's cards and exits are nearly all its own."""
_PLACE = 0.6
"""Share of a group from which a common address is a place: proxies of a campaign serve fewer of it each."""


class _Shared(Signal):
    adaptive = False
    places: ClassVar[bool] = False
    unit = "share of members"
    prior: ClassVar[Null] = Null(0.06, 0.22)
    alternative: ClassVar[Alternative] = Alternative(0.9, 0.25, 0.0, 3.5)

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the share of members linked across organisations; None where nobody has such traits."""
        rows = rare_traits(focus.population, self.family)
        inside, who = rows.of(focus.members)
        if not len(inside):
            return None
        group = rows.group[inside]
        knot = _knots(group, focus.unit[who], rows.degree[inside])
        if self.places:
            knot = np.where(_of_a_place(focus, knot, who, _is_prefix(focus, rows.row[inside])), 0, knot)
        linked_rows = knot > 0
        # a trait that many outsiders have too says little about this group
        share = np.count_nonzero(np.bincount(who[linked_rows])) / focus.size
        chance = rows.chance(focus.size)
        value = max(share - chance, 0.0)
        # a knot is shared or not as a whole: its members are one draw, not so many independent ones
        largest = np.zeros(focus.size)
        np.maximum.at(largest, who, knot)
        error = np.sqrt(max(float(largest.sum()) / focus.size * (1 - share), 0.05) / focus.size) + chance
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


def _knots(group: Int, unit: Int, degree: Int) -> Int:
    """Members that have the trait of each row, int64 [rows].

    0 where all of them are of one organisation, and where they are few of the ``degree`` organisations that
    have the trait.

    >>> group, unit = np.array([7, 7, 7, 8, 8, 9, 9]), np.array([1, 1, 2, 3, 3, 4, 5])
    >>> _knots(group, unit, np.array([2, 2, 2, 1, 1, 40, 40])).tolist()
    [3, 3, 3, 0, 0, 0, 0]
    """
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1], [True])))
    lengths = np.diff(starts)
    units, size = np.empty_like(group), np.empty_like(group)
    units[order] = np.repeat(count_distinct(unit[order], starts), lengths)
    size[order] = np.repeat(lengths, lengths)
    return np.asarray(np.where((units >= 2) & (units >= _OURS * degree), size, 0), np.int64)


def _of_a_place(focus: Focus, knot: Int, who: Int, prefix: Bool) -> Bool:
    """Rows that only say where most of the group is: a place's own trait, and single addresses of who is there."""
    place = knot > _PLACE * focus.size
    there = np.zeros(focus.size, np.bool_)
    there[who[place]] = True
    return np.asarray(place | (there[who] & ~prefix))


def _is_prefix(focus: Focus, row: Int) -> Bool:
    """Which rows of the population's traits are networks rather than single addresses, bool [rows]."""
    traits = focus.population.traits
    wide = np.array([kind in (TraitKind.PREFIX, TraitKind.SIGNUP_PREFIX) for kind in traits.kinds], np.bool_)
    return np.asarray(wide[np.searchsorted(traits.starts, row, side="right") - 1])


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
    places: ClassVar[bool] = True
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
    places: ClassVar[bool] = True
    noun: ClassVar[str] = "sign-up traits"
