"""A repeated exchange id counts once within its window: retries of a log shipper are not traffic.

Ids are remembered in sorted runs (``idruns``), and only those near the times that are being read: what was counted
long before or after is asked of the store when a batch goes there. A log in order of time never asks.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spiritsafe.engine.tables import HOUR_US
from spiritsafe.ingest.idruns import IdRun, counted, in_order, run_of_unordered
from spiritsafe.ingest.stretches import Stretches, around, clipped, common, joined, missing
from spiritsafe.model.kernel import Array, kernel

__all__ = ["Repeats"]

Int = NDArray[np.int64]
Stored = Callable[[int, int], tuple[Int, Int]]

_MOST = 16_000_000
"""Ids remembered before those far from the present are dropped: 210 MB."""
_LARGE = 1 << 20
"""Ids of the largest run that is made by merging: beyond it, comparing with one more run is cheaper."""


class Repeats:
    """Remembers ids (as hashes) and the hours in which they were counted.

    Args:
        stored: called with a first and a last hour; returns the hashes counted in between and their hours,
            int64 [k] each, as far as they were written.
        span: first and last hour that the store holds at the beginning; None if it holds none.
        window: hours within which a repeat is dropped.
        most: ids remembered before those far from the present are dropped.
    """

    def __init__(self, stored: Stored, span: tuple[int, int] | None, window: int, most: int = _MOST) -> None:
        self._stored, self._window, self._most, self._limit = stored, window, most, most
        self._written: Stretches = [span] if span else []
        self._known: Stretches = []
        self._near: Stretches = []
        self._runs: list[IdRun] = []

    def fresh(self, exchange: Int, us: Int) -> Int:
        """Return the positions to count, ascending, and remember them.

        In order of time, a row counts unless one that counts has its id at most a window before or after.

        Args:
            exchange: id hashes in event time, int64 [n].
            us: start times, ascending.
        """
        if not len(us):
            return np.zeros(0, np.int64)
        hour = _hours(us)
        self._near = around(hour, self._window)
        self._cover(self._near)
        ids, hours, rows = in_order(exchange, hour)
        blocked = np.zeros(len(ids), np.bool_)
        for run in self._runs:
            if clipped(self._near, run.low, run.high):
                run.block(ids, hours, self._window, blocked)
        keep, run_of_batch = counted(ids, hours, rows, blocked, self._window)
        if run_of_batch:
            self._hold(run_of_batch)
        return np.flatnonzero(keep)

    @property
    def is_full(self) -> bool:
        """Whether it is time to write what was counted and to call :meth:`forget`."""
        return self._size > self._limit

    def forget(self) -> None:
        """Drop what is far from the last batch; all that was counted must be written, so that ``stored`` can tell."""
        held, self._runs = self._runs, []
        for run in held:
            self._written = joined(self._written, [(run.low, run.high)])
            near = _near(run, self._near)
            if near:
                self._hold(near)
        self._known = common(self._known, self._near)
        # what is near stays, however much it is; it is looked through again when as much as half of `most` was added
        self._limit = max(self._most, self._size + self._most // 2)

    @property
    def _size(self) -> int:
        return sum(len(run) for run in self._runs)

    def _cover(self, wanted: Stretches) -> None:
        """Ask the store for what it counted in some hours, as far as that is not known."""
        for low, high in missing(wanted, self._known):
            if clipped(self._written, low, high):
                exchange, hour = self._stored(low, high)
                for at in range(0, len(exchange), _LARGE):
                    self._hold(run_of_unordered(exchange[at : at + _LARGE], hour[at : at + _LARGE]))
        self._known = joined(self._known, wanted)

    def _hold(self, run: IdRun) -> None:
        """Take a run, merged with those before it that are not much larger, so that runs stay few."""
        while self._runs and len(self._runs[-1]) < 2 * len(run) and len(self._runs[-1]) + len(run) <= _LARGE:
            run = self._runs.pop().merged(run)
        self._runs.append(run)


def _near(run: IdRun, near: Stretches) -> IdRun | None:
    """Return what of a run was counted in some hours, None if nothing was."""
    if any(low <= run.low and run.high <= high for low, high in near):
        return run
    inside = np.zeros(len(run), np.bool_)
    for low, high in clipped(near, run.low, run.high):
        inside |= (run.hours >= low) & (run.hours <= high)
    return run.where(inside)


@kernel
def _hours(us: Array) -> Array:
    """Return the hours of ascending times, int32 [n], dividing once an hour."""
    out = np.empty(len(us), np.int32)
    hour = us[0] // HOUR_US
    for row in range(len(us)):
        if us[row] >= (hour + 1) * HOUR_US:
            hour = us[row] // HOUR_US
        out[row] = hour
    return out
