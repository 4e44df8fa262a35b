"""Candidates in, campaigns out: judge every group, keep the best of the nested, trim, set the tier.

Nested and overlapping groups ask the same question several times. The best answer is kept and never
enlarged; what overlaps it is dropped. The false-discovery rate counts every group that was judged.
"""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np

from spiritsafe.detection.calibration import e_bh
from spiritsafe.detection.focus import Focus, cut
from spiritsafe.detection.groups import corpus, network, rhythm, templates
from spiritsafe.detection.groups.candidate import Candidate, plausible
from spiritsafe.detection.membership import trim
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
_LEAST_BEHAVIOUR = 5.0
"""Bits that behaviour alone must give before anything may be suspected: thirty to one without any sharing."""
_SURE_BITS, _ENOUGH_BITS = 16, 12
"""Weighted bits beyond which more is not surer - the nulls are not known that far out, so among the sure the
largest group counts - and bits beyond which trimming a group further gains nothing."""
_LEFT = 0.5
"""Share of a group that must be left when stronger groups have taken their members."""
_LIGHT_TRIM = 0.6
_MOST_STAKE = 3.0
_LEAST_TESTED = 500
"""Groups counted as tested where fewer were: a log of few groups has as few campaigns, so each needs as much."""
_LEAST_EXCHANGES = 64
"""Focal exchanges below which behaviour cannot be told from chance: eight accounts with eight each."""

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
        *rhythm.candidates(population, least, share),
        *corpus.candidates(population, least, share),
    ]
    proposed += [other for item in proposed if (other := _strangers(population, item, least, share))]
    seen = [item for item in proposed if cut(population, item.members, item.templates).exchanges >= _LEAST_EXCHANGES]
    return list({item.key: item for item in reversed(seen)}.values())[::-1]


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
        focus = cut(population, item.members, item.templates)
        scores.append(_judged(item, focus, references, settings.min_group))
        progress("testing groups", done + 1, len(candidates))
    stake = _stakes([item.score.focus for item in scores])
    standing = _apart(scores, references, settings.min_group, stake)
    bits = np.array([item.score.bits + stake(item.score.focus) for item in standing])
    q = e_bh(bits, max(len(candidates), _LEAST_TESTED))
    groups = [
        Group(judged.score, tier_of(judged.score, float(value), settings), float(value), judged.trimmed)
        for judged, value in zip(standing, q, strict=True)
    ]
    return Judgement(groups, len(candidates))


def _stakes(tested: list[Focus]) -> Callable[[Focus], float]:
    """Return the log2 weight of a hypothesis in the e-BH procedure; weights average one over all tested.

    A group weighs by the root of its focal exchanges: the rate is counted by what is at stake, so that a
    hundred knots of a few requests each do not hide a harvest of ten thousand. Volume is no evidence and
    enters no signal, which is what makes it a legitimate weight (Genovese, Roeder & Wasserman 2006).
    """
    mean = float(np.mean([np.sqrt(focus.exchanges) for focus in tested])) if tested else 1.0
    return lambda focus: float(np.clip(np.log2(max(np.sqrt(focus.exchanges), 1.0) / mean), -_MOST_STAKE, _MOST_STAKE))


@dataclass(frozen=True)
class _Judged:
    score: Score
    trimmed: list[int]


def _judged(item: Candidate, focus: Focus, references: References, least: int) -> _Judged:
    whole = judge(item, focus, references)
    # who came in by a template or a card has something to show for it; who came in by his hours has not
    trimmed, kept = trim(focus, least, firm=item.chosen_on is not None)
    if kept.all() or trimmed.units < least:
        return _Judged(whole, [])
    better = judge(item, trimmed, references)
    # a light trim is taken unless it costs; one that halves the group must pay for having picked
    needed = -1.0 if kept.mean() >= _LIGHT_TRIM else 3.0
    gained = min(better.bits, _ENOUGH_BITS) - min(whole.bits, _ENOUGH_BITS)
    return _Judged(better, focus.members[~kept].tolist()) if gained >= needed else _Judged(whole, [])


def _apart(judged: list[_Judged], references: References, least: int, stake: Callable[[Focus], float]) -> list[_Judged]:
    """Take the strongest group, then judge what others have left without its members.

    Nested groups ask the same question; a group that is strong only by members of a stronger one must not
    drag its other accounts along. Ties within a bit go to the group with more focal traffic.
    """
    if not judged:
        return []
    population = judged[0].score.focus.population
    claimed = np.zeros(population.size, np.bool_)
    queue = [(_rank(item.score, stake), number, item) for number, item in enumerate(judged)]
    heapify(queue)
    kept = []
    while queue:
        _, number, item = heappop(queue)
        focus = item.score.focus
        free = ~claimed[focus.members]
        if free.all():
            claimed[focus.members] = True
            kept.append(item)
        elif free.mean() >= _LEFT and focus.only(free).units >= least:
            rest = _judged(item.score.candidate, focus.only(free), references, least)
            heappush(queue, (_rank(rest.score, stake), number, rest))
    return kept


def _rank(score: Score, stake: Callable[[Focus], float]) -> tuple[int, int, int]:
    return -min(round(score.bits + stake(score.focus)), _SURE_BITS), -score.focus.exchanges, int(score.focus.members[0])


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
    tied = score.infrastructure_bits >= _STRONG
    supported = sum(score.family_bits(family) >= _AGREES for family in (Family.CONTENT, Family.VOLUME))
    carries = strong and facts + tied >= 2 and score.behaviour_bits >= _LEAST_BEHAVIOUR
    if carries and q_value <= settings.fdr and facts + tied + supported >= 3:
        return Tier.CONFIRMED
    if carries and q_value <= settings.suspect_fdr:
        return Tier.SUSPECTED
    if tied and score.focus.units >= settings.min_group:
        return Tier.LINKED
    return None
