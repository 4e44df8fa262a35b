"""Candidates in, campaigns out: judge every group, keep the best of the nested, trim, set the tier.

Nested and overlapping groups ask the same question several times. The best answer is kept and never
enlarged; what overlaps it is dropped. The false-discovery rate counts every group that was judged.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spiritsafe.detection.calibration import e_bh
from spiritsafe.detection.focus import cut
from spiritsafe.detection.groups import corpus, network, rhythm, templates
from spiritsafe.detection.groups.candidate import Candidate, plausible
from spiritsafe.detection.membership import trim
from spiritsafe.detection.population import Bool, Population
from spiritsafe.detection.references import References
from spiritsafe.detection.scoring import Score, judge
from spiritsafe.detection.signals import SIGNALS
from spiritsafe.detection.signals.standing import vouched
from spiritsafe.model.settings import DetectionSettings
from spiritsafe.model.words import Family, Tier

__all__ = ["Group", "Judgement", "find_groups", "propose", "tier_of"]

_BEHAVIOUR = (Family.TIMING, Family.CORPUS, Family.CONTENT, Family.VOLUME, Family.PIVOT)
_AGREES = 1.0
"""Bits from which a family counts as agreeing: two to one."""
_OVERLAP = 0.5

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Group:
    """A judged group that stands for all candidates overlapping it."""

    score: Score
    tier: Tier | None
    q_value: float
    trimmed: list[int]


@dataclass(frozen=True)
class Judgement:
    """Every group that stands, strongest first, and how many were tested."""

    groups: list[Group]
    tested: int


def propose(population: Population, settings: DetectionSettings) -> list[Candidate]:
    """Collect the candidates of every door, each question once."""
    least, share = settings.min_group, settings.max_share
    proposed = [
        *templates.candidates(population, least, share),
        *network.candidates(population, least, share),
        *rhythm.candidates(population, least, share, settings.seed),
        *corpus.candidates(population, least, share),
    ]
    proposed += [other for item in proposed if (other := _strangers(population, item, least, share))]
    return list({item.key: item for item in reversed(proposed)}.values())[::-1]


def _strangers(population: Population, item: Candidate, least: int, share: float) -> Candidate | None:
    """The same group without accounts somebody vouches for and without one dominating organisation.

    A campaign that copies a customer's template must not hide behind him, nor he be drawn into it.
    """
    unit = population.accounts.unit[item.members]
    sizes = np.bincount(unit, minlength=population.units)[unit]
    keep = ~vouched(population)[item.members] & (sizes <= max(len(unit) // 4, 1))
    members = item.members[keep]
    if keep.all() or not plausible(population, members, least, share):
        return None
    return Candidate(item.door, members, item.templates, item.chosen_on)


def find_groups(population: Population, settings: DetectionSettings, progress: Progress) -> Judgement:
    """Judge every candidate and return the groups that stand."""
    candidates = propose(population, settings)
    references = References.measure(population, SIGNALS, settings.seed)
    scores = []
    for done, item in enumerate(candidates):
        scores.append(_judged(population, item, references, settings.min_group))
        progress("testing groups", done + 1, len(candidates))
    standing = _best(scores, population.size)
    bits = np.array([score.bits for score, _ in standing])
    q = e_bh(bits, len(candidates))
    groups = [
        Group(score, tier_of(score, float(value), settings), float(value), trimmed)
        for (score, trimmed), value in zip(standing, q, strict=True)
    ]
    return Judgement(groups, len(candidates))


def _judged(population: Population, item: Candidate, references: References, least: int) -> tuple[Score, list[int]]:
    focus = cut(population, item.members, item.templates)
    whole = judge(item, focus, references)
    trimmed, kept = trim(focus, least)
    if kept.all() or trimmed.units < least:
        return whole, []
    better = judge(item, trimmed, references)
    # trimming looks for the hours that fit best: it must pay for that look before it may convict
    return (better, item.members[~kept].tolist()) if better.bits > whole.bits else (whole, [])


def _best(scores: list[tuple[Score, list[int]]], size: int) -> list[tuple[Score, list[int]]]:
    """Greedily keep the strongest groups; ties within a bit go to the one with more focal traffic."""
    order = sorted(
        range(len(scores)),
        key=lambda i: (-round(scores[i][0].bits), -scores[i][0].focus.exchanges, scores[i][0].focus.members[0]),
    )
    kept: list[tuple[Score, list[int]]] = []
    masks: list[Bool] = []
    for at in order:
        members = scores[at][0].focus.members
        if any(mask[members].sum() >= _OVERLAP * min(len(members), mask.sum()) for mask in masks):
            continue
        mask = np.zeros(size, np.bool_)
        mask[members] = True
        masks.append(mask)
        kept.append(scores[at])
    return kept


def tier_of(score: Score, q_value: float, settings: DetectionSettings) -> Tier | None:
    """Return the tier that evidence and false-discovery rate allow, or None.

    Confirmed needs timing or corpus, two behavioural families in agreement and either rare sharing or a
    third; suspected needs timing or corpus and one more behavioural family. Sharing alone is only linked.
    """
    agreeing = [family for family in _BEHAVIOUR if score.family_bits(family) >= _AGREES]
    strong = score.family_bits(Family.TIMING) >= 2 or score.family_bits(Family.CORPUS) >= 2
    tied = score.infrastructure_bits >= _AGREES
    if strong and len(agreeing) >= 2 and q_value <= settings.fdr and (tied or len(agreeing) >= 3):
        return Tier.CONFIRMED
    if strong and len(agreeing) >= 2 and q_value <= settings.suspect_fdr:
        return Tier.SUSPECTED
    if score.infrastructure_bits >= 2 and score.focus.units >= settings.min_group:
        return Tier.LINKED
    return None
