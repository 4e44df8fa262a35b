"""How much room subjects have within their bounds, and why a request was refused: what answers and headers tell.

Both are read from the times of buckets, wherever these are kept, so that a node on its own and one
with a shared store tell a client the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from spiritsafe.policy.gcra import price, remaining, retry_after
from spiritsafe.policy.rates import Bounds, Rate

__all__ = ["Bound", "Level", "Levels", "Refusal", "Room", "Tats", "refusal_of", "tightest"]

Tats = tuple[int, int]
"""Times at which a level's buckets are full again, microseconds: of requests, of tokens; unused without a bound."""


class Bound(StrEnum):
    """What stopped a request."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    STORE = "store"  # nothing was counted: the shared store is gone and the policy is to refuse then


class Level(NamedTuple):
    """One of the subjects that a request is charged to: an organisation, an account, a key, a model of an account ...

    A plain pair will do wherever one is wanted, and is made in a third of the time.

    Attributes:
        key: names its buckets; the levels of one request have distinct keys.
        bounds: what it may take.
    """

    key: str
    bounds: Bounds


Levels = Sequence[tuple[str, Bounds]]
"""What one request is charged to."""


class Room(msgspec.Struct, frozen=True):
    """How far one bucket is used up (draft-ietf-httpapi-ratelimit-headers: q, w, r and t).

    Attributes:
        level: key of the level.
        bound: requests or tokens.
        rate: limit and window.
        remaining: units that can be taken at once.
        reset_us: microseconds until the whole limit can be.
    """

    level: str
    bound: Bound
    rate: Rate
    remaining: int
    reset_us: int


class Refusal(msgspec.Struct, frozen=True):
    """Why a request may not pass; nothing was charged.

    Attributes:
        level: key of the level that stops it longest; empty if the store did.
        bound: which of its bounds.
        retry_after_us: microseconds after which every level lets it pass if nobody else comes; None: it never
            will, because it is larger than a whole limit.
        room: of that bucket; None if the store stopped it.
    """

    level: str
    bound: Bound
    retry_after_us: int | None
    room: Room | None


class _Bucket(NamedTuple):
    level: str
    bound: Bound
    rate: Rate
    tat: int

    def room(self, now_us: int) -> Room:
        reset_us = max(0, self.tat - now_us)
        return Room(self.level, self.bound, self.rate, remaining(self.tat, self.rate, now_us), reset_us)


def tightest(levels: Levels, tats: Iterable[Tats], now_us: int) -> Room | None:
    """Return the room in the bucket of which the largest share is used, None if nothing is bounded."""
    found = max(_buckets(levels, tats), key=lambda bucket: (bucket.tat - now_us) / bucket.rate.period_us, default=None)
    return found.room(now_us) if found else None


def refusal_of(levels: Levels, tats: Iterable[Tats], tokens: int, now_us: int) -> Refusal:
    """Return what stops a request of which a bucket without room is known to be among those given."""
    waits = []
    for bucket in _buckets(levels, tats):
        price_us = price(1 if bucket.bound is Bound.REQUESTS else tokens, bucket.rate)
        waits.append((retry_after(bucket.tat, price_us, bucket.rate.period_us, now_us), bucket))
    wait, worst = max(waits, key=lambda pair: (pair[0] is None, pair[0] or 0))
    return Refusal(worst.level, worst.bound, wait, worst.room(now_us))


def _buckets(levels: Levels, tats: Iterable[Tats]) -> Iterator[_Bucket]:
    for (key, bounds), (request_tat, token_tat) in zip(levels, tats, strict=True):
        if bounds.requests is not None:
            yield _Bucket(key, Bound.REQUESTS, bounds.requests, request_tat)
        if bounds.tokens is not None:
            yield _Bucket(key, Bound.TOKENS, bounds.tokens, token_tat)
