"""Candidates in, campaigns out: judge every group, keep the best of the nested, trim, set the tier.

Overlapping groups ask the same question several times; ``overlaps`` says which of them stand. The
false-discovery rate counts every group that was judged.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spiritsafe.detection.calibration import e_bh
from spiritsafe.detection.focus import Focus, cut
from spiritsafe.detection.groups import corpus, network, rhythm, templates
from spiritsafe.detection.groups.candidate import Candidate, plausible
from spiritsafe.detection.membership import trim
from spiritsafe.detection.overlaps import Judged, stakes, stand
from spiritsafe.detection.population import Population
from spiritsafe.detection.references import References
from spiritsafe.detection.scoring import Score, judge
from spiritsafe.detection.signals import SIGNALS
from spiritsafe.detection.signals.standing import vouched
from spiritsafe.model.settings import DetectionSettings
from spiritsafe.model.words import Family, Tier

__all__ = ["Group", "Judgement", "find_groups", "propose", "tier_of"]

_AGREES, _STRONG = 1.0, 2.0
"""Bits from which a family agrees (two to one), and from which it is strong (four to one)."""
_LEAST_BEHAVIOUR = 4.0
"""Bits that behaviour alone must give before anything may be suspected: sixteen to one without any sharing."""
_ENOUGH_BITS = 12
"""Bits beyond which trimming a group further gains nothing."""
_LIGHT_TRIM, _PICKED = 0.6, 3.0
"""Share left up to which a trim is light, and the price in bits of a heavier one, which had more to pick from."""
_LEAST_TESTED = 500
"""Groups counted as tested where fewer were: a log of few groups has as few campaigns, so each needs as much."""
_LEAST_EXCHANGES = 64
"""Focal exchanges below which behaviour cannot be told from chance: eight accounts with eight each."""
_LEAST_PART = 2
"""Focal exchanges of a member below which it takes no part: one request with a common sentence is an accident."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Group:
    """A judged group that stands for all candidates overlapping it; ``mixed`` if strangers are left in it."""

    score: Score
    tier: Tier | None
    q_value: float
    trimmed: list[int]
    mixed: bool


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
        *rhythm.candidates(population, least, share),
        *corpus.candidates(population, least, share),
    ]
    proposed += [other for item in proposed if (other := _strangers(population, item, least, share))]
    seen = [found for item in proposed if (found := _active(population, item, least)) is not None]
    return list({item.key: item for item in reversed(seen)}.values())[::-1]


def _active(population: Population, item: Candidate, least: int) -> Candidate | None:
    """The candidate without members that take no part in what it is judged on; None if too little is left.

    A clock or a card proposes accounts whatever they send. Who sent nothing of the group's focal exchanges
    cannot be seen by any signal, and must not be named for what the others did.
    """
    focus = cut(population, item.members, item.templates)
    taking_part = focus.volume >= _LEAST_PART
    focus = focus if taking_part.all() else focus.only(taking_part)
    if focus.units < least or focus.exchanges < _LEAST_EXCHANGES:
        return None
    return Candidate(item.door, focus.members, item.templates, item.chosen_on)


def _strangers(population: Population, item: Candidate, least: int, share: float) -> Candidate | None:
    """The same group without accounts somebody vouches for and without one dominating organisation.

    A campaign that copies a customer's template must not hide behind him, nor he be drawn into it.
    """
    unit = population.accounts.unit[item.members]
    _, inverse, counts = np.unique(unit, return_inverse=True, return_counts=True)
    sizes = counts[inverse]
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
        focus = cut(population, item.members, item.templates)
        scores.append(_judged(item, focus, references, settings.min_group))
        progress("testing groups", done + 1, len(candidates))
    stake, tested = stakes([item.score.focus for item in scores]), max(len(candidates), _LEAST_TESTED)

    def weigh(item: Judged) -> float:
        return item.score.bits - item.price + stake(item.score.focus)

    def rejudge(item: Judged, focus: Focus) -> Judged:
        return _judged(item.score.candidate, focus, references, settings.min_group)

    standing = stand(scores, weigh, rejudge, settings.min_group, float(np.log2(tested / settings.suspect_fdr)))
    q = e_bh(np.array([weigh(item) for item in standing]), tested)
    groups = [
        Group(judged.score, _tier(judged, float(value), settings), float(value), judged.trimmed, judged.mixed)
        for judged, value in zip(standing, q, strict=True)
    ]
    return Judgement(groups, len(candidates))


def _judged(item: Candidate, focus: Focus, references: References, least: int) -> Judged:
    whole = judge(item, focus, references)
    # who came in by a template or a card has something to show for it; who came in by his hours has not
    left = trim(focus, least, firm=item.chosen_on is not None)
    if left.kept.all() or left.focus.units < least:
        return Judged(whole, [], mixed=not left.kept.all() or not left.settled)
    better = judge(item, left.focus, references)
    # a group that trimming halves must pay for having picked; if it cannot, it stays a group with strangers in it
    price = _PICKED if left.kept.mean() < _LIGHT_TRIM else 0.0
    if price and min(better.bits, _ENOUGH_BITS) - min(whole.bits, _ENOUGH_BITS) < price:
        return Judged(whole, [], mixed=True)
    return Judged(better, focus.members[~left.kept].tolist(), mixed=not left.settled, price=price)


def _tier(judged: Judged, q_value: float, settings: DetectionSettings) -> Tier | None:
    """The group's tier; where strangers are among the members nobody may be acted on for the others' sake."""
    tier = tier_of(judged.score, q_value, settings)
    if judged.mixed and tier is not None:
        return Tier.LINKED if judged.score.tie_bits >= _STRONG else None
    return tier


def tier_of(score: Score, q_value: float, settings: DetectionSettings) -> Tier | None:
    """Return the tier that evidence and false-discovery rate allow, or None.

    Suspected needs timing or corpus to be strong - or both present where cards and networks of strangers
    are shared as well - and a second, independent fact beside it: the other of the two, a joint pivot, or
    rare sharing. Confirmed needs a third. Volume and the kind of content asked for
    support, but are never one of the facts: honest groups have them in common too easily. Sharing alone is
    only linked.
    """
    timing, corpus = score.family_bits(Family.TIMING), score.family_bits(Family.CORPUS)
    twice = min(score.family_bits(Family.PAYMENT), score.family_bits(Family.NETWORK)) >= _STRONG
    strong = max(timing, corpus) >= _STRONG or (twice and timing + corpus >= _AGREES)
    facts = sum(score.family_bits(family) >= _AGREES for family in (Family.TIMING, Family.CORPUS, Family.PIVOT))
    tied = score.tie_bits >= _STRONG
    supported = sum(score.family_bits(family) >= _AGREES for family in (Family.CONTENT, Family.VOLUME))
    carries = strong and facts + tied >= 2 and score.behaviour_bits >= _LEAST_BEHAVIOUR
    if carries and q_value <= settings.fdr and facts + tied + supported >= 3:
        return Tier.CONFIRMED
    if carries and q_value <= settings.suspect_fdr:
        return Tier.SUSPECTED
    if tied and score.focus.units >= settings.min_group:
        return Tier.LINKED
    return None
