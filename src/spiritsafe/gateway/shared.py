"""Limits that nodes share: what :mod:`spiritsafe.policy.meters` does, in Valkey or Redis.

One script a call, so that a decision is one round trip and nothing comes between its reading and its writing.
The server's clock counts, because nodes' clocks differ. A reservation is kept there under its decision
id, so that any worker may settle it, once. Keys carry the organisation as hash tag: all keys of a call lie in one slot
of a cluster. They vanish once they say nothing more: buckets when they are full, reservations after an hour.
"""

import msgspec

from spiritsafe.gateway.store import Store
from spiritsafe.policy.gcra import price
from spiritsafe.policy.levels import Levels, Refusal, Room, Tats, refusal_of, tightest
from spiritsafe.policy.rates import Rate

__all__ = ["KEEP_S", "SharedGrant", "SharedMeters", "reserve_words"]

KEEP_S = 3_600
"""Seconds for which a reservation can be settled; the longest answers stream for minutes."""


class SharedGrant(msgspec.Struct, frozen=True):
    """A request may pass; it is to be settled or cancelled once, under its decision id, by whichever worker.

    Attributes:
        levels: what it was charged to; those without bounds are left out.
        tokens: what was reserved.
        now_us: when, by the store's clock.
        tats: when each level's buckets are full again.
    """

    levels: Levels
    tokens: int
    now_us: int
    tats: list[Tats]

    @property
    def room(self) -> Room | None:
        """How the tightest bucket stood once this was charged; None if nothing is bounded."""
        return tightest(self.levels, self.tats, self.now_us)


class SharedMeters:
    """Limits in a store.

    Args:
        store: where.
        keep_s: seconds after which a reservation that nobody settled can no longer be: its estimate stays charged.
    """

    def __init__(self, store: Store, *, keep_s: int = KEEP_S) -> None:
        self.store = store
        self._keep_ms = keep_s * 1_000

    async def reserve(
        self,
        organisation: str,
        decision_id: str,
        levels: Levels,
        tokens: int,
        now_us: int | None = None,
    ) -> SharedGrant | Refusal:
        """Charge one request and the tokens estimated for it to every level, or nothing to any.

        Without any bound the store is not asked, and there is nothing to settle.

        Args:
            organisation: tag of the keys; the same for all that share a level.
            decision_id: what the reservation will be settled under; new for each.
            levels: distinct.
            tokens: the estimate; 0 or more.
            now_us: for tests; else the store's clock counts.

        Raises:
            StoreGoneError: no answer; it may have been charged nevertheless and then drains by itself.
        """
        bounded = [(key, bounds) for key, bounds in levels if bounds]
        if not bounded:
            return SharedGrant([], tokens, 0, [])
        keys, words = reserve_words(organisation, decision_id, bounded, tokens, keep_ms=self._keep_ms, now_us=now_us)
        granted, now, *flat = await self.store.run("reserve", keys, words)
        tats = list(zip(flat[::2], flat[1::2], strict=True))
        return SharedGrant(bounded, tokens, now, tats) if granted else refusal_of(bounded, tats, tokens, now)

    async def settle(self, organisation: str, decision_id: str, used: int, now_us: int | None = None) -> bool:
        """Replace a reservation's estimate by what was used: refund what was not, charge what goes beyond.

        Returns:
            True; False if there is none (any more): settled, cancelled, too old or never made.

        Raises:
            StoreGoneError: no answer; it may have been settled.
        """
        return await self._close(organisation, decision_id, max(0, used), now_us)

    async def cancel(self, organisation: str, decision_id: str, now_us: int | None = None) -> bool:
        """Take a reservation back whose request never reached the model; else as :meth:`settle`."""
        return await self._close(organisation, decision_id, "", now_us)

    async def _close(self, organisation: str, decision_id: str, used: int | str, now_us: int | None) -> bool:
        words = ["" if now_us is None else now_us, used]
        return bool(await self.store.run("settle", [_reservation_key(organisation, decision_id)], words))


def reserve_words(
    organisation: str,
    decision_id: str,
    levels: Levels,
    tokens: int,
    *,
    keep_ms: int,
    now_us: int | None = None,
) -> tuple[list[str], list[str | int]]:
    """Return the keys and words that ``reserve.lua`` takes; see :meth:`SharedMeters.reserve`."""
    keys = [_reservation_key(organisation, decision_id)]
    words: list[str | int] = ["" if now_us is None else now_us, keep_ms]
    for key, bounds in levels:
        keys.append(_level_key(organisation, key))
        words += _request_words(bounds.requests)
        words += _token_words(bounds.tokens, tokens)
    return keys, words


def _request_words(rate: Rate | None) -> tuple[int, int]:
    """Return what the script takes for the bound on requests: price, period."""
    return (price(1, rate), rate.period_us) if rate is not None else (0, 0)


def _token_words(rate: Rate | None, tokens: int) -> tuple[int, int, int]:
    """Return what the script takes for the bound on tokens: price, amount, period."""
    return (price(tokens, rate), rate.amount, rate.period_us) if rate is not None else (0, 0, 0)


def _level_key(organisation: str, key: str) -> str:
    return f"{_tag(organisation)}:limit:{key}"


def _reservation_key(organisation: str, decision_id: str) -> str:
    return f"{_tag(organisation)}:open:{decision_id}"


def _tag(organisation: str) -> str:
    """Return the hash tag of an organisation; no other has the same, whatever characters its id has.

    >>> _tag("o1"), _tag("a}b"), _tag("")
    ('{o1}', '{a%7Db}', '{%}')
    """
    escaped = organisation.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")
    return f"{{{escaped or '%'}}}"
