"""Which of a group's sampled bodies come back: within a member, across members, in a later half of its life.

Counted in one pass over the bodies in the order of their hashes, because three signals ask it of every group.
"""

from typing import NamedTuple

import numpy as np

from spiritsafe.detection.focus import Focus, once
from spiritsafe.detection.gather import expand, median
from spiritsafe.detection.population import Float, Int
from spiritsafe.model.kernel import Array, kernel

__all__ = ["Repeats", "repeats"]


class Repeats(NamedTuple):
    """Counts of a focus's sampled bodies.

    Attributes:
        sampled: exchanges with a sampled body per member, float [m].
        distinct: distinct bodies per member, int64 [m].
        bodies: distinct bodies in all.
        within: pairs of a member's exchanges with the same body.
        across: such pairs of different members.
        early: distinct bodies until the median day of the group's pools.
        late: distinct bodies after it.
        both: of these, in either half.
    """

    sampled: Float
    distinct: Int
    bodies: int
    within: float
    across: float
    early: int
    late: int
    both: int


@once
def repeats(focus: Focus) -> Repeats:
    """Count what comes back."""
    pools = focus.population.pools
    starts, stops = pools.offsets[focus.pool], pools.offsets[focus.pool + 1]
    at, row = expand(starts, stops), np.repeat(np.arange(len(starts)), stops - starts)
    days = pools.day[focus.pool]
    order = np.argsort(pools.bodies[at])
    at, row = at[order], row[order]
    late = days > median(days)
    return Repeats(*_count(pools.bodies[at], pools.body_n[at], focus.pool_who[row], late[row], focus.size))


@kernel
def _count(
    body: Array, n: Array, who: Array, late: Array, size: int
) -> tuple[Array, Array, int, float, float, int, int, int]:
    """Count run by run of equal bodies."""
    sampled, distinct = np.zeros(size), np.zeros(size, np.int64)
    bodies, early, after, both, within, across = 0, 0, 0, 0, 0.0, 0.0
    begin = 0
    while begin < len(body):
        end, is_early, is_late = begin, False, False
        while end < len(body) and body[end] == body[begin]:
            is_early, is_late = is_early or not late[end], is_late or late[end]
            end += 1
        bodies, early, after, both = bodies + 1, early + is_early, after + is_late, both + (is_early and is_late)
        total, squares, mine = 0.0, 0.0, 0.0
        order = np.argsort(who[begin:end]) if end - begin > 1 else np.zeros(1, np.int64)
        for place in range(end - begin):
            row = begin + order[place]
            mine += n[row]
            if place + 1 == end - begin or who[begin + order[place + 1]] != who[row]:
                sampled[who[row]] += mine
                distinct[who[row]] += 1
                within += mine * (mine - 1) / 2
                total, squares, mine = total + mine, squares + mine * mine, 0.0
        across += (total * total - squares) / 2
        begin = end
    return sampled, distinct, bodies, within, across, early, after, both
