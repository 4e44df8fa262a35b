"""What is kept of calls: the exchange for detection, a receipt where something was enforced."""

import asyncio
from collections.abc import Callable

from spiritsafe.gateway.capture.exchange import Captured
from spiritsafe.gateway.capture.journal import Fate, Journal
from spiritsafe.gateway.counts import Counts
from spiritsafe.gateway.proxy.relay import Taken
from spiritsafe.gateway.receipts import Receipts, receipt_of
from spiritsafe.model.settings import CaptureSettings, OnFull
from spiritsafe.policy.decide import Decision, Question

__all__ = ["Keeping"]


class Keeping:
    """Hands calls and decisions to the journal and the receipts.

    Args:
        journal: of exchanges; None where calls are not captured.
        receipts: of what was enforced.
        settings: of capture.
        counts: shows both.
        now_us: the time, microseconds since the epoch, UTC.
    """

    def __init__(
        self,
        journal: Journal | None,
        receipts: Receipts,
        settings: CaptureSettings,
        counts: Counts,
        now_us: Callable[[], int],
    ) -> None:
        self._journal, self._receipts, self._settings, self._now_us = journal, receipts, settings, now_us
        gauges = counts.gauges
        gauges["spiritsafe_receipts_lost"] = ("Receipts that could not be written.", lambda: receipts.lost)
        if journal is not None:
            gauges["spiritsafe_captured"] = ("Exchanges on the disk.", lambda: journal.health().written)
            gauges["spiritsafe_capture_queued"] = ("Exchanges that wait for the disk.", lambda: journal.health().queued)
            gauges["spiritsafe_capture_refused"] = ("Exchanges without room.", lambda: journal.health().refused)
            gauges["spiritsafe_capture_ok"] = ("Whether the disk takes them.", lambda: not journal.health().problem)

    async def open(self) -> None:
        """Begin; see :class:`spiritsafe.gateway.app.Part`."""
        await self._receipts.open()
        if self._journal is not None:
            await asyncio.to_thread(self._journal.start)

    async def close(self) -> None:
        """Write what waits."""
        if self._journal is not None:
            await asyncio.to_thread(self._journal.close)
        await self._receipts.close()

    def full(self) -> bool:
        """Return whether calls are to be refused because their exchanges would not be kept."""
        if self._journal is None or self._settings.on_full is OnFull.SERVE:
            return False
        return self._journal.is_full()

    def taken(self, call: Taken) -> None:
        """Keep a call that has come to its end."""
        if self._journal is not None:
            self._journal.offer(call.exchange)
        decision = call.decision
        if decision.leaves_receipt:
            self._receipts.note(
                receipt_of(
                    decision,
                    call.question,
                    self._now_us(),
                    exchange_id=call.exchange.exchange_id,
                    status=call.exchange.status,
                    cut=call.cut,
                    marked=call.marked,
                )
            )

    async def told(self, exchange: Captured) -> bool:
        """Keep an exchange that somebody else has had; True once it is on the disk, False where there is no room."""
        return self._journal is not None and await asyncio.wrap_future(self._journal.offer(exchange)) is Fate.WRITTEN

    def noted(self, decision: Decision, question: Question) -> None:
        """Keep a receipt of a decision that somebody else enforces."""
        self._receipts.note(receipt_of(decision, question, self._now_us()))

    def stopped(self, decision: Decision, question: Question, status: int) -> None:
        """Keep a receipt of a call that was stopped here."""
        self._receipts.note(receipt_of(decision, question, self._now_us(), status=status))
