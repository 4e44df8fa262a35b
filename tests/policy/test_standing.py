"""Rows combine in any order, the strongest decides, bounds are the tightest, narrow networks make exceptions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.model.words import Step, Subject
from spiritsafe.policy.lines import Line
from spiritsafe.policy.rates import UNBOUNDED, Bounds, Rate
from spiritsafe.policy.standing import CLEAR, NOTHING, Effect, effect_of, standing_of
from spiritsafe.policy.terms import NEVER, Row
from tests.policy.policies import FEWER, NOW_US, files, rows, table


def effect(*lines: Line, ip: str | None = None) -> Effect:
    return table(*lines).standing("a", "a", "a", ip, now_us=NOW_US).live


@FEWER
@given(lines=files(), data=st.data())
def test_the_order_of_rows_does_not_matter(lines: list[Line], data: st.DataObject) -> None:
    found = [row for row in table(*lines).rows_for("a", "b", "c", "192.0.2.7") if not row.terms.shadow]
    shuffled = data.draw(st.permutations(found))
    assert effect_of(shuffled) == effect_of(found)


@FEWER
@given(lines=files())
def test_an_effect_is_what_its_rows_say(lines: list[Line]) -> None:
    found = effect_of([row for row in table(*lines).rows_for("a", "b", "c") if row.terms.shadow])
    steps = {row.terms.step for row in found.rows}
    assert found.step == max(steps, key=lambda step: list(Step).index(step), default=Step.OBSERVE)
    flags = {
        Step.STEP_UP: found.step_up,
        Step.SUSPEND: found.suspend,
        Step.WITHHOLD: found.withhold,
        Step.WATERMARK: found.watermark,
    }
    assert {step for step, is_on in flags.items() if is_on} == steps & set(flags)
    assert (found.row is None) == (not found.rows)
    assert found.row is None or found.row.terms.step is found.step
    for name in ("requests", "tokens"):
        least = getattr(found.bounds, name)
        rates = [rate for row in found.rows if (rate := getattr(row.terms.bounds, name)) is not None]
        assert (least is None) == (not rates)
        assert all(least.amount / least.period_us <= rate.amount / rate.period_us for rate in rates)


def test_nothing_is_shared_by_all_who_have_none() -> None:
    assert effect_of([]) is NOTHING
    assert standing_of([], []) is CLEAR
    assert CLEAR.live.bounds is UNBOUNDED


def test_measures_combine() -> None:
    found = effect(
        rows(requests="60/m", tokens="9k/m"),
        rows(step=Step.WITHHOLD),
        rows(Subject.KEY, "a", step=Step.WATERMARK),
        rows(Subject.ORGANISATION, "a", requests="2000/h"),
    )
    assert (found.withhold, found.watermark, found.step_up, found.suspend) == (True, True, False, False)
    assert found.bounds == Bounds(Rate.parse("2000/h"), Rate.parse("9k/m"))
    assert found.step is Step.WATERMARK
    assert found.campaign is None
    assert len(found.rows) == 4


def test_suspend_wins_over_all() -> None:
    lines = [rows(step=step) for step in Step if step is not Step.SUSPEND]
    found = effect(*lines, rows(Subject.ORGANISATION, "a", step=Step.SUSPEND, reason="This one."))
    assert found.suspend
    assert found.row is not None
    assert found.row.terms.reason == "This one."


@pytest.mark.parametrize(
    ("one", "other", "tightest"),
    [
        ("60/m", "2000/h", "2000/h"),  # a larger burst, but fewer an hour
        ("60/m", "1/s", "1/s"),  # as many an hour, a smaller burst
        ("60/m", "61/m", "60/m"),
    ],
)
def test_the_tightest_rate(one: str, other: str, tightest: str) -> None:
    for first, second in ((one, other), (other, one)):
        found = effect(rows(requests=first), rows(Subject.KEY, "a", requests=second))
        assert found.bounds.requests == Rate.parse(tightest)


def test_the_longest_network_speaks_alone() -> None:
    wide = rows(Subject.PREFIX, "192.0.0.0/16", step=Step.STEP_UP)
    narrow = rows(Subject.PREFIX, "192.0.2.0/24", step=Step.OBSERVE)
    assert effect(wide, narrow, ip="192.0.3.1").step_up
    assert not effect(wide, narrow, ip="192.0.2.1").step_up
    assert effect(wide, narrow, rows(), ip="192.0.2.1").step is Step.RATE_LIMIT


@pytest.mark.parametrize("said", [{"expires_at": "2026-12-02T00:00:00Z"}, {"from_at": "2026-12-07T00:00:00Z"}])
def test_a_network_whose_row_is_not_in_force_makes_no_exception(said: dict[str, Any]) -> None:
    wide = rows(Subject.PREFIX, "192.0.0.0/16", step=Step.STEP_UP)
    assert effect(wide, rows(Subject.PREFIX, "192.0.2.0/24", step=Step.OBSERVE, **said), ip="192.0.2.1").step_up


def test_a_shadow_network_makes_no_live_exception() -> None:
    wide = rows(Subject.PREFIX, "192.0.0.0/16", step=Step.STEP_UP)
    narrow = rows(Subject.PREFIX, "192.0.2.0/24", step=Step.OBSERVE, shadow=True)
    standing = table(wide, narrow).standing("a", ip="192.0.2.1", now_us=NOW_US)
    assert standing.live.step_up
    assert standing.shadow.rows


def test_several_campaigns_mark_with_the_key_of_the_first() -> None:
    terms = table(rows(Subject.CAMPAIGN, "x", step=Step.WATERMARK))._campaigns["x"][0]
    assert effect_of([Row("c-2", terms), Row("c-1", terms)]).campaign == "c-1"
    assert terms.expires_us < NEVER
