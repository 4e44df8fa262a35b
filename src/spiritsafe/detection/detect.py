"""From a population to what a scan says: campaigns, accounts, dossiers and the groups that were cleared."""

import hashlib

import msgspec
import numpy as np

from spiritsafe.detection.attribution import attribute
from spiritsafe.detection.campaigns import Group, Judgement, Progress, find_groups
from spiritsafe.detection.dossiers import capabilities, dossier, elicitation, models_of
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.lone import lone_extractors
from spiritsafe.detection.membership import member_evidence
from spiritsafe.detection.population import Population
from spiritsafe.detection.references import reference_organisations
from spiritsafe.model.dossier import Clearance, Dossier, Rule, ScanResult
from spiritsafe.model.findings import AccountFinding, Campaign, Findings, Scanned, timestamp, total_bits
from spiritsafe.model.settings import Settings
from spiritsafe.model.words import Tier

__all__ = ["detect"]

_CLEARED_SHOWN = 12


def detect(
    population: Population, settings: Settings, *, version: str, quarantined: int, progress: Progress
) -> ScanResult:
    """Judge a population.

    Args:
        population: see ``loading.load``.
        settings: thresholds and seed.
        version: of the program, for the findings.
        quarantined: rows set aside while reading.
        progress: called with (stage, done, total).
    """
    judgement = find_groups(population, settings.detection, progress)
    reported = [group for group in judgement.groups if group.tier is not None]
    campaigns = [(_campaign(group), group) for group in reported]
    accounts = [item for campaign, group in campaigns for item in _members(campaign, group.score.focus)]
    told = {item.account_id for item in accounts if item.tier is not Tier.LINKED}
    accounts += [item for item in lone_extractors(population) if item.account_id not in told]
    findings = Findings(
        version=version,
        config_digest=settings.digest(),
        scanned=_scanned(population, quarantined),
        campaigns=[campaign for campaign, _ in campaigns],
        accounts=sorted(accounts, key=lambda item: (item.account_id, item.campaign or "")),
    )
    return ScanResult(
        findings=findings,
        dossiers=[_dossier(campaign.id, group) for campaign, group in campaigns],
        releases={model: timestamp(us) for model, us in sorted(population.released_us.items())},
        cleared=_cleared(judgement),
        rule=Rule(
            fdr=settings.detection.fdr,
            suspect_fdr=settings.detection.suspect_fdr,
            min_group=settings.detection.min_group,
        ),
        tested=judgement.tested,
        notes=_notes(population),
    )


def _dossier(identity: str, group: Group) -> Dossier:
    return msgspec.structs.replace(dossier(identity, group), attributions=attribute(group.score.focus))


def _campaign(group: Group) -> Campaign:
    score, focus = group.score, group.score.focus
    accounts = focus.population.accounts
    ids = [accounts.ids[index] for index in focus.members.tolist()]
    tier = group.tier or Tier.LINKED
    return Campaign(
        id="c-" + hashlib.blake2b("\n".join(ids).encode(), digest_size=6).hexdigest(),
        tier=tier,
        score_bits=score.bits,
        q_value=group.q_value,
        accounts=ids,
        exchanges=int(accounts.n[focus.members].sum()),
        output_tokens=int(accounts.output_tokens[focus.members].sum()),
        first_seen=timestamp(int(accounts.first_us[focus.members].min())),
        last_seen=timestamp(int(accounts.last_us[focus.members].max())),
        models=models_of(focus),
        capabilities=capabilities(focus),
        elicitation=elicitation(focus),
        evidence=score.evidence,
    )


def _members(campaign: Campaign, focus: Focus) -> list[AccountFinding]:
    """One finding per member, with what speaks for its own membership; what speaks for the group stands there."""
    return [
        AccountFinding(
            account_id=account,
            tier=campaign.tier,
            score_bits=total_bits(evidence),
            campaign=campaign.id,
            evidence=evidence,
        )
        for account, evidence in zip(campaign.accounts, member_evidence(focus), strict=True)
    ]


def _scanned(population: Population, quarantined: int) -> Scanned:
    accounts = population.accounts
    seen = accounts.n > 0
    return Scanned(
        exchanges=int(accounts.n.sum()),
        accounts=int(seen.sum()),
        from_=timestamp(int(accounts.first_us[seen].min())) if seen.any() else None,
        to=timestamp(int(accounts.last_us[seen].max())) if seen.any() else None,
        quarantined=quarantined,
    )


def _cleared(judgement: Judgement) -> list[Clearance]:
    """The strongest groups that were looked at and not reported, and what spoke for them."""
    out: list[Clearance] = []
    for group in judgement.groups:
        score = group.score
        if group.tier is not None or len(out) >= _CLEARED_SHOWN:
            continue
        against = min(score.evidence, key=lambda item: item.weight_bits, default=None)
        reason = (
            "strangers are left among its accounts, so that nobody could be acted on"
            if group.mixed
            else f"strongest against: {against.signal} ({against.weight_bits:+.1f} bits)"
            if against is not None and against.weight_bits < 0
            else "too little evidence for any tier"
        )
        out.append(
            Clearance(
                accounts=score.focus.size,
                organisations=score.focus.units,
                door=str(score.candidate.door),
                score_bits=score.bits,
                reason=reason,
                evidence=score.evidence,
            )
        )
    return out


def _notes(population: Population) -> list[str]:
    notes = []
    references = len(reference_organisations(population))
    if references:
        notes.append(f"The null was estimated with {references} verified organisations of this log.")
    else:
        notes.append(
            "No verified organisation of five accounts or more is old enough to show what honest groups look like "
            "here: the shipped null was used, narrowed only by random groups of strangers."
        )
    if not np.any(population.pools.elicitations):
        notes.append("The log carries no text and no sketches: nothing about content could be seen.")
    return notes
