"""Fourth door: accounts that draw from one corpus without a template.

Two exchanges with the same rare body from different organisations are a link; a corpus sampled by many
accounts gives many. Bodies that many organisations send (greetings, benchmark items) are too common to
link anybody.
"""

import numpy as np

from spiritsafe.detection.groups.candidate import Candidate, Door, enriched, plausible
from spiritsafe.detection.links.graph import communities, merge_edges
from spiritsafe.detection.population import Int, Population, expand

__all__ = ["candidates"]

_COMMON = 12
"""Accounts beyond which a body links no one: it is a public item."""
_LEAST_SHARED = 2
_RESOLUTIONS = (0.02, 0.15)


def candidates(population: Population, min_group: int, max_share: float) -> list[Candidate]:
    """Propose communities of accounts that repeat each other's rare bodies."""
    a, b, shared = _pairs(population)
    strong = shared >= _LEAST_SHARED
    groups = communities(a[strong], b[strong], shared[strong], _RESOLUTIONS)
    return [
        Candidate(Door.CORPUS, members, enriched(population, members))
        for members in groups
        if plausible(population, members, min_group, max_share)
    ]


def _pairs(population: Population) -> tuple[Int, Int, np.ndarray]:
    """Account pairs of different organisations and the number of rare bodies they share."""
    pools = population.pools
    account = np.repeat(pools.account, np.diff(pools.offsets))
    pairs = np.unique(np.stack([pools.bodies, account]), axis=1)
    body, account = pairs
    if not len(body):
        return account, account, np.zeros(0)
    starts = np.flatnonzero(np.concatenate(([True], body[1:] != body[:-1])))
    degree = np.diff(np.concatenate((starts, [len(body)])))
    left, right = [], []
    for size in range(2, _COMMON + 1):
        at = starts[degree == size]
        rows = account[expand(at, at + size)].reshape(-1, size)
        for i, j in zip(*np.triu_indices(size, 1), strict=True):
            left.append(rows[:, i])
            right.append(rows[:, j])
    a, b = np.concatenate(left), np.concatenate(right)
    strangers = population.accounts.unit[a] != population.accounts.unit[b]
    return merge_edges(a[strangers], b[strangers], np.ones(int(strangers.sum())), population.size)
