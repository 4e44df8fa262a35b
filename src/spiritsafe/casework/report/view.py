"""Arranges a scan's result in the order in which the page tells it.

The template only walks through what stands here: nothing is computed while a page is written, and everything
that is shown can be tested as a value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from spiritsafe.casework.report.evidence import Waterfall, drawn, waterfall
from spiritsafe.casework.report.graph import Graph, graph
from spiritsafe.casework.report.rhythm import Heat, Raster, heat, raster
from spiritsafe.casework.report.spread import SpreadChart, spread_chart
from spiritsafe.casework.report.timeline import Timeline, timeline
from spiritsafe.casework.words import headline, summary, verdict, worst_q
from spiritsafe.model.dossier import Clearance, Dossier, ScanResult
from spiritsafe.model.findings import AccountFinding, Campaign

__all__ = ["CampaignView", "ClearanceView", "Loner", "Member", "Portion", "ReportView", "view"]


@dataclass(frozen=True, slots=True)
class Portion:
    """One entry of a mix and its share of the whole, 0 to 1."""

    name: str
    number: int
    share: float


@dataclass(frozen=True, slots=True)
class Member:
    """An account of a campaign, its own finding where there is one, and the numbers of the traits it shares."""

    account: str
    finding: AccountFinding | None
    traits: list[int]


@dataclass(frozen=True, slots=True)
class CampaignView:
    """One campaign as the page shows it; pictures are None where detection stored nothing to draw."""

    anchor: str
    campaign: Campaign
    dossier: Dossier | None
    verdict: str
    summary: str
    evidence: Waterfall
    picture: Markup
    timeline: Timeline | None
    heat: Heat | None
    raster: Raster | None
    graph: Graph | None
    capabilities: list[Portion]
    elicitations: list[Portion]
    spread: SpreadChart | None
    members: list[Member]


@dataclass(frozen=True, slots=True)
class Loner:
    """An account reported on its own."""

    finding: AccountFinding
    evidence: Waterfall


@dataclass(frozen=True, slots=True)
class ClearanceView:
    """A group that was tested and not reported."""

    clearance: Clearance
    evidence: Waterfall


@dataclass(frozen=True, slots=True)
class ReportView:
    """The whole page."""

    result: ScanResult
    headline: str
    worst_q: float | None
    campaigns: list[CampaignView]
    loners: list[Loner]
    cleared: list[ClearanceView]


def view(result: ScanResult) -> ReportView:
    """Arrange ``result``, the most serious campaign first."""
    dossiers = {dossier.id: dossier for dossier in result.dossiers}
    ordered = sorted(result.findings.campaigns, key=lambda c: (-c.tier.rank, -c.score_bits, c.id))
    own: dict[str, dict[str, AccountFinding]] = {}
    for finding in result.findings.accounts:
        if finding.campaign is not None:
            own.setdefault(finding.campaign, {})[finding.account_id] = finding
    alone = sorted(
        (finding for finding in result.findings.accounts if finding.campaign is None),
        key=lambda finding: (-finding.tier.rank, -finding.score_bits, finding.account_id),
    )
    return ReportView(
        result=result,
        headline=headline(result),
        worst_q=worst_q(result),
        campaigns=[
            _campaign(place, item, dossiers.get(item.id), own.get(item.id, {}), result.releases)
            for place, item in enumerate(ordered, start=1)
        ],
        loners=[Loner(finding, waterfall(finding.evidence)) for finding in alone],
        cleared=[ClearanceView(clearance, waterfall(clearance.evidence)) for clearance in result.cleared],
    )


def _campaign(
    place: int,
    campaign: Campaign,
    dossier: Dossier | None,
    own: Mapping[str, AccountFinding],
    releases: dict[str, str],
) -> CampaignView:
    evidence = waterfall(campaign.evidence)
    drawing = graph(campaign.accounts, dossier.shared) if dossier else None
    return CampaignView(
        anchor=f"campaign-{place}",
        campaign=campaign,
        dossier=dossier,
        verdict=verdict(campaign),
        summary=summary(campaign, dossier, evidence.bits(campaign.score_bits)),
        evidence=evidence,
        picture=drawn(evidence),
        timeline=timeline(dossier.daily, releases) if dossier and dossier.daily else None,
        heat=heat(dossier.heat) if dossier else None,
        raster=raster(dossier.account_hours, campaign.accounts, dossier.first_hour) if dossier else None,
        graph=drawing,
        capabilities=_portions(dossier.capability_mix) if dossier else [],
        elicitations=_portions(dossier.elicitation_mix) if dossier else [],
        spread=spread_chart(dossier.spreads) if dossier and dossier.spreads else None,
        members=_members(campaign.accounts, own, drawing),
    )


def _portions(mix: Mapping[str, int]) -> list[Portion]:
    whole = sum(mix.values()) or 1
    ordered = sorted(mix.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Portion(name.replace("_", " "), number, number / whole) for name, number in ordered if number]


def _members(accounts: Sequence[str], own: Mapping[str, AccountFinding], drawing: Graph | None) -> list[Member]:
    shares: dict[int, list[int]] = {}
    for item in drawing.listed if drawing else []:
        for member in item.trait.members:
            shares.setdefault(member, []).append(item.number)
    return [Member(account, own.get(account), shares.get(n, [])) for n, account in enumerate(accounts)]
