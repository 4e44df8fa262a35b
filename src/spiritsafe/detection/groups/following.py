"""Seeds become groups: a seed's mean rhythm calls in whoever follows it.

All seeds of a block move together as one matrix product; sums over members and the comparison with groups that
stand already are compiled walks, because a large log has thousands of seeds of hundreds of accounts.
"""

import numpy as np
from numpy.typing import NDArray

from spiritsafe.detection.population import Float, Int
from spiritsafe.model.kernel import Array, kernel

__all__ = ["gather"]

_SEED = 5
"""Members that a group starts with, and keeps, at least."""
_FOLLOWS = 3.5
_LEAST_FOLLOWS = 0.25
"""Correlation with a group's mean from which an account follows it: 3.5 standard errors of a correlation
over that many hours, and at least .25, as honest correlations have heavier tails than chance."""
_ROUNDS = 6
_MOST = 20
"""Groups proposed: knots of chance are weaker than any campaign and would only cost the others their rate."""
_MOST_SEEDS = 1_000
"""Seeds followed up, the strongest: beyond, a large log has thousands of knots of chance."""
_SEEDS = 128
"""Seeds that are compared with all accounts at once: one matrix product instead of many times a vector's."""
_SAME = 0.8
"""Share of a group's members that an earlier one holds, from which it is that group again."""


def gather(table: Float, seeds: list[Int]) -> list[Int]:
    """Let each seed's mean rhythm call its members in until nothing changes; keep each group once.

    A community of neighbours is a piece of its campaign or a chance knot. The mean of a piece knows the
    common rhythm far better than any member does, so the rest follows it; a knot's mean is noise and
    nobody does, not even its own members once each is left out of the mean it is compared with.

    Args:
        table: unit-norm rows, float [k, hours].
        seeds: row indices; those of fewer than five rows are left out.
    """
    least = max(_FOLLOWS / np.sqrt(table.shape[1]), _LEAST_FOLLOWS)
    seeds = [seed for seed in seeds if len(seed) >= _SEED]
    if len(seeds) > _MOST_SEEDS:
        seeds = _strongest(table, seeds)[:_MOST_SEEDS]
    ordered = sorted(seeds, key=lambda s: (-len(s), int(s[0])))
    narrow = table.astype(np.float32)
    settled = [
        group
        for at in range(0, len(ordered), _SEEDS)
        for group in _settled(narrow, ordered[at : at + _SEEDS], least)
        if len(group) >= _SEED
    ]
    if not settled:
        return []
    fresh = _unlike_earlier(*_ragged(settled), len(table), _SAME)
    kept = [group for group, new in zip(settled, fresh.tolist(), strict=True) if new]
    return _strongest(table, kept)[:_MOST]


def _ragged(groups: list[Int]) -> tuple[Int, Int]:
    """Return all members one after the other, and where each group begins, with the end."""
    return np.concatenate(groups), np.concatenate(([0], np.cumsum([len(group) for group in groups])))


def _strongest(table: Float, groups: list[Int]) -> list[Int]:
    """Order groups by members times their mean correlation: about the eigenvalue that each adds."""
    if not groups:
        return []
    totals = _sums(table, *_ragged(groups))
    # one product per group: a batched one may add in another order
    strength = [
        float(total @ total - len(group)) / max(len(group) - 1, 1) for total, group in zip(totals, groups, strict=True)
    ]
    order = sorted(range(len(groups)), key=lambda at: (-strength[at], int(groups[at][0])))
    return [groups[at] for at in order]


@kernel
def _sums(table: Array, members: Array, starts: Array) -> Array:
    """Sum the rows of each group, one after the other, in double precision: float64 [groups, hours]."""
    out = np.zeros((len(starts) - 1, table.shape[1]))
    for group in range(len(starts) - 1):
        total = out[group]
        for at in range(starts[group], starts[group + 1]):
            row = table[members[at]]
            for hour in range(len(total)):
                total[hour] += row[hour]
    return out


@kernel
def _unlike_earlier(members: Array, starts: Array, rows: int, same: float) -> Array:
    """Say of each group whether no earlier one so said holds the share ``same`` of its members, bool [groups].

    Who holds a row stands in a chain per row, newest first.
    """
    groups = len(starts) - 1
    newest, holder, older = np.full(rows, -1), np.empty(len(members), np.int64), np.empty(len(members), np.int64)
    fresh, met = np.zeros(groups, np.bool_), np.zeros(groups, np.int64)
    links = 0
    for group in range(groups):
        met[:group] = 0
        most = 0
        for at in range(starts[group], starts[group + 1]):
            link = newest[members[at]]
            while link >= 0:
                met[holder[link]] += 1
                most = max(most, met[holder[link]])
                link = older[link]
        fresh[group] = most < same * (starts[group + 1] - starts[group])
        if fresh[group]:
            for at in range(starts[group], starts[group + 1]):
                holder[links], older[links], newest[members[at]] = group, newest[members[at]], links
                links += 1
    return fresh


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


def _followers(table: NDArray[np.float32], groups: list[Int], least: float) -> list[Int]:
    """Rows whose correlation with each group's mean, themselves left out, is at least ``least``."""
    members, starts = _ragged(groups)
    totals = _sums(table, members, starts)
    norms = np.array([total @ total for total in totals])
    dots = table @ totals.T.astype(np.float32)
    _decide_members(dots, members, starts, norms, least)
    rows, ends = _above(dots, _limit(norms, least))
    return np.split(rows, ends[1:-1])


@kernel
def _decide_members(dots: Array, members: Array, starts: Array, norms: Array, least: float) -> None:
    """Compare members with the mean of the others: write infinity where one follows it, and minus that where not."""
    one, two = np.float32(1), np.float32(2)
    for group in range(len(starts) - 1):
        for at in range(starts[group], starts[group + 1]):
            dot = dots[members[at], group]
            # |total - row|^2 = |total|^2 - 2 dot + 1 for members; nothing is taken out for the others
            norm = max(norms[group] + (one - two * dot), 1e-12)
            dots[members[at], group] = np.inf if dot - one >= least * np.sqrt(norm) else -np.inf


@kernel
def _above(dots: Array, limit: Array) -> tuple[Array, Array]:
    """List the rows that reach each column's limit, column by column, and where each column's begin, with the end."""
    starts = np.zeros(dots.shape[1] + 1, np.int64)
    for row in range(dots.shape[0]):
        for column in range(dots.shape[1]):
            starts[column + 1] += dots[row, column] >= limit[column]
    starts = np.cumsum(starts)
    rows, place = np.empty(starts[-1], np.int64), starts[:-1].copy()
    for row in range(dots.shape[0]):
        for column in range(dots.shape[1]):
            if dots[row, column] >= limit[column]:
                rows[place[column]] = row
                place[column] += 1
    return rows, starts


def _limit(norms: Float, least: float) -> NDArray[np.float32]:
    """Return the smallest 32-bit numbers that reach the limit of rows outside the groups.

    Comparing with them says the same as comparing in double precision, and does not widen every product first.
    """
    limit = least * np.sqrt(np.maximum(norms, 1e-12))
    narrow = limit.astype(np.float32)
    return np.where(narrow < limit, np.nextafter(narrow, np.float32(np.inf)), narrow)
