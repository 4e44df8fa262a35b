"""The stored tables as arrays: order, degrees, facts about organisations, empty logs."""

import numpy as np
import pytest

from spiritsafe.detection.loading import load
from spiritsafe.detection.population import AGE_FLOOR_DAYS, Population
from spiritsafe.engine.tables import DAY_US, TABLES
from tests.detection.logs import FIRST_DAY, Account, Log, Sent

OLD = (FIRST_DAY - 2 * AGE_FLOOR_DAYS) * DAY_US


def _log() -> Log:
    hours = np.array([0, 0, 5])
    return Log(
        [
            Account("b", "firm", verification="organisation", traits=(("payment", "x"), ("prefix", "p"))),
            Account("a", "firm", created_us=OLD, traits=(("payment", "x"),)),
            Account("c", traits=(("payment", "x"), ("payment", "y"))),
            Account("idle"),
        ],
        [
            Sent("b", "rare", hours, np.array([1, 1, 2]), "t"),
            Sent("a", "common", np.array([1, 2, 3, 30]), np.array([4, 5, 6, 7]), "t", single=False),
            Sent("c", "", hours, np.array([8, 8, 8]), "u"),
        ],
        {("entity", "lab"): "Some Lab"},
    )


@pytest.fixture(scope="module")
def small() -> Population:
    return _log().population()


def test_accounts_are_ordered_by_id(small: Population) -> None:
    assert small.accounts.ids == ["a", "b", "c", "idle"]
    assert small.accounts.n.tolist() == [4, 3, 3, 0]
    assert small.accounts.single_turn.tolist() == [0, 3, 3, 0]


def test_an_account_without_organisation_is_its_own(small: Population) -> None:
    unit = small.accounts.unit.tolist()
    assert unit[0] == unit[1]
    assert len(set(unit)) == small.units == 3


def test_facts_about_one_account_hold_for_its_organisation(small: Population) -> None:
    assert small.accounts.verified.tolist() == [True, True, False, False]
    assert small.accounts.aged.tolist() == [True, True, False, False]


def test_templates_are_ordered_by_volume_with_none_first(small: Population) -> None:
    first = {
        index: int(small.accounts.n[small.content.account[small.content.template == index][0]]) for index in (1, 2)
    }
    assert small.templates[0] == 0
    assert first == {1: 4, 2: 3}


def test_degree_counts_organisations(small: Population) -> None:
    rows = small.traits.rows("payment")
    degree = dict(zip(small.traits.value[rows].tolist(), small.traits.degree[rows].tolist(), strict=True))
    assert sorted(degree.values()) == [1, 2]  # y: c alone; x: the firm once, and c
    assert small.traits.rows("device") == slice(0, 0)
    assert [small.traits.kind_of(row) for row in range(len(small.traits.value))] == small.traits.kind.tolist()


def test_pools_hold_what_was_sent(small: Population) -> None:
    pools = small.pools
    row = int(np.flatnonzero(pools.account == 1)[0])
    assert pools.body_n[pools.offsets[row] : pools.offsets[row + 1]].tolist() in ([2, 1], [1, 2])
    assert float(np.linalg.norm(pools.features[row])) <= 3.001
    assert (np.diff(small.pool_key) >= 0).all()
    assert (np.diff(small.content_key) >= 0).all()


def test_labels_are_found_by_kind_and_value(small: Population) -> None:
    assert [label for (kind, _), label in small.labels.items() if kind == "entity"] == ["Some Lab"]


def test_an_empty_log_is_a_population_of_nobody() -> None:
    nobody = load({name: table.schema.empty_table() for name, table in TABLES.items()})
    assert (nobody.size, nobody.units, len(nobody.content.n), len(nobody.traits.value)) == (0, 0, 0, 0)
    assert not nobody.base_feature.any()
    assert not nobody.cell_profile(0, 2, 4).any()


def test_accounts_without_activity_are_known_and_silent() -> None:
    quiet = Log([Account("a"), Account("b", "firm")], []).population()
    assert (quiet.size, quiet.units, int(quiet.accounts.n.sum())) == (2, 2, 0)


@pytest.mark.parametrize("key", [b"another", b"third"])
def test_nothing_but_hashes_depends_on_the_key(small: Population, key: bytes) -> None:
    other = _log().population(key)
    assert other.accounts.ids == small.accounts.ids
    for mine, theirs in (
        (small.content.template, other.content.template),
        (small.content.hour, other.content.hour),
        (small.pools.n, other.pools.n),
        (small.accounts.unit, other.accounts.unit),
        (small.activity_account, other.activity_account),
    ):
        assert np.array_equal(mine, theirs)
    assert sorted(small.traits.degree.tolist()) == sorted(other.traits.degree.tolist())
    assert np.allclose(small.base_feature, other.base_feature)


def test_a_profile_counts_accounts_by_the_root_of_their_volume(small: Population) -> None:
    everybody = small.cell_profile(FIRST_DAY, 2, 4)
    # a: 3 of 4 exchanges in the first cell, one in the second day's second; b and c: all three in the first
    assert everybody[0] == pytest.approx(3 / 2 + 2 * 3 / np.sqrt(3))
    assert everybody[5] == pytest.approx(1 / 2)
    parts = [small.cell_profile(FIRST_DAY, 2, 4, np.array([who])) for who in range(4)]
    assert np.allclose(everybody, np.sum(parts, axis=0))
