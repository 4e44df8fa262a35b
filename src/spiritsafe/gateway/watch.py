"""Whether a store is there: a few failures in a row and nobody asks it any more, until a task finds it again.

The task, not a request, tries whether it is back, so that no request waits for a store that is known to be gone. It
lives only while the store is gone. Each change is logged once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, repeat

from spiritsafe.gateway.store import StoreGoneError

__all__ = ["PAUSES_S", "StoreWatch"]

_log = logging.getLogger(__name__)
PAUSES_S = (1.0, 2.0, 4.0)
"""Seconds between attempts to find it again; the last is repeated."""
_FAILURES = 3
"""So many in a row and it is gone; one alone may be a hiccup."""


class StoreWatch:
    """Keeps an eye on one store.

    Args:
        probe: returns if the store is there, raises StoreGoneError if not.
        without: what happens without it, for the log.
        pauses_s: see :data:`PAUSES_S`.
    """

    def __init__(
        self, probe: Callable[[], Awaitable[None]], *, without: str, pauses_s: Sequence[float] = PAUSES_S
    ) -> None:
        self.losses = 0
        self._probe = probe
        self._without = without
        self._pauses_s = pauses_s
        self._failures = 0
        self._search: asyncio.Task[None] | None = None

    @property
    def is_gone(self) -> bool:
        """True while nobody should ask it."""
        return self._search is not None

    def worked(self) -> None:
        """Take note that a call was answered."""
        self._failures = 0

    def failed(self, error: StoreGoneError) -> None:
        """Take note that one was not."""
        self._failures += 1
        if self._failures >= _FAILURES and self._search is None:
            self.losses += 1
            _log.error("%s; until it is back, %s", error.message, self._without)
            self._search = asyncio.get_running_loop().create_task(self._found())

    async def close(self) -> None:
        """Stop searching."""
        if self._search is not None:
            self._search.cancel()
            await asyncio.gather(self._search, return_exceptions=True)

    async def _found(self) -> None:
        for pause_s in chain(self._pauses_s, repeat(self._pauses_s[-1])):
            await asyncio.sleep(pause_s)
            try:
                await self._probe()
            except StoreGoneError:
                continue
            break
        self._failures, self._search = 0, None
        _log.warning("the limit store is back")
