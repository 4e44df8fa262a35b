"""A receipt for every decision that was enforced: what, by which row and policy, on which exchange, and that it bit.

Written by a thread and synced in groups, like captured exchanges: a receipt that a request would have to wait for would
make enforcement the slowest part of a call. They are JSON lines of their own, a file a day, so that whoever has to
answer an appeal needs nothing but a text search for the decision's id.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from spiritsafe.model.errors import InputError
from spiritsafe.model.words import Action, Step, Subject
from spiritsafe.policy.decide import Decision, Question
from spiritsafe.privacy.appendlog import append, complete_lines

__all__ = ["Receipt", "Receipts", "read_receipts", "receipt_of"]

_log = logging.getLogger(__name__)
_MOST_WAITING = 100_000
_BATCH = 1_000


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was done to one request.

    Attributes:
        decision_id: as the client was told.
        at: when, UTC.
        account_id: whose request.
        action: what was done.
        step: the strongest measure in force.
        version: of the policy.
        subject, row: whom the row is about that decided; None where a limit for everybody did.
        case: in which the row was decided.
        exchange_id: of the exchange, where there was one.
        status: that the client got.
        limit: the bucket that was empty, for a request that was stopped by one.
        cut: events from which something was withheld.
        marked: the watermark key that the model was told to use.
        shadow: what rows that are only measured would have done.
    """

    decision_id: str
    at: str
    account_id: str
    action: Action
    step: Step
    version: int
    subject: Subject | None = None
    row: str | None = None
    case: str | None = None
    exchange_id: str | None = None
    status: int | None = None
    limit: str | None = None
    cut: int = 0
    marked: str | None = None
    shadow: Action | None = None


def receipt_of(
    decision: Decision,
    question: Question,
    at_us: int,
    *,
    exchange_id: str | None = None,
    status: int | None = None,
    cut: int = 0,
    marked: str | None = None,
) -> Receipt:
    """Return the receipt of a decision; see :class:`Receipt`."""
    row = decision.effect.row
    refusal = decision.refusal
    return Receipt(
        decision_id=decision.id,
        at=datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        account_id=question.account_id,
        action=decision.action,
        step=decision.effect.step,
        version=decision.version,
        subject=row.terms.subject if row else None,
        row=row.id if row else None,
        case=row.terms.case if row else None,
        exchange_id=exchange_id,
        status=status,
        limit=f"{refusal.level} {refusal.bound}" if refusal else None,
        cut=cut,
        marked=marked,
        shadow=decision.shadow,
    )


class Receipts:
    """Writes receipts.

    Args:
        folder: made if missing.
        now: the time, for the files' names.

    Attributes:
        lost: receipts that there was no room for.
    """

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._folder, self._now = folder, now
        self._waiting: queue.Queue[Receipt | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="spiritsafe-receipts", daemon=True)
        self.lost = 0

    async def open(self) -> None:
        """Begin; see :class:`spiritsafe.gateway.app.Part`."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._thread.start()

    async def close(self) -> None:
        """Write what waits."""
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._waiting.put(None)
        self._thread.join(10)

    def note(self, receipt: Receipt) -> None:
        """Have a receipt written; never waits."""
        try:
            self._waiting.put_nowait(receipt)
        except queue.Full:
            self.lost += 1

    def _run(self) -> None:
        ended = False
        while not ended:
            batch = [self._waiting.get()]
            while len(batch) < _BATCH and not self._waiting.empty():
                batch.append(self._waiting.get())
            ended = None in batch
            lines = [msgspec.json.encode(item) for item in batch if item is not None]
            if lines:
                self._write(lines)

    def _write(self, lines: list[bytes]) -> None:
        path = self._folder / f"{self._now():%Y-%m-%d}.jsonl"
        try:
            append(path, lambda _: lines)
        except OSError as error:
            self.lost += len(lines)
            _log.error("receipts cannot be written", extra={"path": str(path), "reason": error.strerror})


def read_receipts(folder: Path) -> Iterator[Receipt]:
    """Yield the receipts of a folder in the order in which they were written; none where there is no such folder.

    Raises:
        InputError: naming the line that is none.
    """
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(complete_lines(path), start=1):
            try:
                yield msgspec.json.decode(line, type=Receipt)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise InputError(
                    f"not a receipt: {error}", file=str(path), row=number, hint="Somebody has changed the file."
                ) from error
