"""Limits on the request path: in the shared store while it answers; else this node's own, or closed.

A request never waits for the store longer than its time-out. What a node grants by itself it also settles by itself,
so that a store that comes back finds nothing half done.
"""

from collections.abc import Awaitable, Callable, Sequence
from time import monotonic_ns
from typing import TypeVar

import msgspec

from spiritsafe.gateway.portions import portions
from spiritsafe.gateway.reservations import Reservations
from spiritsafe.gateway.shared import KEEP_S, SharedGrant, SharedMeters
from spiritsafe.gateway.store import StoreGoneError
from spiritsafe.gateway.watch import PAUSES_S, StoreWatch
from spiritsafe.model.errors import ConfigError
from spiritsafe.model.settings import OnLoss
from spiritsafe.policy.levels import Bound, Levels, Refusal
from spiritsafe.policy.meters import Meters

__all__ = ["Limiter", "LimiterCounts", "check_workers"]

_T = TypeVar("_T")
_CLOSED_US = 1_000_000
"""When to try again while all are refused, microseconds."""


_WITHOUT = {
    OnLoss.LOCAL: "this node applies the limits by itself",
    OnLoss.CLOSED: "all requests are refused",
}


class LimiterCounts(msgspec.Struct):
    """What happened since the start.

    Attributes:
        shared: requests that the store decided.
        local: requests that this process decided by itself.
        closed: requests refused because the store was gone.
        unsettled: settlements that the store was not there for; their estimates stay charged.
    """

    shared: int = 0
    local: int = 0
    closed: int = 0
    unsettled: int = 0


def check_workers(workers: int, store_url: str | None) -> None:
    """Refuse several workers without a shared store: each of them would grant the whole of every limit.

    Raises:
        ConfigError: it is so.
    """
    if workers > 1 and not store_url:
        raise ConfigError(
            f"{workers} workers with limits in each process would grant every limit {workers} times",
            hint="Name a store that they share (valkey://host:6379), or run one worker.",
        )


class Limiter:
    """Limits of one worker; runs in one event loop.

    Args:
        shared: limits in a store; None for those of this process alone.
        on_store_loss: what to do while the store is gone.
        local_share: what part of each bound this node grants then, above 0 and at most 1; one divided by the number
            of nodes keeps their sum within the bound.
        now_us: the clock of this process, microseconds.
        pauses_s: seconds between attempts to find a lost store again.
    """

    def __init__(
        self,
        shared: SharedMeters | None = None,
        *,
        on_store_loss: OnLoss = OnLoss.LOCAL,
        local_share: float = 1.0,
        now_us: Callable[[], int] = lambda: monotonic_ns() // 1_000,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self.counts = LimiterCounts()
        self._on_store_loss = on_store_loss
        self._local_share = local_share
        self._now_us = now_us
        self._meters = Meters()
        self._open = Reservations(KEEP_S * 1_000_000)
        self._shared = shared
        self._watch: StoreWatch | None = None
        if shared is not None:
            self._watch = StoreWatch(shared.store.probe, without=_WITHOUT[on_store_loss], pauses_s=pauses_s)

    @property
    def store_is_gone(self) -> bool:
        """True while no request asks the store."""
        return self._watch is not None and self._watch.is_gone

    async def reserve(self, organisation: str, decision_id: str, levels: Levels, tokens: int) -> SharedGrant | Refusal:
        """Charge one request and the tokens estimated for it to every level, or nothing to any.

        Args:
            organisation: the same for all that share a level.
            decision_id: what the reservation will be settled under; new for each.
            levels: with distinct keys, in this process distinct across organisations too.
            tokens: the estimate; 0 or more.
        """
        if self._shared is None:
            return self._decide(decision_id, levels, tokens)
        found = await self._ask(lambda shared: shared.reserve(organisation, decision_id, levels, tokens))
        if found is not None:
            self.counts.shared += 1
            return found
        if self._on_store_loss is OnLoss.CLOSED:
            self.counts.closed += 1
            return Refusal("", Bound.STORE, _CLOSED_US, None)
        return self._decide(decision_id, *portions(levels, tokens, self._local_share))

    async def settle(self, organisation: str, decision_id: str, used: int) -> bool:
        """Replace a reservation's estimate by what was used: refund what was not, charge what goes beyond.

        Returns:
            True; False if nothing happened: settled or cancelled before, too old, never made, or its store is gone.
        """
        grant = self._open.take(decision_id)
        if grant is not None:
            return self._meters.settle(grant, used, self._now_us())
        return await self._tell(lambda shared: shared.settle(organisation, decision_id, used))

    async def cancel(self, organisation: str, decision_id: str) -> bool:
        """Take a reservation back whose request never reached the model; else as :meth:`settle`."""
        grant = self._open.take(decision_id)
        if grant is not None:
            return self._meters.cancel(grant, self._now_us())
        return await self._tell(lambda shared: shared.cancel(organisation, decision_id))

    async def close(self) -> None:
        """Let go of the store."""
        if self._shared is not None and self._watch is not None:
            await self._watch.close()
            await self._shared.store.close()

    def _decide(self, decision_id: str, levels: Levels, tokens: int) -> SharedGrant | Refusal:
        """Decide here; what is granted looks as if the store had, since only this limiter can settle it."""
        self.counts.local += 1
        found = self._meters.reserve(levels, tokens, self._now_us())
        if isinstance(found, Refusal):
            return found
        self._open.add(decision_id, found)
        return SharedGrant(levels, tokens, found.now_us, [charge[:2] for charge in found.charges])

    async def _tell(self, settlement: Callable[[SharedMeters], Awaitable[bool]]) -> bool:
        done = await self._ask(settlement)
        if done is None and self._shared is not None:
            self.counts.unsettled += 1
        return bool(done)

    async def _ask(self, question: Callable[[SharedMeters], Awaitable[_T]]) -> _T | None:
        """Return the store's answer, None if it has none."""
        if self._shared is None or self._watch is None or self._watch.is_gone:
            return None
        try:
            answer = await question(self._shared)
        except StoreGoneError as error:
            self._watch.failed(error)
            return None
        self._watch.worked()
        return answer
