from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.policy.estimates import cap_reservation
from spiritsafe.policy.levels import Bound, Level, Refusal, Room
from spiritsafe.policy.meters import Grant, Meters
from spiritsafe.policy.rates import UNBOUNDED, Bounds, Rate
from tests.policy.histories import RATES, START_US

MINUTE_US = 60_000_000
ORGANISATION = Level("organisation:o", Bounds(requests=Rate.parse("100/m"), tokens=Rate.parse("80k/m")))
ACCOUNT = Level("account:a", Bounds(requests=Rate.parse("3/m")))
KEY = Level("key:k", Bounds(tokens=Rate.parse("10k/m")))
LEVELS = [ORGANISATION, ACCOUNT, KEY, Level("model:m", UNBOUNDED)]


def granted(found: Grant | Refusal) -> Grant:
    assert isinstance(found, Grant), found
    return found


def refused(found: Grant | Refusal) -> Refusal:
    assert isinstance(found, Refusal), found
    return found


def test_a_refused_request_is_charged_to_nobody() -> None:
    meters = Meters()
    for _ in range(3):
        granted(meters.reserve(LEVELS, 100, START_US))
    assert refused(meters.reserve(LEVELS, 100, START_US)).level == "account:a"
    others = meters.reserve([ORGANISATION, KEY], 0, START_US)
    assert granted(others).charges[0][0] == START_US + 4 * MINUTE_US // 100


def test_a_refusal_names_the_bound_that_takes_longest() -> None:
    meters = Meters()
    levels = [ORGANISATION, ACCOUNT._replace(bounds=Bounds(requests=Rate.parse("1/h"))), KEY]
    granted(meters.reserve(levels, 9_000, START_US))
    found = refused(meters.reserve(levels, 9_000, START_US))
    assert (found.level, found.bound) == ("account:a", Bound.REQUESTS)
    assert found.retry_after_us == 60 * MINUTE_US
    assert found.room == Room("account:a", Bound.REQUESTS, Rate.parse("1/h"), 0, 60 * MINUTE_US)


def test_the_wait_that_a_refusal_names_is_enough_and_needed() -> None:
    meters = Meters()
    granted(meters.reserve(LEVELS, 9_000, START_US))
    wait = refused(meters.reserve(LEVELS, 2_000, START_US)).retry_after_us
    assert wait == 6_000_000
    refused(meters.reserve(LEVELS, 2_000, START_US + wait - 1))
    granted(meters.reserve(LEVELS, 2_000, START_US + wait))


def test_what_is_larger_than_a_whole_limit_is_refused_for_good() -> None:
    found = refused(Meters().reserve(LEVELS, 10_001, START_US))
    assert (found.level, found.bound, found.retry_after_us) == ("key:k", Bound.TOKENS, None)


@given(st.integers(0, 20_000), st.none() | st.integers(0, 10**9))
def test_a_capped_reservation_is_too_large_only_if_its_input_is(input_tokens: int, max_tokens: int | None) -> None:
    tokens = cap_reservation(input_tokens, max_tokens, LEVELS)
    found = Meters().reserve(LEVELS, tokens, START_US)
    assert isinstance(found, Grant) == (input_tokens <= 10_000)


def test_a_huge_max_tokens_does_not_starve_the_organisation() -> None:
    meters = Meters()
    tokens = cap_reservation(10, 10**9, [KEY])
    assert sum(isinstance(meters.reserve([KEY], tokens, START_US), Grant) for _ in range(20)) == 7


def test_the_standing_is_that_of_the_tightest_bucket() -> None:
    found = granted(Meters().reserve(LEVELS, 5_000, START_US))
    assert found.room == Room("key:k", Bound.TOKENS, Rate.parse("10k/m"), 5_000, MINUTE_US // 2)
    assert granted(Meters().reserve(LEVELS[3:], 5_000, START_US)).room is None


def test_settling_gives_back_what_was_not_used_and_counts_once() -> None:
    meters = Meters()
    grant = granted(meters.reserve([KEY], 10_000, START_US))
    refused(meters.reserve([KEY], 7_500, START_US))
    assert meters.settle(grant, 2_500, START_US)
    assert not meters.settle(grant, 0, START_US)
    assert not meters.cancel(grant, START_US)
    granted(meters.reserve([KEY], 7_500, START_US))
    refused(meters.reserve([KEY], 1, START_US))


def test_use_beyond_the_estimate_is_a_debt_that_locks_nobody_out_for_long() -> None:
    meters = Meters()
    grant = granted(meters.reserve([KEY], 100, START_US))
    meters.settle(grant, 10**9, START_US)
    assert refused(meters.reserve([KEY], 1, START_US)).retry_after_us == MINUTE_US + 6_000
    granted(meters.reserve([KEY], 1, START_US + MINUTE_US + 6_000))


def test_a_cancelled_request_was_none() -> None:
    meters = Meters()
    for _ in range(10):
        assert meters.cancel(granted(meters.reserve(LEVELS, 10_000, START_US)), START_US)
    for _ in range(3):
        granted(meters.reserve(LEVELS, 1, START_US))
    refused(meters.reserve(LEVELS, 1, START_US))


def test_a_settled_request_stays_one() -> None:
    meters = Meters()
    for _ in range(3):
        meters.settle(granted(meters.reserve([ACCOUNT], 5, START_US)), 0, START_US)
    refused(meters.reserve([ACCOUNT], 5, START_US))


def test_new_bounds_take_over_what_was_taken() -> None:
    meters = Meters()
    granted(meters.reserve([KEY], 5_000, START_US))
    halved = KEY._replace(bounds=Bounds(tokens=Rate.parse("5k/m")))
    assert granted(meters.reserve([halved], 2_500, START_US)).room == Room(
        "key:k", Bound.TOKENS, Rate.parse("5k/m"), 0, MINUTE_US
    )


@pytest.mark.parametrize("back_us", [0, 86_400_000_000])
def test_a_shorter_period_or_a_clock_set_back_locks_nobody_out(back_us: int) -> None:
    meters = Meters()
    granted(meters.reserve([KEY._replace(bounds=Bounds(tokens=Rate.parse("10k/30d")))], 10_000, START_US))
    found = refused(meters.reserve([KEY], 10_000, START_US - back_us))
    assert found.retry_after_us == 2 * MINUTE_US
    granted(meters.reserve([KEY], 10_000, START_US - back_us + 2 * MINUTE_US))


def test_memory_follows_the_subjects_that_are_not_at_rest() -> None:
    """A million keys, a thousand a second, each busy for a tenth of a second and kept for ten."""
    meters, most = Meters(), 0
    brief = Bounds(requests=Rate.parse("10/s"))
    for number in range(1_000_000):
        meters.reserve([Level(str(number), brief)], 0, START_US + number * 1_000)
        if number % 1_000 == 0:
            most = max(most, len(meters))
    assert most <= 2 * 10_100 + 1_000
    for number in range(most + 1_000):  # whoever goes on sees the others go
        meters.reserve([KEY], 0, START_US + 1_020_000_000 + number)
    assert len(meters) == 1


def test_a_grant_outlives_its_bucket() -> None:
    """Its bucket was full and forgotten: nothing is left to refund, a debt is still charged."""
    meters, later_us = Meters(), START_US + 10 * MINUTE_US
    early = [granted(meters.reserve([KEY], 1_000, START_US)) for _ in range(4)]
    meters.settle(early.pop(), 0, START_US)  # it has moved
    for number in range(10):
        meters.reserve([Level(f"key:{number}", KEY.bounds)], 1, later_us)
    assert "key:k" not in meters._buckets
    granted(meters.reserve([KEY], 10_000, later_us))
    meters.settle(early.pop(), 0, later_us)
    meters.cancel(early.pop(), later_us)
    assert refused(meters.reserve([KEY], 1_000, later_us)).retry_after_us == 6_000_000
    meters.settle(early.pop(), 2_000, later_us)
    assert refused(meters.reserve([KEY], 1_000, later_us)).retry_after_us == 12_000_000


@given(st.lists(st.tuples(RATES, RATES), min_size=1, max_size=3), st.data())
def test_all_levels_are_charged_or_none(rates: list[tuple[Rate, Rate]], data: st.DataObject) -> None:
    """A request passes if and only if every level by itself would let it pass; refused, it leaves no trace."""
    levels = [Level(str(number), Bounds(*pair)) for number, pair in enumerate(rates)]
    together, apart, now_us = Meters(), [Meters() for _ in levels], START_US
    for wait_us, tokens in data.draw(st.lists(st.tuples(st.integers(0, 64), st.integers(0, 8)), max_size=30)):
        now_us += wait_us
        tried = deepcopy(apart)
        alone = [meters.reserve([level], tokens, now_us) for meters, level in zip(tried, levels, strict=True)]
        found = together.reserve(levels, tokens, now_us)
        assert isinstance(found, Grant) == all(isinstance(single, Grant) for single in alone)
        if isinstance(found, Grant):
            apart = tried
        else:
            waits = [single.retry_after_us for single in alone if isinstance(single, Refusal)]
            assert found.retry_after_us == (None if None in waits else max(wait for wait in waits if wait is not None))
