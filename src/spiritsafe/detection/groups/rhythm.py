"""Third door: accounts that start, pause and stop together, whatever they share otherwise.

An account's departures from its own daily rhythm are correlated with everybody else's on even days only;
the group test then looks at odd days, so that chance agreement cannot testify twice. Decoys - the same
accounts with their days shifted in a circle - say how much correlation chance gives.

Source: SynchroTrap (Cao et al., CCS 2014) clusters synchronised actions; here the synchronised thing is
the residual rate, which needs no common object.
"""

import numpy as np

from spiritsafe.detection.groups.candidate import Candidate, Door, enriched, plausible
from spiritsafe.detection.links.graph import communities
from spiritsafe.detection.population import Float, Int, Population

__all__ = ["candidates", "residuals"]

_CELL_HOURS = 2
_LEAST = 16  # exchanges on even days below which a correlation is noise
_BLOCK = 2_000
_MAX_ACCOUNTS = 40_000
"""All pairs of 40,000 accounts are 8e8 dot products of a few hundred cells: about a minute of BLAS."""
_EDGE_FDR = 0.02
_RESOLUTIONS = (0.05, 0.3)


def candidates(population: Population, min_group: int, max_share: float, seed: int) -> list[Candidate]:
    """Propose communities of the graph of significantly co-moving accounts."""
    who, table = residuals(population, parity=0)
    if len(who) < min_group or table.shape[1] < 12:
        return []
    threshold = _threshold(table, np.random.default_rng(seed))
    a, b, strength = _edges(table, threshold)
    strangers = population.accounts.unit[who[a]] != population.accounts.unit[who[b]]
    a, b, strength = who[a[strangers]], who[b[strangers]], strength[strangers]
    return [
        Candidate(Door.RHYTHM, members, enriched(population, members), chosen_on=0)
        for members in communities(a, b, strength, _RESOLUTIONS)
        if plausible(population, members, min_group, max_share)
    ]


def residuals(population: Population, parity: int) -> tuple[Int, Float]:
    """Unit-norm departures from each account's own rhythm on days of one parity.

    Returns:
        Account indices int64 [k] and residuals float [k, days x cells]; the expectation of a cell is the
        account's total that day times its own time-of-day profile (shrunk to everybody's).
    """
    hour, account, n = population.activity_hour, population.activity_account, population.activity_n
    if not len(hour):
        return np.zeros(0, np.int64), np.zeros((0, 0))
    first = int(hour.min()) // 24
    rows = (hour // 24) % 2 == parity
    day, cell = (hour[rows] // 24 - first) // 2, hour[rows] % 24 // _CELL_HOURS
    days, cells = int(day.max()) + 1 if rows.any() else 0, 24 // _CELL_HOURS
    total = np.bincount(account[rows], n[rows], population.size)
    who = np.flatnonzero(total >= _LEAST)
    who = np.sort(who[np.argsort(-total[who], kind="stable")][:_MAX_ACCOUNTS])
    if not len(who):
        return who, np.zeros((0, 0))
    place = np.full(population.size, -1)
    place[who] = np.arange(len(who))
    kept = place[account[rows]] >= 0
    flat = (place[account[rows]][kept] * days + day[kept]) * cells + cell[kept]
    counts = np.bincount(flat, n[rows][kept], len(who) * days * cells).reshape(len(who), days, cells)
    everyone = counts.sum(axis=(0, 1))
    own = counts.sum(axis=1) + 8 * everyone / max(float(everyone.sum()), 1.0)
    expected = counts.sum(axis=2)[:, :, None] * (own / own.sum(axis=1, keepdims=True))[:, None, :]
    # a silent day of an account that is there is information too: compare with its mean day
    mean_day = expected.mean(axis=1, keepdims=True)
    table = ((counts - mean_day) / np.sqrt(mean_day + 0.5)).reshape(len(who), -1)
    table -= table.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(table, axis=1, keepdims=True)
    return who, table / np.maximum(norm, 1e-9)


def _threshold(table: Float, rng: np.random.Generator) -> float:
    """Smallest correlation at which pairs outnumber decoy pairs 1 / _EDGE_FDR to one."""
    sample = rng.permutation(len(table))[:_BLOCK]
    target = _upper(table[sample] @ table[sample].T)
    decoy_rows = np.stack([np.roll(row, int(shift)) for row, shift in _shifts(table[sample], rng)])
    decoy = _upper(decoy_rows @ decoy_rows.T)
    levels = np.arange(0.15, 0.95, 0.02)
    ratio = [(1 + int((decoy >= s).sum())) / max(int((target >= s).sum()), 1) for s in levels]
    fit = [float(level) for level, q in zip(levels, ratio, strict=True) if q <= _EDGE_FDR]
    floor = 4.0 / np.sqrt(table.shape[1])
    return max(fit[0], floor) if fit else 1.1


def _shifts(rows: Float, rng: np.random.Generator) -> list[tuple[Float, int]]:
    cells = 24 // _CELL_HOURS
    days = rows.shape[1] // cells
    return [(row, cells * shift) for row, shift in zip(rows, rng.integers(0, days, len(rows)), strict=True)]


def _upper(square: Float) -> Float:
    return square[np.triu_indices(len(square), 1)]


def _edges(table: Float, threshold: float) -> tuple[Int, Int, Float]:
    a, b, strength = [], [], []
    for begin in range(0, len(table), _BLOCK):
        block = table[begin : begin + _BLOCK] @ table.T
        left, right = np.nonzero(block >= threshold)
        forward = left + begin < right
        a.append(left[forward] + begin)
        b.append(right[forward])
        strength.append(block[left[forward], right[forward]])
    return np.concatenate(a), np.concatenate(b), np.concatenate(strength)
