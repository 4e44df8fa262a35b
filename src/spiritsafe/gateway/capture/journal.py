"""The journal of captured exchanges: one thread veils, writes and syncs what many requests offer, a batch at a time.

**What is acknowledged is on the disk.** Lines are written, then synced (``fdatasync``; the folder when a file is begun
and when it gets its lasting name), and only then is anybody told. A crash, of the process or the machine, loses
what nobody was told of, and may keep whole lines of it. One sync serves a whole batch, and so does the fixed cost of a
sketch: whatever is offered while one batch is written goes into the next.

Nothing is raised into the request path, and memory is bounded: if the disk refuses, a batch is tried again for as long
as it takes, exchanges wait, and once there is no more room for them ``offer`` answers that it is full. Whether a
request is then served unseen or refused is the caller's to decide (``capture.on_full``).
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from spiritsafe.gateway.capture.exchange import Captured
from spiritsafe.gateway.capture.files import GrowingFile, finish_left
from spiritsafe.gateway.capture.veil import Veil
from spiritsafe.model.errors import StoreError
from spiritsafe.model.settings import CaptureSettings

__all__ = ["Fate", "Health", "Journal"]

_log = logging.getLogger("spiritsafe.gateway.capture")
_MIB = 1 << 20
_BATCH_BYTES = 8 * _MIB
"""Memory of exchanges from which a batch is full."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0
"""Seconds between attempts to write."""


class Fate(StrEnum):
    """What became of an exchange that was offered."""

    WRITTEN = "written"
    REFUSED = "refused"
    LOST = "lost"


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How the journal fares.

    Attributes:
        problem: what the disk said last, '' while it takes what it is given.
        closed: whether it takes no more.
        queued: exchanges that wait or are being written.
        queued_bytes: what they take in memory, roughly.
        written: exchanges that are on the disk, since the start.
        refused: exchanges for which there was no room, or that could not be veiled.
        lost: exchanges that were taken and could not be written before the journal was closed.
    """

    problem: str
    closed: bool
    queued: int
    queued_bytes: int
    written: int
    refused: int
    lost: int


class _Offer(NamedTuple):
    exchange: Captured
    at: float
    size: int
    fate: "Future[Fate]"


class Journal:
    """Writes captured exchanges to a folder; a context manager, or call :meth:`start` and :meth:`close`.

    Args:
        folder: ``captured`` in the store; made if missing.
        veil: turns exchanges into lines.
        settings: sizes and times.
        now: the time in seconds since the epoch, for the names and the ages of files.
    """

    def __init__(
        self, folder: Path, veil: Veil, settings: CaptureSettings, now: Callable[[], float] = time.time
    ) -> None:
        self._folder, self._veil, self._settings, self._now = folder, veil, settings, now
        self._changed = threading.Condition()
        self._waiting: deque[_Offer] = deque()
        self._waiting_bytes = 0
        self._held = self._held_bytes = 0
        self._counts = dict.fromkeys(Fate, 0)
        self._problem, self._closed, self._deadline = "", True, 0.0
        self._file: GrowingFile | None = None
        self._due = 0.0
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Finish what a crash left, load the kernels, begin to take exchanges.

        Raises:
            StoreError: the folder cannot be made or written.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            finish_left(self._folder)
            self._begin()
        except OSError as error:
            raise StoreError(
                f"{self._folder}: cannot write captured exchanges: {error.strerror}",
                hint="Free some disk space or make the folder writable.",
            ) from error
        self._veil.warm()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="spiritsafe-capture", daemon=True)
        self._thread.start()
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def offer(self, exchange: Captured) -> "Future[Fate]":
        """Take an exchange; never raises and never waits.

        Returns:
            What becomes of it, once that is known: at once if there is no room. It cannot be cancelled.
        """
        fate: Future[Fate] = Future()
        fate.set_running_or_notify_cancel()
        size = exchange.size
        with self._changed:
            taken = self._has_room(size)
            if taken:
                slept = not self._is_batch()
                self._waiting.append(_Offer(exchange, time.monotonic(), size, fate))
                self._waiting_bytes += size
                self._held += 1
                self._held_bytes += size
                if len(self._waiting) == 1 or (slept and self._is_batch()):  # woken for more it would only wait again
                    self._changed.notify()
            else:
                self._counts[Fate.REFUSED] += 1
        if not taken:
            fate.set_result(Fate.REFUSED)
        return fate

    def is_full(self) -> bool:
        """Tell whether an exchange that were offered now would be refused; what a gateway asks before it serves."""
        with self._changed:
            return not self._has_room(0)

    def health(self) -> Health:
        """Return how the journal fares."""
        with self._changed:
            return Health(
                problem=self._problem,
                closed=self._closed,
                queued=self._held,
                queued_bytes=self._held_bytes,
                written=self._counts[Fate.WRITTEN],
                refused=self._counts[Fate.REFUSED],
                lost=self._counts[Fate.LOST],
            )

    def close(self, patience: float = 10.0) -> Health:
        """Write what waits, finish the file, take no more.

        Args:
            patience: seconds that a disk which refuses is given; what is not written then is lost, and said to be.
        """
        with self._changed:
            self._closed, self._deadline = True, time.monotonic() + patience
            self._changed.notify()
        if self._thread:
            self._thread.join(patience + _LONGEST_PAUSE)  # a disk that hangs must not keep a server from its end
            self._thread = None
        return self.health()

    def _has_room(self, size: int) -> bool:
        most = self._settings.queue_mib * _MIB
        within = self._held < self._settings.queue_rows and self._held_bytes + max(size, 1) <= most
        return within and not self._closed

    def _is_batch(self) -> bool:
        return len(self._waiting) >= self._settings.batch_rows or self._waiting_bytes >= _BATCH_BYTES

    def _run(self) -> None:
        try:
            while (batch := self._next()) is not None:
                if batch:
                    self._write(batch)
                self._turn(time.monotonic())
        except Exception as error:  # noqa: BLE001 - a bug here must not leave requests waiting for ever
            _log.error("capture has ended by a bug", extra={"kind": type(error).__name__})
        finally:
            self._end()

    def _next(self) -> list[_Offer] | None:
        """Wait for a batch; an empty one if it is time for another file, None if all is written that ever will be."""
        with self._changed:
            while not self._closed and not self._is_batch() and (left := self._patience()) > 0:
                self._changed.wait(left)
            if self._closed and not self._waiting:
                return None
            batch: list[_Offer] = []
            room = _BATCH_BYTES
            while self._waiting and len(batch) < self._settings.batch_rows and room > 0:
                batch.append(self._waiting.popleft())
                room -= batch[-1].size
            self._waiting_bytes -= sum(offer.size for offer in batch)
            return batch

    def _patience(self) -> float:
        """Return for how many seconds more exchanges may join the batch, or nothing may come."""
        now = time.monotonic()
        if self._waiting:
            return self._waiting[0].at + self._settings.linger_ms / 1_000 - now
        return self._due - now

    def _write(self, batch: list[_Offer]) -> None:
        """Write a batch, however often it takes, and tell who waits for it."""
        pause, lines = _FIRST_PAUSE, list[bytes]()
        while True:
            try:
                if not lines:
                    batch, lines = self._veiled(batch)
                if self._file is None:
                    self._begin()
                self._append(b"".join(lines))
                break
            except (OSError, StoreError) as error:
                self._troubled(error)
            if not self._rest(pause):
                self._settle(batch, Fate.LOST)
                return
            pause = min(2 * pause, _LONGEST_PAUSE)
        if self._problem:
            _log.warning("captured exchanges are written again")
            self._problem = ""
        self._settle(batch, Fate.WRITTEN)

    def _veiled(self, batch: list[_Offer]) -> tuple[list[_Offer], list[bytes]]:
        """Return the exchanges that can be veiled and their lines; one that cannot must not hold up the others.

        Raises:
            StoreError: the vault cannot be written.
        """
        try:
            return batch, self._veil.lines([offer.exchange for offer in batch])
        except (OSError, StoreError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a stranger's request makes of our code
            if len(batch) == 1:
                _log.error("an exchange cannot be kept", extra={"kind": type(error).__name__})
                self._settle(batch, Fate.REFUSED)
                return [], []
        half = len(batch) // 2
        (one, first), (other, second) = self._veiled(batch[:half]), self._veiled(batch[half:])
        return one + other, first + second

    def _append(self, data: bytes) -> None:
        if self._file and data:
            self._file.append(data)

    def _begin(self) -> None:
        self._file = GrowingFile(self._folder, self._now())
        self._due = time.monotonic() + self._settings.file_seconds

    def _turn(self, now: float) -> None:
        """Finish the file if it is old or large enough, and those of processes that have died."""
        if now < self._due and (self._file is None or self._file.size < self._settings.file_mib * _MIB):
            return
        self._due = now + self._settings.file_seconds
        try:
            if self._file:
                self._file.finish()
            finish_left(self._folder)
        except OSError as error:
            self._troubled(error)
        self._file = None

    def _rest(self, seconds: float) -> bool:
        """Wait before another attempt; False if the journal is closed and out of patience."""
        with self._changed:
            if self._closed:
                seconds = min(seconds, self._deadline - time.monotonic())
            if seconds > 0:
                self._changed.wait(seconds)
            return not self._closed or time.monotonic() < self._deadline

    def _troubled(self, error: Exception) -> None:
        said = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        if said != self._problem:
            _log.error("captured exchanges cannot be written", extra={"reason": said})
        self._problem = said

    def _settle(self, batch: list[_Offer], fate: Fate) -> None:
        with self._changed:
            self._held -= len(batch)
            self._held_bytes -= sum(offer.size for offer in batch)
            self._counts[fate] += len(batch)
        for offer in batch:
            offer.fate.set_result(fate)

    def _end(self) -> None:
        with self._changed:
            self._closed, left = True, list(self._waiting)
            self._waiting.clear()
        self._settle(left, Fate.LOST)
        self._due = 0.0
        self._turn(time.monotonic())
