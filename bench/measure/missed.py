"""Why a campaign was missed: what the doors proposed, what became of it, and what its true members would show.

The last is the decisive question: the true member set is judged as if a door had proposed exactly it. If that
would be reported, the doors or the overlaps lost it; if not, the evidence is not in the log, and the rule
that fails says which part of it.
"""

from collections.abc import Iterator
from enum import StrEnum

import msgspec
import numpy as np

from measure.recording import Recording, acted
from spiritsafe.detection import campaigns
from spiritsafe.detection.calibration import e_bh
from spiritsafe.detection.campaigns import tier_of
from spiritsafe.detection.focus import Focus, cut
from spiritsafe.detection.groups.candidate import Candidate, Door, enriched
from spiritsafe.detection.overlaps import stakes
from spiritsafe.detection.population import Int, Population
from spiritsafe.detection.references import References
from spiritsafe.detection.scoring import Score, judge
from spiritsafe.detection.signals import SIGNALS
from spiritsafe.model.settings import DetectionSettings
from spiritsafe.model.words import Family, Tier

__all__ = ["Missed", "Oracle", "Reason", "Rule", "broken", "explain"]


class Reason(StrEnum):
    """What became of a campaign that no report holds half of."""

    SMALL = "fewer organisations or focal exchanges than a group needs"
    UNPROPOSED = "no door proposed a group that holds half of it and is half made of it"
    MIXED = "strangers are left in the group that holds it"
    JUDGED = "the group that holds it lacks evidence"
    PIECES = "named, but in pieces"
    PART = "a piece is reported, the rest is not"
    OVERRULED = "proposed, but what stands is another cut of it"


class Rule(StrEnum):
    """What `suspected` asks for, each with the constant that sets it."""

    STRONG = "neither timing nor corpus is strong"
    TWO_FACTS = "fewer than two independent facts"
    BEHAVIOUR = "too little behaviour"
    RATE = "above the false-discovery rate"
    SETTLED = "strangers among the members"


class Oracle(msgspec.Struct, frozen=True, kw_only=True):
    """The true members, judged as if proposed.

    Attributes:
        tier: what they would be reported as, None for nothing.
        bits: their score.
        q_value: as if nothing else stood in the log.
        rules: what `suspected` asks for and they do not give.
        families: bits per family.
        evidence: bits per signal, strongest first.
    """

    tier: Tier | None
    bits: float
    q_value: float
    rules: list[Rule]
    families: dict[str, float]
    evidence: dict[str, float]


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """One missed campaign.

    Attributes:
        campaign: its label.
        reason: what became of it.
        door: of the candidate that comes closest to it.
        share: share of its members which that candidate holds.
        purity: share of that candidate which is of it.
        standing: tier of the group that holds half of it, None for none.
        rules: what that group lacks.
        oracle: what the true members would show; None if they are too few to be a group.
    """

    campaign: str
    reason: Reason
    door: Door | None
    share: float
    purity: float
    standing: Tier | None
    rules: list[Rule]
    oracle: Oracle | None


_HALF = 0.5


def explain(campaign: str, members: Int, heard: Recording, settings: DetectionSettings, recall: float) -> Missed:
    """Return why a campaign was missed.

    Args:
        campaign: its label.
        members: account indices of its true members.
        heard: the scan that missed it.
        settings: with which it was scanned.
        recall: share of its members that were named all the same.
    """
    population = heard.population
    near, share, purity = _nearest(members, heard.candidates)
    holding = [group for group in heard.judgement.groups if _held(members, group.score.focus.members) >= _HALF]
    oracle = _oracle(population, members, heard, settings)
    if oracle is None:
        reason = Reason.SMALL
    elif recall >= _HALF:
        reason = Reason.PIECES
    elif holding and holding[0].mixed:
        reason = Reason.MIXED
    elif holding and not acted(holding[0].tier):
        reason = Reason.JUDGED
    elif recall > 0:
        reason = Reason.PART
    elif share >= _HALF and purity >= _HALF:
        reason = Reason.OVERRULED
    else:
        reason = Reason.UNPROPOSED
    lacking = list(broken(holding[0].score, holding[0].q_value, settings)) if holding else []
    return Missed(
        campaign=campaign,
        reason=reason,
        door=None if near is None else near.door,
        share=round(share, 3),
        purity=round(purity, 3),
        standing=holding[0].tier if holding else None,
        rules=[*lacking, Rule.SETTLED] if holding and holding[0].mixed else lacking,
        oracle=oracle,
    )


def _held(members: Int, group: Int) -> float:
    return float(np.isin(members, group).mean())


def _nearest(members: Int, candidates: list[Candidate]) -> tuple[Candidate | None, float, float]:
    """Return the candidate with the largest Jaccard index, its share of the campaign and its purity."""
    best = 0.0
    found: tuple[Candidate | None, float, float] = (None, 0.0, 0.0)
    for item in candidates:
        common = int(np.isin(item.members, members).sum())
        index = common / (len(item.members) + len(members) - common)
        if index > best:
            best, found = index, (item, common / len(members), common / len(item.members))
    return found


def broken(score: Score, q_value: float, settings: DetectionSettings) -> Iterator[Rule]:
    """Yield what `suspected` asks for and a group does not give; nothing exactly where ``tier_of`` says suspected."""
    timing, corpus = score.family_bits(Family.TIMING), score.family_bits(Family.CORPUS)
    agrees, strong = campaigns._AGREES, campaigns._STRONG
    twice = min(score.family_bits(Family.PAYMENT), score.family_bits(Family.NETWORK)) >= strong
    facts = sum(score.family_bits(family) >= agrees for family in (Family.TIMING, Family.CORPUS, Family.PIVOT))
    if not (max(timing, corpus) >= strong or (twice and timing + corpus >= agrees)):
        yield Rule.STRONG
    if facts + (score.tie_bits >= strong) < 2:
        yield Rule.TWO_FACTS
    if score.behaviour_bits < campaigns._LEAST_BEHAVIOUR:
        yield Rule.BEHAVIOUR
    if q_value > settings.suspect_fdr:
        yield Rule.RATE


def _oracle(population: Population, members: Int, heard: Recording, settings: DetectionSettings) -> Oracle | None:
    """Judge the true members on the templates they are rich in and on their bare exchanges; the better counts."""
    focal = {tuple(enriched(population, members).tolist()), (0,)}
    asked = [Candidate(Door.TEMPLATE, np.sort(members), np.array(templates)) for templates in sorted(focal)]
    foci = [focus for item in asked if (focus := _taking_part(population, item, settings)) is not None]
    if not foci:
        return None
    references = References.measure(population, SIGNALS, settings.seed)
    scores = [judge(asked[0], focus, references) for focus in foci]
    best = max(scores, key=lambda score: score.bits)
    weigh = stakes([cut(population, item.members, item.templates) for item in heard.candidates])
    tested = max(heard.judgement.tested, campaigns._LEAST_TESTED)
    q_value = float(e_bh(np.array([best.bits + weigh(best.focus)]), tested)[0])
    return Oracle(
        tier=tier_of(best, q_value, settings),
        bits=best.bits,
        q_value=q_value,
        rules=list(broken(best, q_value, settings)),
        families={family: round(best.family_bits(family), 2) for family in Family if best.family_bits(family)},
        evidence={item.signal: item.weight_bits for item in best.evidence if item.weight_bits},
    )


def _taking_part(population: Population, item: Candidate, settings: DetectionSettings) -> Focus | None:
    active = campaigns._active(population, item, settings.min_group)
    return None if active is None else cut(population, active.members, active.templates)
