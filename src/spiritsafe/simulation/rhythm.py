"""When exchanges happen: personal days, office hours, services, cron jobs and a dispatcher's clock.

All of them end in one `Beats` record, so that whatever writes the texts and the network does not care
where a time came from. Times are seconds since the world's first midnight, UTC.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from spiritsafe.simulation.mixing import Ints

__all__ = ["Beats", "Rhythm", "dispatch", "live", "select", "stack"]

Floats = NDArray[np.float64]
DAY_S = 86_400.0


class Rhythm(StrEnum):
    """How an account's day looks."""

    PERSONAL = "personal"
    OFFICE = "office"
    SERVICE = "service"
    CRON = "cron"
    RUNS = "runs"


@dataclass(frozen=True, slots=True)
class Beats:
    """Exchanges as times only.

    Attributes:
        member: account's row in its roster, shape (n,).
        at: seconds since the world's start, shape (n,).
        train: number of the conversation or run, shape (n,).
        turn: position within it, from 0, shape (n,).
    """

    member: Ints
    at: Floats
    train: Ints
    turn: Ints

    def __len__(self) -> int:
        """Number of exchanges."""
        return len(self.member)


def select(beats: Beats, keep: NDArray[np.bool_]) -> Beats:
    """Return the beats where ``keep`` is true."""
    return Beats(beats.member[keep], beats.at[keep], beats.train[keep], beats.turn[keep])


def stack(parts: list[Beats]) -> Beats:
    """Return several beats as one, their trains renumbered apart."""
    trains, offset = [], 0
    for part in parts:
        trains.append(part.train + offset)
        offset += int(part.train.max(initial=-1)) + 1
    return Beats(
        np.concatenate([part.member for part in parts]),
        np.concatenate([part.at for part in parts]),
        np.concatenate(trains),
        np.concatenate([part.turn for part in parts]),
    )


def live(
    rng: np.random.Generator,
    rhythm: Rhythm,
    rate: Floats,
    zone: Floats,
    group: Ints,
    days: int,
    length: float,
) -> Beats:
    """Return the exchanges of accounts that follow their own rhythm.

    Args:
        rng: source of the choices.
        rhythm: the kind of day.
        rate: mean exchanges per account and day, shape (accounts,).
        zone: offset of local time from UTC in hours, shape (accounts,).
        group: group of each account; offices and their holidays are the group's, shape (accounts,).
        days: length of the world.
        length: mean exchanges per conversation or run.
    """
    intensity = _days(rng, rhythm, rate, group, days) / length
    counts = rng.poisson(intensity)
    member, day = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
    hour = _hours(rng, rhythm, member, zone, group)
    start = day * DAY_S + ((hour - zone[member]) % 24.0) * 3_600.0
    return _expand(rng, rhythm, member, start, length, days)


def _days(rng: np.random.Generator, rhythm: Rhythm, rate: Floats, group: Ints, days: int) -> Floats:
    """Return expected exchanges per account and day, shape (accounts, days)."""
    n = len(rate)
    weekend = np.isin(np.arange(days) % 7, (5, 6))
    noise = {Rhythm.PERSONAL: 0.7, Rhythm.OFFICE: 0.4, Rhythm.SERVICE: 0.35, Rhythm.CRON: 0.1, Rhythm.RUNS: 0.9}
    daily = rng.lognormal(-(noise[rhythm] ** 2) / 2, noise[rhythm], (n, days))
    if rhythm is Rhythm.PERSONAL:
        daily *= rng.random((n, days)) < rng.beta(4, 2, n)[:, None]
        daily[:, weekend] *= rng.lognormal(-0.2, 0.6, n)[:, None]
    if rhythm is Rhythm.OFFICE:
        daily[:, weekend] *= 0.06
        daily *= rng.random((n, days)) < 0.9
        daily *= np.exp(0.2 * rng.standard_normal((int(group.max(initial=-1)) + 1, days)))[group]
    if rhythm is Rhythm.SERVICE:
        daily[:, weekend] *= rng.uniform(0.4, 1.2, n)[:, None]
    return np.asarray(rate[:, None] * daily)


def _hours(rng: np.random.Generator, rhythm: Rhythm, member: Ints, zone: Floats, group: Ints) -> Floats:
    """Return the local hour at which each conversation or run starts, shape (trains,)."""
    n, m = len(zone), len(member)
    if rhythm is Rhythm.OFFICE:
        return np.clip(rng.beta(1.8, 1.6, m) * 9.5 + 8.3 + rng.normal(0, 0.7, n)[member], 0, 23.99)
    if rhythm is Rhythm.CRON:
        slots = rng.integers(0, 96, (n, 2)) / 4.0
        return slots[member, rng.integers(0, 2, m)] + np.abs(rng.normal(0, 0.01, m))
    flat = {Rhythm.PERSONAL: 0.03, Rhythm.SERVICE: 0.45, Rhythm.RUNS: 0.3}[rhythm]
    peaks = np.stack([rng.normal(11, 2.5, n), rng.normal(20.5, 2, n)], axis=1)
    evening = rng.beta(1.5, 1.5, n)[member] > rng.random(m)
    width = rng.uniform(1.0, 2.6, n)[member]
    bump = peaks[member, evening.astype(np.int64)] + rng.standard_normal(m) * width
    return np.asarray(np.where(rng.random(m) < flat, rng.random(m) * 24, bump % 24.0))


def _expand(rng: np.random.Generator, rhythm: Rhythm, member: Ints, start: Floats, length: float, days: int) -> Beats:
    """Turn starts into trains of exchanges: turns of a conversation, or items of a run."""
    run = rhythm in {Rhythm.CRON, Rhythm.RUNS}
    if run:
        size = np.maximum(1, rng.normal(length, length / 6, len(start))).astype(np.int64)
        pace = np.exp(rng.normal(0.3, 0.8, len(start)))
    else:
        size = rng.geometric(1.0 / max(length, 1.0), len(start))
        pace = np.exp(rng.normal(4.3, 0.5, len(start)))
    train = np.repeat(np.arange(len(start)), size)
    first = np.cumsum(size) - size
    turn = np.arange(len(train)) - first[train]
    gap = pace[train] * np.exp(rng.normal(0, 0.3 if run else 0.9, len(train))) * (turn > 0)
    elapsed = np.cumsum(gap)
    at = start[train] + elapsed - elapsed[first[train]]
    return select(Beats(member[train], at, train, turn), at < days * DAY_S)


def dispatch(rng: np.random.Generator, begin: Floats, end: Floats, slot: Ints, rate: float, pauses: float) -> Beats:
    """Return focal exchanges dealt round-robin over the accounts alive, at one time-varying rate.

    The dispatcher's rate is a slow log-normal walk over hours, zero during outages that all members
    share. An exchange that meets a banned account without a replacement goes to the next slot.

    Args:
        rng: source of the choices.
        begin: second from which each account works, shape (accounts,).
        end: second at which each account stops, shape (accounts,).
        slot: place in the round per account; a replacement has its predecessor's, shape (accounts,).
        rate: exchanges per slot and day.
        pauses: outages per week.
    """
    first, last = float(begin.min()), float(end.max())
    slots = int(slot.max()) + 1
    total = rng.poisson(rate * slots * (last - first) / DAY_S)
    at = np.sort(_warped(rng, first, last, total, pauses))
    rounds = rng.permutation(slots)[(np.arange(total) + rng.integers(0, 2, total)) % slots]
    member = np.full(total, -1, np.int64)
    tenants = _tenants(slot, begin, slots)
    for shift in range(4):
        for tenant in tenants[:, (rounds + shift) % slots]:
            alive = (at >= begin[tenant]) & (at < end[tenant]) & (tenant >= 0)
            member = np.where((member < 0) & alive, tenant, member)
    kept = member >= 0
    trains = np.arange(int(kept.sum()))
    return Beats(member[kept], at[kept], trains, np.zeros_like(trains))


def _tenants(slot: Ints, begin: Floats, slots: int) -> Ints:
    """Return the accounts of every slot in order of appearance, -1 where none, shape (most, slots)."""
    order = np.lexsort((begin, slot))
    rank = np.arange(len(slot)) - np.searchsorted(slot[order], slot[order])
    tenants = np.full((int(rank.max()) + 1, slots), -1, np.int64)
    tenants[rank, slot[order]] = order
    return tenants


def _warped(rng: np.random.Generator, first: float, last: float, total: int, pauses: float) -> Floats:
    """Return ``total`` times with the density of the dispatcher's hourly rate."""
    hours = max(1, int(np.ceil((last - first) / 3_600)))
    walk = np.zeros(hours)
    for hour, step in enumerate(rng.normal(0, 0.25, hours)):
        walk[hour] = 0.93 * walk[hour - 1] + step if hour else step
    weight = np.exp(walk)
    for _ in range(rng.poisson(pauses * hours / 168)):
        stop = int(rng.integers(hours))
        weight[stop : stop + int(rng.integers(2, 9))] = 0.0
    mass = np.concatenate([[0.0], np.cumsum(weight)])
    drawn = np.interp(rng.random(total) * mass[-1], mass, np.arange(hours + 1))
    return np.asarray(np.minimum(first + drawn * 3_600.0, last - 1.0))
