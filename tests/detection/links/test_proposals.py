"""Groups worth weighing are proposed, loose ends are not."""

import numpy as np

from spiritsafe.detection.links.incidence import read
from spiritsafe.detection.links.proposals import family_choices, partitions
from tests.detection.links.worlds import chance, planted, population


def test_many_families_are_not_tried_in_every_combination() -> None:
    chosen = family_choices(tuple("abcdefgh"))
    assert len(chosen) == len(set(chosen)) == 8 + 28 + 8 + 1
    assert tuple("bcdefgh") in chosen


def test_a_tree_of_links_proposes_nothing() -> None:
    who = np.arange(20)
    rows = {"payment": (who, who // 2), "device": (who, (who + 1) // 2)}
    assert list(partitions(read(population(20, rows), 5_000), 3)) == []


def test_a_noisy_family_does_not_hide_a_component() -> None:
    group = np.arange(30)
    rows = chance(500, {"payment": 10**6, "network": 10**6, "mine": 40}, 0)
    rows = planted(planted(rows, "payment", group, group // 5), "network", group, group % 3)
    proposed = [m.tolist() for cover in partitions(read(population(500, rows), 5_000), 3) for m in cover.members()]
    assert group.tolist() in proposed


def test_proposals_are_the_same_each_time() -> None:
    incidence = read(population(300, chance(300, {"network": 90, "payment": 120}, 1, each=2)), 5_000)
    one, two = ([part.unit.tolist() for part in partitions(incidence, 3)] for _ in range(2))
    assert one == two
