"""Compares findings with labels: what was found, who was wrongly named, and how sure that is.

It reads only what it measures from the findings, so that another tool's output can be judged by the
same arithmetic. Counts of false positives come with exact upper bounds, because 'none seen' among
forty accounts says little and among three thousand much.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import beta

from spiritsafe.model.columns import LABELS
from spiritsafe.model.errors import InputError
from spiritsafe.model.words import Tier

__all__ = [
    "CampaignScore",
    "CohortScore",
    "Evaluation",
    "ReportedScore",
    "TierScore",
    "evaluate",
    "upper_bound",
]

_GIVE = "Give the findings.json that `spiritsafe scan` wrote."
SHELL = "shell"
"""Cohort of organisations that a campaign registers without using them: positives, but not its members."""


class _Reported(msgspec.Struct):
    id: str
    tier: Tier
    accounts: list[str]


class _Account(msgspec.Struct):
    account_id: str
    tier: Tier


class _Scanned(msgspec.Struct):
    to: str | None = None


class _Findings(msgspec.Struct):
    campaigns: list[_Reported]
    accounts: list[_Account] = []
    scanned: _Scanned = msgspec.field(default_factory=_Scanned)


class CampaignScore(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one true campaign was found.

    Attributes:
        campaign: its label.
        members: accounts that carry the label, shell organisations left out.
        found: at least half of the members lie in one reported campaign at `suspected` or above.
        recall: share of the members named at `suspected` or above, wherever they were reported.
        largest: share of the members in the one reported campaign, at any tier, that holds most of them.
        tier: highest tier of a reported campaign that holds at least half of the members, None if none does.
        leaked: the members' exchanges up to the end of what was scanned, which in a batch scan is every
            exchange they made in the log; None where no exchanges were given.
        leaked_output_tokens: output tokens of those exchanges.
    """

    campaign: str
    members: int
    found: bool
    recall: float
    largest: float
    tier: Tier | None
    leaked: int | None
    leaked_output_tokens: int | None


class TierScore(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts named at exactly one tier; precision is None where nobody was named."""

    tier: Tier
    accounts: int
    positives: int
    precision: float | None


class CohortScore(msgspec.Struct, frozen=True, kw_only=True):
    """Honest accounts of one cohort, wrongly named at a tier or above.

    ``*_upper`` is the one-sided 95 % Clopper-Pearson bound on the rate.
    """

    cohort: str
    accounts: int
    linked: int
    suspected: int
    confirmed: int
    suspected_upper: float
    confirmed_upper: float


class ReportedScore(msgspec.Struct, frozen=True, kw_only=True):
    """How pure one reported campaign is: the share of its accounts that carry its commonest campaign label."""

    id: str
    tier: Tier
    accounts: int
    campaign: str | None
    purity: float


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a table of results needs.

    Attributes:
        campaigns: one score per true campaign.
        found: campaigns found.
        recall: share of all campaign members named at `suspected` or above.
        precision: share of the accounts named at `suspected` or above that belong to some campaign.
        tiers: precision per tier.
        cohorts: false positives per honest cohort.
        reported: purity of each reported campaign.
        unlabelled: named accounts that the labels do not know; counted as false.
    """

    campaigns: list[CampaignScore]
    found: int
    recall: float | None
    precision: float | None
    tiers: list[TierScore]
    cohorts: list[CohortScore]
    reported: list[ReportedScore]
    unlabelled: int


def upper_bound(events: int, trials: int, confidence: float = 0.95) -> float:
    """Return the one-sided Clopper-Pearson (1934) upper bound of a rate.

    >>> round(upper_bound(0, 3_000), 4)
    0.001
    """
    return float(beta.ppf(confidence, events + 1, trials - events)) if events < trials else 1.0


def evaluate(findings: Mapping[str, Any], labels: pa.Table, exchanges: pa.Table | None = None) -> Evaluation:
    """Compare findings with labels.

    An account's tier is the one stated for it; an account that only a reported campaign names has that
    campaign's. Accounts with a campaign label are positives, whatever their cohort.

    Args:
        findings: the content of ``findings.json``.
        labels: the contract's labels table.
        exchanges: the scanned exchanges, for what leaked; None leaves it out.

    Raises:
        InputError: the findings or the labels do not follow the contract.
    """
    stated = _read(findings)
    truth = _truth(labels)
    tiers = _tiers(stated)
    leaks = _leaks(truth, exchanges, stated.scanned.to)
    members = _members(truth)
    acted = [account for account, tier in tiers.items() if tier.rank >= Tier.SUSPECTED.rank]
    everyone = [account for accounts in members.values() for account in accounts]
    campaigns = [_campaign(name, set(accounts), stated, tiers, leaks) for name, accounts in members.items()]
    return Evaluation(
        campaigns=campaigns,
        found=sum(score.found for score in campaigns),
        recall=_share([_acted(tiers, account) for account in everyone]),
        precision=_share([_campaign_of(truth, account) is not None for account in acted]),
        tiers=[_tier(tier, tiers, truth) for tier in Tier],
        cohorts=_cohorts(truth, tiers),
        reported=[_reported(campaign, truth) for campaign in stated.campaigns],
        unlabelled=sum(account not in truth for account in tiers),
    )


_Truth = dict[str, tuple[str, str | None]]


def _read(findings: Mapping[str, Any]) -> _Findings:
    try:
        return msgspec.convert(findings, _Findings)
    except msgspec.ValidationError as error:
        raise InputError(f"not findings: {error}", hint=_GIVE) from error


def _truth(labels: pa.Table) -> _Truth:
    names = [column.name for column in LABELS.columns]
    missing = [name for name in names if name not in labels.column_names]
    if missing:
        raise InputError("not a labels table", column=missing[0], hint=f"Labels have the columns {', '.join(names)}.")
    account, cohort, campaign = (labels[name].to_pylist() for name in names)
    return {a: (c, k) for a, c, k in zip(account, cohort, campaign, strict=True)}


def _tiers(findings: _Findings) -> dict[str, Tier]:
    tiers: dict[str, Tier] = {}
    for campaign in findings.campaigns:
        for account in campaign.accounts:
            if account not in tiers or tiers[account].rank < campaign.tier.rank:
                tiers[account] = campaign.tier
    return tiers | {finding.account_id: finding.tier for finding in findings.accounts}


def _members(truth: _Truth) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {}
    for account, (cohort, campaign) in truth.items():
        if campaign is not None and cohort != SHELL:
            members.setdefault(campaign, []).append(account)
    return dict(sorted(members.items()))


def _acted(tiers: Mapping[str, Tier], account: str) -> bool:
    return account in tiers and tiers[account].rank >= Tier.SUSPECTED.rank


def _campaign_of(truth: _Truth, account: str) -> str | None:
    return truth[account][1] if account in truth else None


def _share(flags: list[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def _campaign(
    name: str,
    members: set[str],
    findings: _Findings,
    tiers: Mapping[str, Tier],
    leaks: Mapping[str, tuple[int, int]] | None,
) -> CampaignScore:
    held = [(len(members & set(c.accounts)) / len(members), c.tier) for c in findings.campaigns]
    tier = max((t for share, t in held if share >= 0.5), key=lambda t: t.rank, default=None)
    leaked = None if leaks is None else leaks.get(name, (0, 0))
    return CampaignScore(
        campaign=name,
        members=len(members),
        found=tier is not None and tier.rank >= Tier.SUSPECTED.rank,
        recall=sum(_acted(tiers, account) for account in members) / len(members),
        largest=max((share for share, _ in held), default=0.0),
        tier=tier,
        leaked=leaked and leaked[0],
        leaked_output_tokens=leaked and leaked[1],
    )


def _leaks(truth: _Truth, exchanges: pa.Table | None, end: str | None) -> dict[str, tuple[int, int]] | None:
    """Return exchanges and output tokens per campaign up to the scan's end, None without exchanges."""
    if exchanges is None:
        return None
    if end is not None:
        moment = pa.scalar(_moment(end), pa.timestamp("us", "UTC"))
        exchanges = exchanges.filter(pc.less_equal(exchanges["started_at"], moment))
    sums = exchanges.group_by("account_id").aggregate([("output_tokens", "sum"), ("output_tokens", "count")])
    leaks: dict[str, tuple[int, int]] = {}
    for row in sums.to_pylist():
        campaign = _campaign_of(truth, row["account_id"])
        if campaign is not None:
            count, tokens = leaks.get(campaign, (0, 0))
            leaks[campaign] = (count + row["output_tokens_count"], tokens + row["output_tokens_sum"])
    return leaks


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError("not findings: $.scanned.to is not a time", hint=_GIVE) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _tier(tier: Tier, tiers: Mapping[str, Tier], truth: _Truth) -> TierScore:
    positive = [_campaign_of(truth, account) is not None for account, stated in tiers.items() if stated is tier]
    return TierScore(tier=tier, accounts=len(positive), positives=sum(positive), precision=_share(positive))


def _cohorts(truth: _Truth, tiers: Mapping[str, Tier]) -> list[CohortScore]:
    sizes = Counter(cohort for cohort, campaign in truth.values() if campaign is None)
    wrong = {
        tier: Counter(
            truth[account][0]
            for account, stated in tiers.items()
            if account in truth and truth[account][1] is None and stated.rank >= tier.rank
        )
        for tier in Tier
    }
    return [
        CohortScore(
            cohort=cohort,
            accounts=size,
            linked=wrong[Tier.LINKED][cohort],
            suspected=wrong[Tier.SUSPECTED][cohort],
            confirmed=wrong[Tier.CONFIRMED][cohort],
            suspected_upper=upper_bound(wrong[Tier.SUSPECTED][cohort], size),
            confirmed_upper=upper_bound(wrong[Tier.CONFIRMED][cohort], size),
        )
        for cohort, size in sorted(sizes.items())
    ]


def _reported(campaign: _Reported, truth: _Truth) -> ReportedScore:
    names = Counter(name for account in campaign.accounts if (name := _campaign_of(truth, account)) is not None)
    name, count = min(names.items(), key=lambda item: (-item[1], item[0]), default=(None, 0))
    return ReportedScore(
        id=campaign.id,
        tier=campaign.tier,
        accounts=len(campaign.accounts),
        campaign=name,
        purity=count / len(campaign.accounts) if campaign.accounts else 0.0,
    )
