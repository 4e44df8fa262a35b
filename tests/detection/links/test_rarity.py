"""Which traits link, and in which family."""

import numpy as np

from spiritsafe.detection.links.rarity import RARE_DEGREE, linking_families, rare_traits
from spiritsafe.detection.synthetic import cards
from spiritsafe.model.words import Family, family_of
from tests.detection.links.worlds import population


def test_each_family_of_ones_own_is_a_family_by_itself() -> None:
    who = np.arange(4)
    own = population(4, {"badge": (who, who // 2), "desk": (who, who // 4), "payment": (who, who // 2)})
    assert linking_families(own)[-2:] == ("link:badge", "link:desk")
    assert {family_of(name) for name in linking_families(own)[-2:]} == {Family.OWN}
    assert len(rare_traits(own, "link:badge").account) == len(rare_traits(own, Family.PAYMENT).account) == 4
    assert len(rare_traits(own, Family.NETWORK).account) == 0


def test_popular_and_private_values_do_not_link() -> None:
    who = np.arange(3 * RARE_DEGREE)
    value = np.where(who < RARE_DEGREE + 1, 0, np.where(who < RARE_DEGREE + 3, 1, who))
    rare = rare_traits(population(len(who), {"payment": (who, value)}), Family.PAYMENT)
    assert rare.account.tolist() == [RARE_DEGREE + 1, RARE_DEGREE + 2]
    assert rare.has == len(who)


def test_rows_of_members_carry_their_positions() -> None:
    rare = rare_traits(cards(Family.PAYMENT, per_value=5).population, Family.PAYMENT)
    rows, who = rare.of(np.array([7, 3, 99]))
    assert rare.account[rows].tolist() == [7, 3]
    assert who.tolist() == [0, 1]
