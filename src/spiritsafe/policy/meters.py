"""Buckets of many subjects in this process: a request is charged to all of its levels or to none.

A plain dict, because every request passes through here. It runs in one event loop and never awaits, so that
no two calls interleave and it needs no lock; threads must not share it. Memory follows the subjects that are
not at rest: each call looks at a bucket in turn and forgets it if it has been full for a while, because a full
bucket says no more than none. There is never a sweep over all of them that a request would have to wait for.
"""

from collections import deque

import msgspec

from spiritsafe.policy.gcra import indebted, price, refund, taken, within_debt
from spiritsafe.policy.levels import Levels, Refusal, Room, refusal_of, tightest

__all__ = ["Bucket", "Charge", "Grant", "Meters"]

_REST_US = 10_000_000
"""A bucket is kept so long after it is full: making it again for every request costs more than keeping it."""


class Bucket(msgspec.Struct, gc=False):
    """A level's two buckets: when each is full again and what was refunded from it, microseconds."""

    request_tat: int = 0
    request_moved: int = 0
    token_tat: int = 0
    token_moved: int = 0


Charge = tuple[int, int, int, int, Bucket]
"""What one level was charged: its two times after it, the marks that refunds go by, and where it was charged."""


class Grant(msgspec.Struct, gc=False):
    """A request may pass; it is to be settled or cancelled once.

    Attributes:
        levels: what it was charged to.
        tokens: what was reserved.
        now_us: when.
        charges: one for each level.
        is_open: False once it was settled or cancelled.
    """

    levels: Levels
    tokens: int
    now_us: int
    charges: list[Charge]
    is_open: bool = True

    @property
    def room(self) -> Room | None:
        """How the tightest bucket stood once this was charged; None if nothing is bounded."""
        return tightest(self.levels, [charge[:2] for charge in self.charges], self.now_us)


class Meters:
    """Limits of this process. Times are microseconds of a clock that the caller reads and that does not go back."""

    __slots__ = ("_buckets", "_due", "_turn")

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}
        self._turn: deque[str] = deque()
        self._due = 0

    def __len__(self) -> int:
        """Return how many levels are remembered."""
        return len(self._buckets)

    def reserve(self, levels: Levels, tokens: int, now_us: int) -> Grant | Refusal:
        """Charge one request and the tokens estimated for it to every level, or nothing to any.

        Args:
            levels: distinct; the order matters only for what a refusal names.
            tokens: the estimate (see :func:`~spiritsafe.policy.estimates.cap_reservation`); 0 or more.
            now_us: the time.
        """
        self._sweep(now_us)
        buckets = self._buckets
        charges: list[Charge] = []
        for key, bounds in levels:
            bucket = buckets.get(key) or self._made(key)
            request_tat: int | None = bucket.request_tat
            if bounds.requests is not None:
                request_tat = taken(bucket.request_tat, 1, bounds.requests, now_us)
            token_tat: int | None = bucket.token_tat
            if bounds.tokens is not None:
                token_tat = taken(bucket.token_tat, tokens, bounds.tokens, now_us)
            if request_tat is None or token_tat is None:
                return self._refused(levels, tokens, now_us)
            marks = request_tat + bucket.request_moved, token_tat + bucket.token_moved
            charges.append((request_tat, token_tat, *marks, bucket))
        for request_after, token_after, _, _, bucket in charges:
            bucket.request_tat = request_after
            bucket.token_tat = token_after
        return Grant(levels, tokens, now_us, charges)

    def settle(self, grant: Grant, used: int, now_us: int) -> bool:
        """Replace a grant's estimate by what was used: refund what was not, charge what goes beyond.

        Returns:
            True; False if it was settled or cancelled before, and nothing happened.
        """
        if not grant.is_open:
            return False
        grant.is_open = False
        self._reconcile(grant, used, now_us)
        return True

    def cancel(self, grant: Grant, now_us: int) -> bool:
        """Take a grant back whose request never reached the model: its tokens and the request itself.

        Returns:
            As :meth:`settle`.
        """
        if not self.settle(grant, 0, now_us):
            return False
        for (key, bounds), (_, _, mark, _, bucket) in zip(grant.levels, grant.charges, strict=True):
            if bounds.requests is not None and bucket is self._buckets.get(key):
                given = refund(price(1, bounds.requests), mark, bucket.request_moved, now_us)
                bucket.request_tat -= given
                bucket.request_moved += given
        return True

    def _reconcile(self, grant: Grant, used: int, now_us: int) -> None:
        for (key, bounds), (_, _, _, mark, charged) in zip(grant.levels, grant.charges, strict=True):
            if (rate := bounds.tokens) is None:
                continue
            unused_us = price(grant.tokens, rate) - price(max(0, used), rate)
            bucket = self._buckets.get(key) or self._made(key)
            if unused_us < 0:
                bucket.token_tat = indebted(bucket.token_tat, -unused_us, rate.period_us, now_us)
            elif bucket is charged:  # another one under its name: it was full meanwhile, all of the price has drained
                given = refund(unused_us, mark, bucket.token_moved, now_us)
                bucket.token_tat -= given
                bucket.token_moved += given

    def _refused(self, levels: Levels, tokens: int, now_us: int) -> Refusal:
        """Say why, from every level; on the way bring those beyond the bound on debts within it."""
        tats = []
        for key, bounds in levels:
            bucket = self._buckets.get(key, _FULL)
            if bounds.requests is not None:
                tat = within_debt(bucket.request_tat, bounds.requests.period_us, now_us)
                bucket.request_moved += bucket.request_tat - tat
                bucket.request_tat = tat
            if bounds.tokens is not None:
                tat = within_debt(bucket.token_tat, bounds.tokens.period_us, now_us)
                bucket.token_moved += bucket.token_tat - tat
                bucket.token_tat = tat
            tats.append((bucket.request_tat, bucket.token_tat))
        return refusal_of(levels, tats, tokens, now_us)

    def _made(self, key: str) -> Bucket:
        """Begin a full bucket; two others are due to be looked at for it, so that the dict cannot outgrow the sweep."""
        bucket = self._buckets[key] = Bucket()
        self._turn.append(key)
        self._due += 2
        return bucket

    def _sweep(self, now_us: int) -> None:
        """Forget the next buckets in turn that have been full for a while."""
        turn, buckets, then_us = self._turn, self._buckets, now_us - _REST_US
        for _ in range(min(1 + self._due, len(turn))):
            key = turn.popleft()
            bucket = buckets[key]
            if bucket.request_tat <= then_us and bucket.token_tat <= then_us:
                del buckets[key]
            else:
                turn.append(key)
        self._due = 0


_FULL = Bucket()
