"""Third door: accounts that start, pause and stop together, whatever they share otherwise.

An account's hourly departures from its own daily rhythm are compared with everybody else's on even days
only; the group test then looks at odd days, so that chance agreement cannot testify twice. Accounts that
are among each other's nearest neighbours are joined. No threshold on the correlation is needed or
useful: a member's correlation with another (median .2 to .4 over ten days) is no more than the best of a
million chance pairs, but its *nearest* neighbours are nearly all members, and that is what a community
of mutual neighbours sees.

Source: SynchroTrap (Cao et al., CCS 2014) clusters synchronised actions; here the synchronised thing is
the residual rate, which needs no common object. Mutual nearest neighbours: Brito et al. 1997.
"""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from spiritsafe.detection.groups.candidate import Candidate, Door, enriched, plausible
from spiritsafe.detection.links.graph import communities
from spiritsafe.detection.population import Float, Int, Population, tally

__all__ = ["PARITY", "candidates", "gather", "mutual_neighbours", "residuals"]

PARITY = 0
"""Days (modulo 2) that the door looks at."""
_LEAST = 12  # exchanges on those days below which there is no rhythm to compare
_NEIGHBOURS = 12
_BLOCK = 1_000
_EXACT, _OVERLAP, _MOVES = 8_000, 4, 3
"""Rows up to which all pairs are compared, cells that a row beyond lies in, and rounds in which cells are moved."""
_MAX_ACCOUNTS = 40_000
"""Of a larger log those that send most; the others' rhythms are too thin to compare them with everybody's."""
_LIMIT = 3.0
_RESOLUTIONS = (0.04, 0.12, 0.3)
_SEED = 5
_FOLLOWS = 3.5
_LEAST_FOLLOWS = 0.25
"""Correlation with a group's mean from which an account follows it: 3.5 standard errors of a correlation
over that many hours, and at least .25, as honest correlations have heavier tails than chance."""
_ROUNDS = 6
_MOST = 20
"""Groups proposed: knots of chance are weaker than any campaign and would only cost the others their rate."""
_PRIOR = 24.0
_MOST_SEEDS = 1_000
"""Seeds followed up, the strongest: beyond, a large log has thousands of knots of chance."""
_SEEDS = 128
"""Seeds that are compared with all accounts at once: one matrix product instead of many times a vector's."""


def candidates(population: Population, min_group: int, max_share: float) -> list[Candidate]:
    """Propose communities of mutual nearest neighbours in rhythm."""
    who, table = residuals(population, PARITY)
    if len(who) < 2 * _NEIGHBOURS or table.shape[1] < 48:
        return []
    a, b = mutual_neighbours(table.astype(np.float32), _NEIGHBOURS)
    strangers = population.accounts.unit[who[a]] != population.accounts.unit[who[b]]
    a, b = who[a[strangers]], who[b[strangers]]
    place = np.full(population.size, -1)
    place[who] = np.arange(len(who))
    seeds = [place[members] for members in communities(a, b, np.ones(len(a)), _RESOLUTIONS)]
    groups = [who[group] for group in gather(table, [seed for seed in seeds if len(seed) >= _SEED])]
    return [
        Candidate(Door.RHYTHM, members, templates, chosen_on=PARITY)
        for members in groups
        if plausible(population, members, min_group, max_share)
        for templates in _focal(population, members)
    ]


def gather(table: Float, seeds: list[Int]) -> list[Int]:
    """Let each seed's mean rhythm call its members in until nothing changes; keep each group once.

    A community of neighbours is a piece of its campaign or a chance knot. The mean of a piece knows the
    common rhythm far better than any member does, so the rest follows it; a knot's mean is noise and
    nobody does, not even its own members once each is left out of the mean it is compared with.

    Args:
        table: unit-norm rows, float [k, hours].
        seeds: row indices.
    """
    least = max(_FOLLOWS / np.sqrt(table.shape[1]), _LEAST_FOLLOWS)
    if len(seeds) > _MOST_SEEDS:
        seeds = sorted(seeds, key=lambda s: (-_strength(table, s), int(s[0])))[:_MOST_SEEDS]
    ordered = sorted(seeds, key=lambda s: (-len(s), int(s[0])))
    blocks = [ordered[at : at + _SEEDS] for at in range(0, len(ordered), _SEEDS)]
    narrow = table.astype(np.float32)
    kept: list[Int] = []
    holders: dict[int, list[int]] = {}  # rows to the kept groups that hold them
    for group in (group for block in blocks for group in _settled(narrow, block, least)):
        met = Counter(number for row in group.tolist() for number in holders.get(row, ()))
        if len(group) >= _SEED and max(met.values(), default=0) < 0.8 * len(group):
            for row in group.tolist():
                holders.setdefault(row, []).append(len(kept))
            kept.append(group)
    return sorted(kept, key=lambda g: (-_strength(table, g), int(g[0])))[:_MOST]


def _settled(table: NDArray[np.float32], seeds: list[Int], least: float) -> list[Int]:
    """Return what each seed has become once nobody joins or leaves; all seeds move at once."""
    groups, moving = list(seeds), list(range(len(seeds)))
    for _ in range(_ROUNDS):
        fresh = _followers(table, [groups[at] for at in moving], least)
        still = [
            at
            for at, group in zip(moving, fresh, strict=True)
            if len(group) >= _SEED and not np.array_equal(group, groups[at])
        ]
        for at, group in zip(moving, fresh, strict=True):
            groups[at] = group
        moving = still
        if not moving:
            break
    return groups


def _strength(table: Float, group: Int) -> float:
    """Members times their mean correlation: about the eigenvalue that the group adds."""
    total = table[group].sum(axis=0)
    return float(total @ total - len(group)) / max(len(group) - 1, 1)


def _followers(table: NDArray[np.float32], groups: list[Int], least: float) -> list[Int]:
    """Rows whose correlation with each group's mean, themselves left out, is at least ``least``."""
    totals = np.stack([table[group].sum(axis=0, dtype=np.float64) for group in groups])
    dots = table @ totals.T.astype(np.float32)
    out = []
    for column, (group, total) in enumerate(zip(groups, totals, strict=True)):
        dot = dots[:, column]
        norm = np.full(len(table), total @ total)
        # |total - row|^2 = |total|^2 - 2 dot + 1 for members; nothing is taken out for the others
        norm[group] += 1 - 2 * dot[group]
        dot[group] -= 1
        out.append(np.flatnonzero(dot >= least * np.sqrt(np.maximum(norm, 1e-12))))
    return out


def _focal(population: Population, members: Int) -> list[Int]:
    """What the group is judged on: the templates it is rich in, and its exchanges without any."""
    rich = enriched(population, members)
    bare = np.zeros(1, np.int64)
    return [rich] if 0 in rich and len(rich) == 1 else [rich, bare]


def residuals(population: Population, parity: int) -> tuple[Int, Float]:
    """Unit-norm departures of each account from its own rhythm and from everybody's hour, one parity's days.

    The expectation of an hour is the account's mean day spread by its own time-of-day profile (shrunk to
    everybody's); Pearson residuals are winsorised, so that one burst is no friendship, and what all
    accounts do in an hour is taken out.

    Returns:
        Account indices int64 [k] and residuals float [k, days * 24].
    """
    hour, account, n = population.activity_hour, population.activity_account, population.activity_n
    rows = (hour // 24) % 2 == parity
    if not rows.any():
        return np.zeros(0, np.int64), np.zeros((0, 0))
    hour, account, n = hour[rows], account[rows], n[rows]
    day = (hour // 24 - int(hour.min()) // 24) // 2
    total = tally(account, n, population.size)
    who = np.flatnonzero(total >= _LEAST)
    who = np.sort(who[np.argsort(-total[who], kind="stable")][:_MAX_ACCOUNTS])
    if not len(who):
        return who, np.zeros((0, 0))
    place = np.full(population.size, -1)
    place[who] = np.arange(len(who))
    kept = place[account] >= 0
    days = int(day.max()) + 1
    flat = (place[account[kept]] * days + day[kept]) * 24 + hour[kept] % 24
    counts = tally(flat, n[kept], len(who) * days * 24).reshape(len(who), days, 24)
    everyone = counts.sum(axis=(0, 1))
    own = counts.sum(axis=1) + _PRIOR * everyone / max(float(everyone.sum()), 1.0)
    own = own / own.sum(axis=1, keepdims=True) * counts.mean(axis=1).sum(axis=1, keepdims=True)
    table = np.clip((counts - own[:, None, :]) / np.sqrt(own[:, None, :] + 0.5), -_LIMIT, _LIMIT)
    table = table.reshape(len(who), -1)
    table -= table.mean(axis=0)
    table -= table.mean(axis=1, keepdims=True)
    return who, table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)


def mutual_neighbours(table: NDArray[np.float32], count: int) -> tuple[Int, Int]:
    """Return pairs (a < b) of rows that are among each other's ``count`` most similar by dot product.

    Among more rows than ``_EXACT`` a row's neighbours are looked for in its nearest cells only (an inverted file,
    Jegou et al. 2011): what a campaign has in common puts its members into the same ones.
    """
    size = len(table)
    count = min(count, size - 1)
    everybody = np.arange(size)
    cells = [everybody] if size <= _EXACT else _cells(table)
    row, near, alike = (
        np.concatenate(parts) for parts in zip(*(_within(table, cell, count) for cell in cells), strict=True)
    )
    key, first = np.unique(row * size + near, return_index=True)
    row, near, alike = key // size, key % size, alike[first]
    order = np.lexsort((near, -alike, row))
    rank = np.empty(len(row), np.int64)
    rank[order] = np.arange(len(row)) - np.searchsorted(row[order], row[order])
    key = key[rank < count]
    back = key % size * size + key // size
    both = key[np.isin(back, key, assume_unique=True)]
    a, b = both // size, both % size
    return a[a < b], b[a < b]


def _within(table: NDArray[np.float32], cell: Int, count: int) -> tuple[Int, Int, NDArray[np.float32]]:
    """Each row's most similar rows of a cell: row, neighbour, likeness."""
    mine, count = table[cell], min(count, len(cell) - 1)
    nearest, alike = np.empty((len(cell), count), np.int64), np.empty((len(cell), count), np.float32)
    for begin in range(0, len(cell), _BLOCK):
        block = mine[begin : begin + _BLOCK] @ mine.T
        own = np.arange(len(block))
        block[own, begin + own] = -np.inf
        best = np.argpartition(-block, count - 1, axis=1)[:, :count] if count else np.zeros((len(block), 0), np.int64)
        nearest[begin : begin + _BLOCK], alike[begin : begin + _BLOCK] = best, block[own[:, None], best]
    return np.repeat(cell, count), cell[nearest.ravel()], alike.ravel()


def _cells(table: NDArray[np.float32]) -> list[Int]:
    """Cut rows into cells about directions, each row in its few nearest; spherical k-means (Dhillon & Modha 2001)."""
    rng = np.random.default_rng(0)
    count = int(np.sqrt(len(table)))
    centres = table[rng.choice(len(table), count, replace=False)]
    for _ in range(_MOVES):
        nearest = np.argmax(table @ centres.T, axis=1)
        order = np.argsort(nearest, kind="stable")
        filled, starts = np.unique(nearest[order], return_index=True)
        centres[filled] = np.add.reduceat(table[order], starts, axis=0)
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)
    nearest = np.argpartition(-(table @ centres.T), _OVERLAP - 1, axis=1)[:, :_OVERLAP]
    rows = np.repeat(np.arange(len(table)), _OVERLAP)
    order = np.argsort(nearest.ravel(), kind="stable")
    parts = np.split(rows[order], np.searchsorted(nearest.ravel()[order], np.arange(1, count)))
    return [np.sort(part) for part in parts if len(part) > 1]
