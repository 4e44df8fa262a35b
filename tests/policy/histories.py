"""Histories of one bucket: what was reserved, refused, settled and cancelled, and when."""

from dataclasses import dataclass, field
from random import Random

from hypothesis import strategies as st

from spiritsafe.policy.gcra import price
from spiritsafe.policy.levels import Level
from spiritsafe.policy.meters import Grant, Meters
from spiritsafe.policy.rates import Bounds, Rate

START_US = 1_700_000_000_000_000
RATES = st.builds(Rate, amount=st.integers(1, 5), period_us=st.integers(3, 20))
"""Small ones, so that a few reservations fill a bucket and a few waits drain it."""


@dataclass(frozen=True)
class Move:
    """One thing that happens: time passes, then something is reserved or an open reservation settled.

    ``which`` picks the open reservation; ``used`` is what it used, in eighths of what was reserved.
    """

    wait_us: int
    units: int = 0
    which: int | None = None
    used: int = 0


def moves(*, in_order: bool = False) -> st.SearchStrategy[list[Move]]:
    waits = st.sampled_from([0, 0, 1, 2, 5, 10, 20])
    reserve = st.builds(Move, waits, units=st.integers(0, 5))
    used = st.sampled_from([0, 0, 0, 4, 8, 8, 12])
    settle = st.builds(Move, waits, which=st.just(0) if in_order else st.integers(0, 3), used=used)
    return st.lists(st.one_of(reserve, settle), min_size=1, max_size=40)


def drawn(random: Random) -> tuple[Rate, list[Move]]:
    """A long history by chance: full buckets with much that is settled late, which searching for short ones avoids."""
    played = []
    for _ in range(40):
        wait_us = random.choice([0, 0, 1, 2, 5, 10, 20])
        if random.random() < 0.5:
            played.append(Move(wait_us, units=random.randint(0, 5)))
        else:
            used = random.choice([0, 0, 0, 4, 8, 8, 12])
            played.append(Move(wait_us, which=random.randint(0, 3), used=used))
    return Rate(random.randint(1, 5), random.randint(3, 20)), played


@dataclass
class Past:
    """A reservation, and in the end what it used."""

    made_us: int
    grant: Grant
    price_us: int
    used_us: int

    @property
    def beyond_us(self) -> int:
        return max(0, self.used_us - self.price_us)


@dataclass
class History:
    """Plays moves on the tokens of one level."""

    rate: Rate
    now_us: int = START_US
    meters: Meters = field(default_factory=Meters)
    past: list[Past] = field(default_factory=list)
    open: list[Past] = field(default_factory=list)

    @property
    def tat(self) -> int:
        return self.meters._buckets["level"].token_tat if len(self.meters) else 0

    def play(self, move: Move) -> None:
        self.now_us += move.wait_us
        if move.which is None:
            self._reserve(move.units)
        elif self.open:
            self._settle(self.open.pop(move.which % len(self.open)), move.used)

    def _reserve(self, units: int) -> None:
        found = self.meters.reserve([Level("level", Bounds(tokens=self.rate))], units, self.now_us)
        if isinstance(found, Grant):
            whole = price(units, self.rate)
            self.past.append(Past(self.now_us, found, whole, whole))
            self.open.append(self.past[-1])

    def _settle(self, past: Past, eighths: int) -> None:
        used = past.grant.tokens * eighths // 8
        past.used_us = price(used, self.rate)
        assert self.meters.settle(past.grant, used, self.now_us)
