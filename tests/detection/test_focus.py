"""A group's focal exchanges, cut out of the population."""

import numpy as np
import pytest

from spiritsafe.detection.focus import CELLS_PER_DAY, Focus, cut, once
from spiritsafe.detection.population import Population
from spiritsafe.detection.repeats import repeats
from tests.detection.logs import HARVEST, Log


@pytest.fixture(scope="module")
def harvest(log: Log, population: Population) -> Focus:
    members = log.index(log.named("c"))
    return cut(population, members, _templates_of(population, members))


def _templates_of(population: Population, members: np.ndarray) -> np.ndarray:
    """The template that every member sends most."""
    content = population.content
    inside = np.isin(content.account, members)
    return np.array([np.argmax(np.bincount(content.template[inside], content.n[inside]))])


def test_the_focus_holds_the_members_exchanges_with_the_template_and_no_others(log: Log, harvest: Focus) -> None:
    sent = {part.account: len(part.hour) for part in log.sent if part.template == HARVEST}
    ids = harvest.population.accounts.ids
    assert {ids[i]: int(n) for i, n in zip(harvest.members, harvest.volume, strict=True)} == sent
    assert harvest.exchanges == sum(sent.values()) == int(harvest.cells.sum()) == int(harvest.pool_volume.sum())
    assert harvest.cells.shape[2] == CELLS_PER_DAY


def test_the_order_in_which_members_are_named_does_not_matter(harvest: Focus) -> None:
    again = cut(harvest.population, harvest.members[::-1], harvest.templates)
    assert np.array_equal(again.members, harvest.members)
    assert np.array_equal(again.cells, harvest.cells)


def test_a_focus_that_is_held_is_cut_once_and_asked_once(harvest: Focus) -> None:
    asked = []

    @once
    def size(focus: Focus) -> int:
        asked.append(focus)
        return focus.size

    again = cut(harvest.population, harvest.members[::-1], harvest.templates)
    assert again is harvest
    assert size(harvest) == size(again) == harvest.size
    assert len(asked) == 1
    assert cut(harvest.population, harvest.members[1:], harvest.templates) is not harvest


def test_only_keeps_the_chosen(harvest: Focus) -> None:
    keep = np.arange(harvest.size) % 3 == 0
    part = harvest.only(keep)
    assert np.array_equal(part.members, harvest.members[keep])
    assert np.array_equal(part.volume, harvest.volume[keep])


def test_the_two_parities_are_the_whole(harvest: Focus) -> None:
    even, odd = harvest.between(0), harvest.between(1)
    assert even.exchanges + odd.exchanges == harvest.exchanges
    assert not (even.hour // 24 % 2).any()
    assert (odd.hour // 24 % 2).all()
    assert np.array_equal(even.pool_volume + odd.pool_volume, harvest.pool_volume)
    assert even.size == odd.size == harvest.size


def test_the_outside_profile_leaves_the_members_out(harvest: Focus) -> None:
    population, days = harvest.population, harvest.cells.shape[1]
    outsiders = np.setdiff1d(np.arange(population.size), harvest.members)
    expected = population.cell_profile(harvest.first_day, days, CELLS_PER_DAY, outsiders)
    floor = harvest.outside_profile - expected
    assert np.allclose(floor, floor[0])
    assert 0 < floor[0] < 0.05 * expected.mean()


def test_sums_by_member_are_sums_of_rows(harvest: Focus) -> None:
    features = harvest.population.pools.features
    first = features[harvest.pool[harvest.pool_who == 0]].sum(axis=0)
    assert np.allclose(harvest.feature_sums[0], first, atol=1e-4)


def test_a_group_that_sent_nothing_is_an_empty_focus(population: Population) -> None:
    nothing = cut(population, np.arange(5), np.zeros(0, np.int64))
    assert nothing.exchanges == 0
    assert nothing.cells.shape == (5, 1, CELLS_PER_DAY)
    assert repeats(nothing).bodies == 0
    assert (nothing.outside_profile > 0).all()
