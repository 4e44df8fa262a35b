"""Decisions: which measure wins, what is charged, what a shadow only tells."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.model.words import Action, Step, Subject
from spiritsafe.policy.decide import Decider, Decision, Plan, Question
from spiritsafe.policy.file import encode
from spiritsafe.policy.lines import Members, Rows
from spiritsafe.policy.load import load_table, no_policy
from spiritsafe.policy.meters import Meters
from spiritsafe.policy.rates import Bounds, Rate
from spiritsafe.policy.table import PolicyTable

NOW = 1_796_000_000_000_000
BEGUN, END = "2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z"
PLAN = Plan(account=Bounds(Rate.parse("10/m"), Rate.parse("1000/m")))
STEPS = st.sampled_from([step for step in Step if step is not Step.SUSPEND])


def rows(subject: Subject, name: str, step: Step, *, shadow: bool = False, requests: str | None = None) -> Rows:
    bound = requests or ("3/m" if step is Step.RATE_LIMIT else None)
    return Rows(
        subject=subject,
        ids=(name,),
        step=step,
        requests=bound,
        reason="a test",
        version=1,
        expires_at=END,
        shadow=shadow,
    )


def table(*lines: Rows | Members) -> PolicyTable:
    content = encode(list(lines), version=1, created_at=BEGUN)
    return load_table(content, secret=b"secret", draft=True)


def question(account: str = "a-1", tokens: int = 10) -> Question:
    return Question(account, "k-1", "o-1", "m", "192.0.2.7", tokens, 0)


def decider(plan: Plan = PLAN) -> tuple[Decider, Meters]:
    meters = Meters()
    return Decider(plan, meters, Random(7).randbytes), meters


def action(policy: PolicyTable, plan: Plan = PLAN) -> Decision:
    return decider(plan)[0].decide(question(), policy, NOW)


def test_without_a_policy_limits_alone_decide() -> None:
    gate, _ = decider()
    decisions = [gate.decide(question(), no_policy(), NOW) for _ in range(12)]
    assert [one.action for one in decisions] == [Action.ALLOW] * 10 + [Action.RATE_LIMIT] * 2
    assert len({one.id for one in decisions}) == 12
    assert decisions[-1].retry_after_s == 6
    assert gate.decide(question("a-2"), no_policy(), NOW).action is Action.ALLOW


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (Step.OBSERVE, Action.ALLOW),
        (Step.RATE_LIMIT, Action.ALLOW),
        (Step.STEP_UP, Action.STEP_UP),
        (Step.WITHHOLD, Action.WITHHOLD),
        (Step.WATERMARK, Action.WATERMARK),
        (Step.SUSPEND, Action.SUSPEND),
    ],
)
@pytest.mark.parametrize("subject", [*Subject])
def test_each_step_does_what_it_says(step: Step, told: Action, subject: Subject) -> None:
    name = {
        Subject.ACCOUNT: "a-1",
        Subject.KEY: "k-1",
        Subject.ORGANISATION: "o-1",
        Subject.CAMPAIGN: "c-1",
        Subject.PREFIX: "192.0.2.0/24",
    }[subject]
    decision = action(table(rows(subject, name, step), Members(campaign="c-1", accounts=("a-1",))))
    assert (decision.action, decision.shadow, decision.version) == (told, None, 1)
    assert (decision.grant is not None) == decision.action.passes
    quiet = action(table(rows(subject, name, step, shadow=True), Members(campaign="c-1", accounts=("a-1",))))
    assert (quiet.action, quiet.shadow) == (Action.ALLOW, None if told is Action.ALLOW else told)
    assert quiet.effect.row is None


def test_what_is_stopped_is_charged_nothing() -> None:
    gate, meters = decider()
    stopped = table(rows(Subject.ACCOUNT, "a-1", Step.STEP_UP))
    for _ in range(50):
        gate.decide(question(), stopped, NOW)
    assert len(meters) == 0


def test_a_limit_of_the_policy_is_tighter_and_gone_when_it_is_undone() -> None:
    gate, _ = decider()
    limited = table(rows(Subject.ACCOUNT, "a-1", Step.RATE_LIMIT))
    told = [gate.decide(question(), limited, NOW).action for _ in range(5)]
    assert told == [Action.ALLOW] * 3 + [Action.RATE_LIMIT] * 2
    undone = [gate.decide(question(), no_policy(), NOW).action for _ in range(8)]
    assert undone == [Action.ALLOW] * 7 + [Action.RATE_LIMIT]


def test_members_of_a_campaign_are_limited_each_by_himself_and_an_organisation_as_one() -> None:
    members = Members(campaign="c-1", accounts=("a-1", "a-2"))
    for subject, name, passed in ((Subject.CAMPAIGN, "c-1", 6), (Subject.ORGANISATION, "o-1", 3)):
        gate, _ = decider()
        policy = table(rows(subject, name, Step.RATE_LIMIT), members)
        told = [gate.decide(question(account), policy, NOW).action for account in ("a-1", "a-2") * 4]
        assert told.count(Action.ALLOW) == passed


def test_a_limit_that_is_only_measured_is_told_and_not_done() -> None:
    gate, _ = decider()
    policy = table(rows(Subject.ACCOUNT, "a-1", Step.RATE_LIMIT, shadow=True))
    decisions = [gate.decide(question(), policy, NOW) for _ in range(5)]
    assert [one.action for one in decisions] == [Action.ALLOW] * 5
    assert [one.shadow for one in decisions] == [None] * 3 + [Action.RATE_LIMIT] * 2


def test_a_request_larger_than_a_whole_limit_is_not_told_to_come_again() -> None:
    decision = decider()[0].decide(question(tokens=5_000), no_policy(), NOW)
    assert (decision.action, decision.retry_after_s) == (Action.RATE_LIMIT, None)


@given(
    st.lists(
        st.tuples(st.sampled_from(["a-1", "k-1", "o-1"]), STEPS, st.booleans()),
        unique_by=lambda row: row[:2],
        max_size=6,
    ),
    st.randoms(),
)
def test_the_order_of_rows_decides_nothing(found: list[tuple[str, Step, bool]], random: Random) -> None:
    kinds = {"a": Subject.ACCOUNT, "k": Subject.KEY, "o": Subject.ORGANISATION}
    lines = [rows(kinds[name[0]], name, step, shadow=shadow) for name, step, shadow in found]
    first = action(table(*lines))
    random.shuffle(lines)
    again = action(table(*lines))
    assert (first.action, first.shadow, first.effect.withhold) == (again.action, again.shadow, again.effect.withhold)
    live = {step for _, step, shadow in found if not shadow}
    assert first.action.passes == (Step.STEP_UP not in live)
    assert first.effect.watermark == (Step.WATERMARK in live)
