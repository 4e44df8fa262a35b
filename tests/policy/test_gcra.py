from itertools import accumulate
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.model.errors import ConfigError
from spiritsafe.policy.gcra import DEBT_PERIODS, indebted, price, remaining, retry_after, taken
from spiritsafe.policy.rates import Rate
from tests.policy.histories import RATES, START_US, History, Move, Past, drawn, moves

TIMES = st.integers(0, 300)


@given(RATES, TIMES, st.integers(0, 12), TIMES)
def test_what_remains_fits_and_one_more_does_not(rate: Rate, tat: int, units: int, now_us: int) -> None:
    left = remaining(tat, rate, now_us)
    in_debt = tat > now_us + rate.period_us
    assert (taken(tat, units, rate, now_us) is not None) == (units <= left and not in_debt)


@given(RATES, TIMES, st.integers(0, 12), TIMES)
def test_after_the_wait_it_fits_and_a_microsecond_before_it_does_not(
    rate: Rate, tat: int, units: int, now_us: int
) -> None:
    wait = retry_after(tat, price(units, rate), rate.period_us, now_us)
    if wait is None:
        assert units > rate.amount
        return
    assert taken(tat, units, rate, now_us + wait) is not None
    assert not wait or taken(tat, units, rate, now_us + wait - 1) is None


@given(RATES, st.lists(st.integers(0, 8), max_size=20))
def test_a_price_rounded_up_never_grants_more_than_the_bound(rate: Rate, parts: list[int]) -> None:
    tat = 0
    granted = 0
    for units in parts:
        after = taken(tat, units, rate, START_US)
        tat, granted = (after, granted + units) if after is not None else (tat, granted)
    assert granted <= rate.amount


@given(RATES, TIMES, st.integers(0, 10**6), TIMES)
def test_a_debt_is_bounded_and_never_forgives(rate: Rate, tat: int, over_us: int, now_us: int) -> None:
    after = indebted(tat, over_us, rate.period_us, now_us)
    assert tat <= after <= max(tat, now_us + DEBT_PERIODS * rate.period_us)


def test_in_no_span_is_more_used_than_the_bound_allows() -> None:
    """58 of these histories break it if drained parts are refunded too, 11 if earlier refunds are not heeded."""
    random = Random(1)
    for _ in range(3_000):
        rate, played = drawn(random)
        history = History(rate)
        for move in played:
            history.play(move)
        _assert_bounded(history)


def _assert_bounded(history: History) -> None:
    for first, start in enumerate(history.past):
        used = beyond = 0
        for last in history.past[first:]:
            used, beyond = used + last.used_us, beyond + last.beyond_us
            assert used <= history.rate.period_us + (last.made_us - start.made_us) + beyond


@given(RATES, moves())
def test_a_bucket_is_never_fuller_than_if_the_use_had_been_known_at_once(rate: Rate, played: list[Move]) -> None:
    history = History(rate)
    for move in played:
        history.play(move)
        known = 0
        for past in history.past:
            known = max(known, past.made_us) + min(past.used_us, past.price_us)
        assert history.tat >= known


@given(RATES, moves(in_order=True))
def test_settled_in_order_a_refund_is_exact(rate: Rate, played: list[Move]) -> None:
    """Beside it stands the whole schedule: stretches in a list, a refund moves what lies behind it."""
    history, ends, owners = History(rate), [0], list[Past | None]([None])
    for move in played:
        made, settled = len(history.past), history.open[:1] if move.which is not None else []
        history.play(move)
        now_us = history.now_us
        for past in history.past[made:]:
            ends.append(max(now_us, ends[-1]) + past.price_us)
            owners.append(past)
        for past in settled:
            at = next(i for i, owner in enumerate(owners) if owner is past)
            given_us = max(0, min(past.price_us - past.used_us, ends[at] - now_us))
            ends[at:] = [end - given_us for end in ends[at:]]
            if past.beyond_us:  # a debt is a stretch of its own
                ends.append(indebted(ends[-1], past.beyond_us, rate.period_us, now_us))
                owners.append(None)
        assert history.tat == ends[-1]


def test_a_refund_of_what_has_drained_would_grant_twice() -> None:
    """The whole limit reserved, drained, granted again: then the first turns out to have used nothing."""
    rate = Rate(amount=10, period_us=1_000)
    history = History(rate)
    for move in [Move(0, units=10), Move(1_000, units=10), Move(0, which=0, used=0), Move(0, units=1)]:
        history.play(move)
    assert [past.grant.tokens for past in history.past] == [10, 10]


def test_a_refund_in_time_is_granted_to_the_next() -> None:
    history = History(Rate(amount=10, period_us=1_000))
    for move in [Move(0, units=10), Move(0, which=0, used=2), Move(0, units=8), Move(0, units=1)]:
        history.play(move)
    assert list(accumulate(past.grant.tokens for past in history.past)) == [10, 18]


@pytest.mark.parametrize("text", ["1/999999d", "5/3661d"])
def test_a_period_beyond_ten_years_is_none(text: str) -> None:
    with pytest.raises(ConfigError, match="is no rate"):
        Rate.parse(text)
