"""A world of links with known groups: accounts, honest sharing with heavy tails, and rings that share on purpose.

Honest people share, too: a household its card, an office its address, a carrier's customers a few exits for
tens of thousands. Every draw comes from one seed, so two runs measure the same links.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["FAMILIES", "LinkWorld", "hostile", "made", "stored"]

Int = NDArray[np.int64]

FAMILIES = ("device", "network", "payment", "signup")
_CAP = 5_000
_SIZES = (5, 8, 15, 30, 60, 120, 250, 500)
_PLAN = (
    {"payment": (1, 6), "network": (2, 8)},
    {"network": (2, 8), "device": (2, 5)},
    {"payment": (1, 6), "device": (2, 5), "signup": (1, 10)},
    {"network": (4, 2)},  # a pool of addresses that rotates: nothing else in common
)
"""Per kind of ring and family: values each member has, and members per value of the ring's pool."""


@dataclass(frozen=True)
class LinkWorld:
    """Links as arrays.

    Attributes:
        accounts: how many.
        unit: int64 [accounts], the organisation of each.
        links: per family, account and value of every distinct link, int64 each, by value and then by account.
        ring: int64 [accounts], the planted group of each account, -1 for honest ones.
    """

    accounts: int
    unit: Int
    links: dict[str, tuple[Int, Int]]
    ring: Int

    def save(self, folder: Path) -> None:
        """Write the arrays to a folder."""
        np.save(folder / "unit.npy", self.unit)
        np.save(folder / "ring.npy", self.ring)
        for family, (account, value) in self.links.items():
            np.save(folder / f"{family}.npy", np.stack([account, value]))


def stored(folder: Path) -> LinkWorld:
    """Read what `LinkWorld.save` wrote."""
    unit = np.load(folder / "unit.npy")
    pairs = {family: np.load(folder / f"{family}.npy", mmap_mode="r") for family in FAMILIES}
    links = {family: (pair[0], pair[1]) for family, pair in pairs.items()}
    return LinkWorld(len(unit), unit, links, np.load(folder / "ring.npy"))


class _Draw:
    """Collects links family by family; values of different sources never meet."""

    def __init__(self, accounts: int, seed: int) -> None:
        self.n, self.rng = accounts, np.random.default_rng(seed)
        self.parts: dict[str, list[tuple[Int, Int]]] = {family: [] for family in FAMILIES}
        self._fresh = 0

    def add(self, family: str, account: Int, value: Int, values: int) -> None:
        self.parts[family].append((account, self._fresh + value))
        self._fresh += values

    def heavy(self, count: int, values: int, power: float) -> Int:
        return np.minimum((values * self.rng.random(count) ** power).astype(np.int64), values - 1)

    def links(self) -> dict[str, tuple[Int, Int]]:
        out = {}
        for family, parts in self.parts.items():
            account, value = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
            key = np.sort(value * self.n + account)
            key = key[np.diff(key, prepend=-1) != 0]
            out[family] = key % self.n, key // self.n
        return out


def made(accounts: int, seed: int) -> LinkWorld:
    """Return a world of about nine links an account, one ring per 3,000 accounts."""
    draw = _Draw(accounts, seed)
    who, rng = np.arange(accounts), draw.rng
    sessions = np.repeat(who, np.minimum(rng.zipf(1.82, accounts), 80))
    own = rng.random(len(sessions)) < 0.5
    draw.add("network", sessions[own], rng.integers(0, 3 * accounts, int(own.sum())), 3 * accounts)
    draw.add("network", sessions[~own], draw.heavy(int((~own).sum()), accounts // 2, 2.2), accounts // 2)
    for count, least, most in ((accounts // 400, 8, 4_000), (max(accounts // 50_000, 1), 5_001, accounts // 16)):
        sizes = np.minimum((rng.pareto(1.1, count) + 1) * least, max(most, 8)).astype(np.int64)
        draw.add("network", rng.integers(0, accounts, int(sizes.sum())), np.repeat(np.arange(count), sizes), count)
    devices = np.repeat(who, np.minimum(rng.zipf(2.4, accounts), 20))
    draw.add("device", devices, rng.integers(0, 6 * accounts, len(devices)), 6 * accounts)
    payers = who[rng.random(accounts) < 0.75]
    draw.add("payment", payers, rng.integers(0, 4 * accounts, len(payers)), 4 * accounts)
    draw.add("signup", who, draw.heavy(accounts, 2 * accounts, 1.6), 2 * accounts)
    ring = np.full(accounts, -1)
    for number, (members, plan) in enumerate(_rings(accounts, rng)):
        ring[members] = number
        for family, (each, share) in plan.items():
            values = max(len(members) // share, 1)
            draw.add(family, np.repeat(members, each), rng.integers(0, values, len(members) * each), values)
    return LinkWorld(accounts, _units(accounts, ring, rng), draw.links(), ring)


def _rings(accounts: int, rng: np.random.Generator) -> Iterator[tuple[Int, dict[str, tuple[int, int]]]]:
    free, at = rng.permutation(accounts), 0
    for number in range(max(accounts // 3_000, len(_SIZES))):
        size = _SIZES[number % len(_SIZES)]
        yield np.sort(free[at : at + size]), _PLAN[number // len(_SIZES) % len(_PLAN)]
        at += size


def _units(accounts: int, ring: Int, rng: np.random.Generator) -> Int:
    """One honest account in ten belongs to an organisation of about five; sharing within it is no link."""
    together = np.flatnonzero((rng.random(accounts) < 0.1) & (ring < 0))
    name = np.arange(accounts)
    name[together] = accounts + rng.integers(0, max(len(together) // 5, 1), len(together))
    return np.unique(name, return_inverse=True)[1].astype(np.int64)


def hostile(accounts: int) -> LinkWorld:
    """Return a world built to be slow: a value that all have, an account with a million values, crowds at the cap."""
    draw = _Draw(accounts, 0)
    who = np.arange(accounts)
    draw.add("network", who, 0 * who, 1)
    values = np.arange(1_000_000)
    others = draw.rng.integers(1, accounts, len(values))
    draw.add("device", np.concatenate([0 * values, others]), np.concatenate([values, values]), len(values))
    most = min(_CAP, accounts // 5)
    for family in FAMILIES:
        crowds = np.concatenate([draw.rng.choice(accounts, most, replace=False) for _ in range(20)])
        draw.add(family, crowds, np.repeat(np.arange(20), most), 20)
    return LinkWorld(accounts, who, draw.links(), np.full(accounts, -1))
