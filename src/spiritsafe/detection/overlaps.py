"""Of judged groups that overlap, those that stand: whole campaigns rather than pieces or mixtures.

Nested and overlapping groups ask the same question several times. The order in which they take their
members decides who is named with whom, so it stands in a file of its own, apart from how a group is judged.
"""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np

from spiritsafe.detection.focus import Focus
from spiritsafe.detection.population import Bool
from spiritsafe.detection.scoring import Score
from spiritsafe.model.words import Family

__all__ = ["Judged", "stakes", "stand"]

_MOST_STAKE = 3.0
_LEFT = 0.5
"""Share of a group that must be left when stronger groups have taken their members."""
_HOLDS = 0.9
"""Share of a piece's members that a whole must hold."""
_AS_MUCH_ONE_CORPUS = 1.0
"""Bits of likeness that a whole may lack of its piece's: two campaigns lumped together are not one corpus."""

Weight = Callable[[Focus], float]


@dataclass(frozen=True)
class Judged:
    """A score and how it came about.

    Attributes:
        score: the evidence.
        trimmed: account indices that were left out as strangers.
        mixed: True if strangers are left among the members all the same.
        price: bits that the choice of members costs; it counts in the false-discovery rate and in the order,
            and is no evidence.
    """

    score: Score
    trimmed: list[int]
    mixed: bool
    price: float = 0.0


def stakes(tested: list[Focus]) -> Weight:
    """Return the log2 weight of a hypothesis in the e-BH procedure; weights average one over all tested.

    A group weighs by the root of its focal exchanges: the rate is counted by what is at stake, so that a
    hundred knots of a few requests each do not hide a harvest of ten thousand. Volume is no evidence and
    enters no signal, which is what makes it a legitimate weight (Genovese, Roeder & Wasserman 2006).
    """
    mean = float(np.mean([np.sqrt(focus.exchanges) for focus in tested])) if tested else 1.0
    return lambda focus: float(np.clip(np.log2(max(np.sqrt(focus.exchanges), 1.0) / mean), -_MOST_STAKE, _MOST_STAKE))


def stand(
    judged: list[Judged],
    weigh: Callable[[Judged], float],
    rejudge: Callable[[Judged, Focus], Judged],
    least: int,
    sure: float,
) -> list[Judged]:
    """Take the strongest group, or the whole that it is a piece of, then judge what others have left without it.

    A group that is strong only by members of a stronger one must not drag its other accounts along. Groups
    with strangers in them come last: nobody is acted on for them.

    Args:
        judged: every group.
        weigh: bits of a group in the false-discovery rate.
        rejudge: judges a group on what is left of it.
        least: organisations that must be left.
        sure: weighted bits from which a group is suspected whatever else is found.
    """
    if not judged:
        return []
    claimed = np.zeros(judged[0].score.focus.population.size, np.bool_)
    wholes = [item for item in judged if not (item.mixed or item.price) and weigh(item) >= sure]
    queue = [(_order(item, weigh(item)), number, item) for number, item in enumerate(judged)]
    heapify(queue)
    kept = []
    while queue:
        _, number, item = heappop(queue)
        focus = item.score.focus
        free = ~claimed[focus.members]
        if free.all():
            chosen = _whole(item, wholes, claimed) if weigh(item) >= sure else item
            claimed[chosen.score.focus.members] = True
            kept.append(chosen)
        elif free.mean() >= _LEFT and focus.only(free).units >= least:
            rest = rejudge(item, focus.only(free))
            heappush(queue, (_order(rest, weigh(rest)), number, rest))
    return kept


def _order(item: Judged, bits: float) -> tuple[bool, int, int, int]:
    """Sort key: strongest first; ties within a bit go to the group with more focal traffic."""
    focus = item.score.focus
    return item.mixed, -round(bits), -focus.exchanges, int(focus.members[0])


def _whole(piece: Judged, wholes: list[Judged], claimed: Bool) -> Judged:
    """The sure group of most exchanges that holds this one, is as much of one corpus and was not picked together.

    A door that looks at rhythm finds those members of a campaign first who follow it best, and a rare wording
    of its template has few exchanges that could speak against it. Such pieces have more bits than the whole,
    which is sure as well; more than sure is of no use, and the others would be left behind.
    """
    members = piece.score.focus.members
    least = piece.score.family_bits(Family.CORPUS) - _AS_MUCH_ONE_CORPUS
    best = piece
    for item in wholes:
        focus = item.score.focus
        if (
            focus.exchanges > best.score.focus.exchanges
            and not claimed[focus.members].any()
            and np.isin(members, focus.members, assume_unique=True).mean() >= _HOLDS
            and item.score.family_bits(Family.CORPUS) >= least
        ):
            best = item
    return best
