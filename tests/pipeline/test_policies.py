"""Findings become rows about campaigns: whom they reach, how strong they may be, what the customer reads."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from spiritsafe.model.errors import InputError, StoreError, UsageError
from spiritsafe.model.findings import AccountFinding, Findings, Scanned
from spiritsafe.model.words import Step, Subject, Tier, TraitKind
from spiritsafe.pipeline.policies import PERMITTED, Answer, Draft, draft, policy_folder
from spiritsafe.policy.lines import Members, Rows, Trait
from spiritsafe.policy.load import load_table
from spiritsafe.policy.versions import Versions
from tests.casework.scans import campaign, strong_evidence
from tests.pipeline.stores import MEMBERS, account, store_with
from tests.policy.policies import NOW_US, SECRET
from tests.policy.test_file import lines_of

DAY_US = 86_400_000_000


def findings(tiers: dict[str, Tier], *, size: int = MEMBERS, odd: str = "") -> Findings:
    """Return campaigns of these tiers, of the same accounts; ``odd`` is one account more."""
    names = [account(number) for number in range(size)] + ([odd] if odd else [])
    return Findings(
        version="0",
        config_digest="0",
        scanned=Scanned(exchanges=1, accounts=1, from_=None, to=None, quarantined=0),
        campaigns=[campaign(name, tier, names, strong_evidence()) for name, tier in tiers.items()],
        accounts=[
            AccountFinding(
                account_id=one, tier=Tier.LINKED if at == 0 else tier, score_bits=0.0, campaign=name, evidence=[]
            )
            for name, tier in tiers.items()
            for at, one in enumerate(names)
        ],
    )


def made(given: Findings, store: Path | None = None, now_us: int = NOW_US, **answer: Any) -> Draft:
    said = Answer(**({"requests": "60/m"} | answer))
    return draft(given, said, now_us=now_us, version=None, store=store)


def test_a_row_per_campaign_and_its_members() -> None:
    out = made(findings({"c-1": Tier.CONFIRMED, "c-2": Tier.SUSPECTED, "c-3": Tier.LINKED}))
    assert (out.version, out.campaigns, out.accounts, out.traits, out.left_out) == (1, 2, 2 * (MEMBERS - 1), 0, 0)
    one, two, *members = lines_of(out.content)
    assert isinstance(one, Rows)
    assert isinstance(two, Rows)
    assert (one.subject, one.ids, one.step, one.requests) == (Subject.CAMPAIGN, ("c-1",), Step.RATE_LIMIT, "60/m")
    assert (one.from_at, one.expires_at) == ("2026-12-04T00:00:00Z", "2026-12-11T00:00:00Z")
    assert [line.campaign for line in members if isinstance(line, Members)] == ["c-1", "c-2"]
    table = load_table(out.content, secret=SECRET)
    assert table.standing(account(1), now_us=NOW_US).live.step is Step.RATE_LIMIT
    assert not table.rows_for(account(0))  # only linked


def test_the_reason_tells_no_evidence() -> None:
    (row, _) = lines_of(made(findings({"c-1": Tier.SUSPECTED})).content)
    assert isinstance(row, Rows)
    assert row.reason == "Campaign c-1 is suspected at 45.7 bits."


def test_what_was_asked_for_is_in_the_row() -> None:
    out = made(
        findings({"c-1": Tier.CONFIRMED}),
        step=Step.STEP_UP,
        requests=None,
        tokens="20k/m",
        days=3,
        delay_hours=6,
        shadow=True,
    )
    (row, _) = lines_of(out.content)
    assert isinstance(row, Rows)
    assert (row.step, row.requests, row.tokens, row.shadow) == (Step.STEP_UP, None, "20k/m", True)
    assert (row.expires_at, row.delay_s) == ("2026-12-07T00:00:00Z", 6 * 3_600)


@pytest.mark.parametrize("step", [step for step in Step if step not in PERMITTED])
def test_findings_alone_bring_about_no_stronger_measure(step: Step) -> None:
    with pytest.raises(UsageError, match="does not follow from findings alone") as error:
        made(findings({"c-1": Tier.CONFIRMED}), step=step)
    assert "only an operator's signed file may suspend" in error.value.hint


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ({"requests": "60"}, "'requests': not a rate"),
        ({"requests": None}, "no rate to limit to"),
        ({"days": 0}, "'expires_at'"),
        ({"delay_hours": 169, "days": 30}, "'delay_s'"),
    ],
)
def test_what_no_row_can_say(answer: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        made(findings({"c-1": Tier.CONFIRMED}), **answer)


@pytest.mark.parametrize("odd", ["a\nb", "x" * 257, "\ud800"])
def test_ids_that_no_policy_can_carry_are_counted(odd: str) -> None:
    out = made(findings({"c-1": Tier.CONFIRMED}, odd=odd))
    assert (out.accounts, out.left_out) == (MEMBERS - 1, 1)


def test_a_large_campaign_is_spread_over_lines() -> None:
    out = made(findings({"c-1": Tier.CONFIRMED}, size=1_202))
    assert [len(line.accounts) for line in lines_of(out.content) if isinstance(line, Members)] == [500, 500, 201]


def test_no_campaign_is_a_policy_without_rows() -> None:
    out = made(findings({"c-1": Tier.LINKED}))
    assert lines_of(out.content) == []


def test_the_store_adds_traits_and_the_next_number(tmp_path: Path) -> None:
    store_with(tmp_path, {(TraitKind.PAYMENT, 5): range(1, 6)})
    out = made(findings({"c-1": Tier.CONFIRMED}), tmp_path)
    (trait,) = [line for line in lines_of(out.content) if isinstance(line, Trait)]
    assert (trait.kind, trait.campaign, out.traits, out.version) == (TraitKind.PAYMENT, "c-1", 1, 1)
    Versions(policy_folder(tmp_path)).apply(out.content, now_us=NOW_US, who="", why="")
    assert made(findings({"c-1": Tier.CONFIRMED}), tmp_path).version == 2


def test_a_row_that_is_in_force_stays_as_old_as_it_is(tmp_path: Path) -> None:
    store_with(tmp_path, {})
    first = made(findings({"c-1": Tier.CONFIRMED}), tmp_path, delay_hours=48)
    Versions(policy_folder(tmp_path)).apply(first.content, now_us=NOW_US, who="", why="")
    later = made(
        findings({"c-1": Tier.CONFIRMED, "c-2": Tier.SUSPECTED}), tmp_path, now_us=NOW_US + DAY_US, delay_hours=48
    )
    one, two, *_ = lines_of(later.content)
    assert isinstance(one, Rows)
    assert isinstance(two, Rows)
    assert (one.version, one.from_at, one.expires_at) == (1, "2026-12-04T00:00:00Z", "2026-12-12T00:00:00Z")
    assert (two.version, two.from_at) == (2, "2026-12-05T00:00:00Z")


def test_a_folder_that_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no spiritsafe store here"):
        made(findings({"c-1": Tier.CONFIRMED}), tmp_path)


def test_findings_written_by_a_scan_are_enough() -> None:
    given = findings({"c-1": Tier.CONFIRMED})
    again = msgspec.json.decode(msgspec.json.encode(given), type=Findings)
    assert made(again).content == made(given).content
