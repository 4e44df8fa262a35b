from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.model.errors import InputError
from spiritsafe.model.words import Tier
from spiritsafe.simulation.evaluation import evaluate, upper_bound


def _labels() -> pa.Table:
    """Campaign x with members x0..x3, y with y0, y1, a shell of x, four honest accounts in two cohorts."""
    rows = [
        *((f"x{n}", "campaign", "x") for n in range(4)),
        *((f"y{n}", "campaign", "y") for n in range(2)),
        ("s0", "shell", "x"),
        *((f"h{n}", "humans", None) for n in range(3)),
        ("b0", "batch", None),
    ]
    return pa.table(
        {"account_id": [r[0] for r in rows], "cohort": [r[1] for r in rows], "campaign": [r[2] for r in rows]}
    )


def _findings(*campaigns: tuple[str, list[str]], accounts: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "campaigns": [{"id": f"c{n}", "tier": t, "accounts": a} for n, (t, a) in enumerate(campaigns)],
        "accounts": [{"account_id": a, "tier": t} for a, t in (accounts or {}).items()],
    }


def test_a_campaign_is_found_when_half_of_it_lies_in_one() -> None:
    result = evaluate(_findings(("suspected", ["x0", "x1", "h0"]), ("confirmed", ["x2"])), _labels())
    x, y = result.campaigns
    assert (x.campaign, x.members, x.found, x.recall, x.largest, x.tier) == ("x", 4, True, 0.75, 0.5, Tier.SUSPECTED)
    assert (y.found, y.recall, y.largest, y.tier) == (False, 0.0, 0.0, None)
    assert result.found == 1
    assert result.recall == pytest.approx(3 / 6)
    assert result.precision == pytest.approx(3 / 4)


def test_linked_is_neither_found_nor_held_against_precision() -> None:
    result = evaluate(_findings(("linked", ["x0", "x1", "x2", "x3", "h0", "h1"])), _labels())
    assert not result.campaigns[0].found
    assert result.campaigns[0].tier is Tier.LINKED
    assert result.campaigns[0].largest == 1.0
    assert result.precision is None
    humans = next(c for c in result.cohorts if c.cohort == "humans")
    assert (humans.accounts, humans.linked, humans.suspected, humans.confirmed) == (3, 2, 0, 0)


def test_fragments_recall_members_without_finding_the_campaign() -> None:
    result = evaluate(_findings(("confirmed", ["x0"]), ("confirmed", ["x1"]), ("confirmed", ["x2"])), _labels())
    assert not result.campaigns[0].found
    assert result.campaigns[0].recall == 0.75


def test_shells_are_positives_but_not_members() -> None:
    result = evaluate(_findings(("suspected", ["s0"])), _labels())
    assert result.precision == 1.0
    assert result.campaigns[0].members == 4
    assert result.campaigns[0].recall == 0.0


def test_an_accounts_own_tier_outranks_its_campaigns() -> None:
    result = evaluate(_findings(("confirmed", ["x0", "h0"]), accounts={"h0": "linked", "b0": "suspected"}), _labels())
    by_tier = {score.tier: score for score in result.tiers}
    assert (by_tier[Tier.CONFIRMED].accounts, by_tier[Tier.CONFIRMED].precision) == (1, 1.0)
    assert (by_tier[Tier.LINKED].accounts, by_tier[Tier.LINKED].precision) == (1, 0.0)
    assert (by_tier[Tier.SUSPECTED].accounts, by_tier[Tier.SUSPECTED].positives) == (1, 0)


def test_purity_counts_the_commonest_campaign() -> None:
    result = evaluate(
        _findings(("linked", ["x0", "x1", "y0", "h0"]), ("linked", ["h0", "h1"]), ("linked", [])), _labels()
    )
    assert [(r.campaign, r.purity) for r in result.reported] == [("x", 0.5), (None, 0.0), (None, 0.0)]


def test_an_account_nobody_labelled_counts_as_false() -> None:
    result = evaluate(_findings(("suspected", ["x0", "ghost"])), _labels())
    assert result.unlabelled == 1
    assert result.precision == 0.5


def test_everything_up_to_the_scans_end_has_leaked() -> None:
    days = pa.array([1, 2, 3, 4, 4], pa.int64())
    stamps = pa.compute.multiply(days, 86_400_000_000).cast(pa.timestamp("us", "UTC"))
    accounts = ["x0", "x0", "x1", "x0", "h0"]
    exchanges = pa.table({"account_id": accounts, "started_at": stamps, "output_tokens": [5, 7, 11, 13, 17]})
    whole = evaluate(_findings(), _labels(), exchanges)
    assert [(c.leaked, c.leaked_output_tokens) for c in whole.campaigns] == [(4, 36), (0, 0)]
    stopped = evaluate(_findings() | {"scanned": {"to": "1970-01-04T00:00:00Z"}}, _labels(), exchanges)
    assert [(c.leaked, c.leaked_output_tokens) for c in stopped.campaigns] == [(3, 23), (0, 0)]
    assert evaluate(_findings(), _labels()).campaigns[0].leaked is None


@given(trials=st.integers(1, 5_000), data=st.data())
def test_the_bound_is_exact(trials: int, data: st.DataObject) -> None:
    events = data.draw(st.integers(0, trials))
    bound = upper_bound(events, trials)
    assert events / trials <= bound <= 1.0
    if events == 0:
        assert (1 - bound) ** trials == pytest.approx(0.05)


@given(st.permutations(list(range(4))))
def test_the_order_of_campaigns_does_not_matter(order: list[int]) -> None:
    reported = [("suspected", ["x0", "x1"]), ("linked", ["x2"]), ("confirmed", ["y0", "h0"]), ("suspected", ["h1"])]
    shuffled = evaluate(_findings(*(reported[n] for n in order)), _labels())
    straight = evaluate(_findings(*reported), _labels())
    assert (shuffled.campaigns, shuffled.tiers, shuffled.cohorts) == (
        straight.campaigns,
        straight.tiers,
        straight.cohorts,
    )


@pytest.mark.parametrize("findings", [{}, {"campaigns": [{"id": "c"}]}, {"campaigns": "none"}])
def test_what_are_not_findings_is_refused(findings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="not findings"):
        evaluate(findings, _labels())


def test_labels_without_a_column_are_refused() -> None:
    with pytest.raises(InputError, match="cohort"):
        evaluate(_findings(), _labels().drop_columns(["cohort"]))
