"""When exchanges happen: personal days, office hours, services, cron jobs and a dispatcher's clock.

All of them end in one `Beats` record, so that whatever writes the texts and the network does not care
where a time came from. Times are seconds since the world's first midnight, UTC.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from spiritsafe.simulation.mixing import Ints

__all__ = ["DAY_S", "Beats", "Calendar", "Rhythm", "dispatch", "expand", "live", "select", "stack", "thin"]

Floats = NDArray[np.float64]
DAY_S = 86_400.0
HOUR_S = 3_600.0


class Rhythm(StrEnum):
    """How an account's day looks."""

    PERSONAL = "personal"
    OFFICE = "office"
    SERVICE = "service"
    CRON = "cron"
    RUNS = "runs"

    @property
    def is_run(self) -> bool:
        """True where a start is followed by separate requests, False where by turns of a conversation."""
        return self in {Rhythm.CRON, Rhythm.RUNS}


_DAILY_NOISE = {Rhythm.PERSONAL: 0.7, Rhythm.OFFICE: 0.4, Rhythm.SERVICE: 0.35, Rhythm.CRON: 0.1, Rhythm.RUNS: 0.9}
_FLAT = {Rhythm.PERSONAL: 0.03, Rhythm.SERVICE: 0.45, Rhythm.RUNS: 0.3}
PERSONAL_SHARE = 0.64
"""Mean of a personal day's factor (days off and weekends), to aim at a total."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The world's days.

    Attributes:
        days: how many.
        weekday: of the first day, 0 for Monday.
        curves: real request rates per client and 10 minutes, each of mean 1, shape (clients, bins), or None
            for parametric services.
    """

    days: int
    weekday: int = 0
    curves: Floats | None = None

    @property
    def weekend(self) -> NDArray[np.bool_]:
        """Which days are Saturdays or Sundays, shape (days,)."""
        return (np.arange(self.days) + self.weekday) % 7 >= 5


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
    """Return several beats as one, their trains numbered apart."""
    trains, offset = [], 0
    for part in parts:
        trains.append(part.train + offset)
        offset += int(part.train.max(initial=-1)) + 1
    member, at, turn = (np.concatenate([getattr(part, name) for part in parts]) for name in ("member", "at", "turn"))
    return Beats(member, at, np.concatenate(trains), turn)


def thin(rng: np.random.Generator, beats: Beats, total: int) -> Beats:
    """Return whole trains, chosen at random, that together hold about ``total`` exchanges."""
    size = np.bincount(beats.train) if len(beats) else np.zeros(0, np.int64)
    order = rng.permutation(len(size))
    kept = np.zeros(len(size), bool)
    kept[order[: int(np.searchsorted(np.cumsum(size[order]), total, side="right"))]] = True
    return select(beats, kept[beats.train])


def live(
    rng: np.random.Generator,
    rhythm: Rhythm,
    calendar: Calendar,
    *,
    rate: Floats,
    zone: Floats,
    group: Ints,
    length: float,
) -> Beats:
    """Return the exchanges of accounts that follow their own rhythm.

    Args:
        rng: source of the choices.
        rhythm: the kind of day.
        calendar: the world's days.
        rate: mean exchanges per account and working day, shape (accounts,).
        zone: offset of local time from UTC in hours, shape (accounts,).
        group: group of each account; an office's holidays are the group's, shape (accounts,).
        length: mean exchanges per conversation or run.
    """
    if rhythm is Rhythm.SERVICE and calendar.curves is not None:
        member, start = _traced(rng, calendar.curves, rate / length, calendar.days)
    else:
        counts = rng.poisson(_days(rng, rhythm, calendar, rate, group) / length)
        member, day = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
        start = day * DAY_S + (_hours(rng, rhythm, member, zone) - zone[member]) % 24.0 * HOUR_S
    beats = expand(rng, member, start, length, run=rhythm.is_run)
    return select(beats, beats.at < calendar.days * DAY_S)


def _traced(rng: np.random.Generator, curves: Floats, rate: Floats, days: int) -> tuple[Ints, Floats]:
    """Return (member, start) drawn from real clients' rate curves, each account following one client."""
    client = rng.integers(0, len(curves), len(rate))
    shift = rng.integers(0, curves.shape[1] // 144, len(rate)) * 144
    bins = (np.arange(days * 144)[None, :] + shift[:, None]) % curves.shape[1]
    counts = rng.poisson(rate[:, None] / 144 * curves[client[:, None], bins])
    member, cell = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
    return member, (cell + rng.random(len(cell))) * 600.0


def _days(rng: np.random.Generator, rhythm: Rhythm, calendar: Calendar, rate: Floats, group: Ints) -> Floats:
    """Return expected exchanges per account and day, shape (accounts, days)."""
    shape = (len(rate), calendar.days)
    noise = _DAILY_NOISE[rhythm]
    daily = rng.lognormal(-(noise**2) / 2, noise, shape)
    weekend = np.ones(len(rate))
    if rhythm is Rhythm.PERSONAL:
        daily *= rng.random(shape) < rng.beta(4, 2, len(rate))[:, None]
        weekend = rng.lognormal(-0.2, 0.6, len(rate))
    elif rhythm is Rhythm.OFFICE:
        daily *= rng.random(shape) < 0.9
        daily *= np.exp(0.2 * rng.standard_normal((int(group.max(initial=-1)) + 1, calendar.days)))[group]
        weekend = np.full(len(rate), 0.06)
    elif rhythm is Rhythm.SERVICE:
        weekend = rng.uniform(0.4, 1.2, len(rate))
    return np.asarray(rate[:, None] * daily * np.where(calendar.weekend[None, :], weekend[:, None], 1.0))


def _hours(rng: np.random.Generator, rhythm: Rhythm, member: Ints, zone: Floats) -> Floats:
    """Return the local hour at which each conversation or run starts, shape (trains,)."""
    n, m = len(zone), len(member)
    if rhythm is Rhythm.OFFICE:
        return np.asarray(rng.beta(1.8, 1.6, m) * 9.5 + 8.3 + rng.normal(0, 0.7, n)[member])
    if rhythm is Rhythm.CRON:
        slots = rng.integers(0, 96, (n, 2)) / 4.0
        return np.asarray(slots[member, rng.integers(0, 2, m)] + np.abs(rng.normal(0, 0.01, m)))
    peaks = np.stack([rng.normal(11, 2.5, n), rng.normal(20.5, 2, n)], axis=1)
    evening = (rng.beta(1.5, 1.5, n)[member] > rng.random(m)).astype(np.int64)
    bump = peaks[member, evening] + rng.standard_normal(m) * rng.uniform(1.0, 2.6, n)[member]
    return np.asarray(np.where(rng.random(m) < _FLAT[rhythm], rng.random(m) * 24, bump % 24.0))


def expand(rng: np.random.Generator, member: Ints, start: Floats, length: float, *, run: bool) -> Beats:
    """Turn starts into trains: turns of a conversation a minute or so apart, or a run's items seconds apart.

    Args:
        rng: source of the choices.
        member: account of each train.
        start: second at which it starts.
        length: mean exchanges per train.
        run: True for a run of about equal length and pace, False for a conversation of geometric length.
    """
    count = len(start)
    if run:
        size = np.maximum(1, rng.normal(length, length / 6, count)).astype(np.int64)
        pace, unrest = np.exp(rng.normal(0.3, 0.8, count)), 0.3
    else:
        size = rng.geometric(1.0 / max(length, 1.0), count)
        pace, unrest = np.exp(rng.normal(4.3, 0.5, count)), 0.9
    train = np.repeat(np.arange(count), size)
    first = np.cumsum(size) - size
    turn = np.arange(len(train)) - first[train]
    elapsed = np.cumsum(pace[train] * np.exp(rng.normal(0, unrest, len(train))) * (turn > 0))
    return Beats(member[train], start[train] + elapsed - elapsed[first[train]], train, turn)


def dispatch(
    rng: np.random.Generator, *, begin: Floats, end: Floats, slot: Ints, rate: float, pauses: float
) -> tuple[Ints, Floats]:
    """Return (member, second) of requests dealt round-robin at one time-varying rate.

    The dispatcher's rate is a slow log-normal walk over hours, zero during outages that all members
    share. A request that meets a banned account without a replacement goes to the next slot.

    Args:
        rng: source of the choices.
        begin: second from which each account works, shape (accounts,).
        end: second at which each account stops, shape (accounts,).
        slot: place in the round per account; a replacement has its predecessor's, shape (accounts,).
        rate: requests per slot and day.
        pauses: outages per week.
    """
    first, last = float(begin.min()), float(end.max())
    slots = int(slot.max()) + 1
    total = int(rng.poisson(rate * slots * (last - first) / DAY_S))
    at = np.sort(_warped(rng, first, last, total, pauses))
    rounds = rng.permutation(slots)[(np.arange(total) + (rng.random(total) < 0.1)) % slots]
    member = np.full(total, -1, np.int64)
    tenants = _tenants(slot, begin, slots)
    for shift in range(4):
        for tenant in tenants[:, (rounds + shift) % slots]:
            alive = (at >= begin[tenant]) & (at < end[tenant]) & (tenant >= 0)
            member = np.where((member < 0) & alive, tenant, member)
    return member[member >= 0], at[member >= 0]


def _tenants(slot: Ints, begin: Floats, slots: int) -> Ints:
    """Return the accounts of every slot in order of appearance, -1 where none, shape (most, slots)."""
    order = np.lexsort((begin, slot))
    rank = np.arange(len(slot)) - np.searchsorted(slot[order], slot[order])
    tenants = np.full((int(rank.max()) + 1, slots), -1, np.int64)
    tenants[rank, slot[order]] = order
    return tenants


def _warped(rng: np.random.Generator, first: float, last: float, total: int, pauses: float) -> Floats:
    """Return ``total`` times with the density of the dispatcher's hourly rate."""
    hours = max(1, int(np.ceil((last - first) / HOUR_S)))
    walk = np.zeros(hours)
    for hour, step in enumerate(rng.normal(0, 0.25, hours)):
        walk[hour] = 0.93 * walk[hour - 1] + step if hour else step
    weight = np.exp(walk)
    for _ in range(rng.poisson(pauses * hours / 168)):
        stop = int(rng.integers(1, max(hours, 2)))
        weight[stop : stop + int(rng.integers(2, 9))] = 0.0
    mass = np.concatenate([[0.0], np.cumsum(weight)])
    drawn = np.interp(rng.random(total) * mass[-1], mass, np.arange(hours + 1))
    return np.asarray(np.minimum(first + drawn * HOUR_S, last - 1.0))
