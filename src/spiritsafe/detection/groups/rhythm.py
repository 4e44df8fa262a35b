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

import numpy as np

from spiritsafe.detection.groups.candidate import Candidate, Door, enriched, plausible
from spiritsafe.detection.groups.following import gather
from spiritsafe.detection.groups.neighbours import mutual_neighbours
from spiritsafe.detection.links.graph import communities
from spiritsafe.detection.population import Float, Int, Population, tally

__all__ = ["PARITY", "candidates", "gather", "mutual_neighbours", "residuals"]

PARITY = 0
"""Days (modulo 2) that the door looks at."""
_LEAST = 12  # exchanges on those days below which there is no rhythm to compare
_NEIGHBOURS = 12
_MAX_ACCOUNTS = 40_000
"""Of a larger log those that send most; the others' rhythms are too thin to compare them with everybody's."""
_LIMIT = 3.0
_RESOLUTIONS = (0.04, 0.12, 0.3)
_PRIOR = 24.0


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
    groups = [who[group] for group in gather(table, seeds)]
    return [
        Candidate(Door.RHYTHM, members, templates, chosen_on=PARITY)
        for members in groups
        if plausible(population, members, min_group, max_share)
        for templates in _focal(population, members)
    ]


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
