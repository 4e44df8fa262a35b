"""A repeated exchange id counts once within its window: retries of a log shipper are not traffic."""

import numpy as np
from numpy.typing import NDArray

from spiritsafe.engine.tables import HOUR_US

__all__ = ["Repeats"]

Int = NDArray[np.int64]


class Repeats:
    """Remembers ids (as hashes) and the hour they were last counted.

    Args:
        seen: hashes already counted, int64 [k].
        hour: when, hours since the epoch, int64 [k].
        window: hours within which a repeat is dropped.
    """

    def __init__(self, seen: Int, hour: Int, window: int) -> None:
        order = np.argsort(seen, kind="stable")
        self._seen, self._hour, self._window = seen[order], hour[order], window

    def fresh(self, exchange: Int, us: Int) -> Int:
        """Return the positions to count, ascending, and remember them.

        Args:
            exchange: id hashes in event time, int64 [n].
            us: start times, ascending.
        """
        hour = us // HOUR_US
        keep = ~self._known(exchange, hour)
        order = np.lexsort((np.arange(len(exchange)), exchange))
        repeated = np.flatnonzero(exchange[order][1:] == exchange[order][:-1]) + 1
        last: dict[int, int] = {}
        for at in repeated.tolist():
            row, before = int(order[at]), int(order[at - 1])
            counted = last.get(int(exchange[row]), int(hour[before]))
            if hour[row] - counted <= self._window:
                keep[row] = False
                last[int(exchange[row])] = counted
            else:
                last[int(exchange[row])] = int(hour[row])
        rows = np.flatnonzero(keep)
        self._remember(exchange[rows], hour[rows])
        return rows

    def _known(self, exchange: Int, hour: Int) -> NDArray[np.bool_]:
        if not len(self._seen):
            return np.zeros(len(exchange), np.bool_)
        at = np.minimum(np.searchsorted(self._seen, exchange), len(self._seen) - 1)
        near = np.abs(hour - self._hour[at]) <= self._window
        return np.asarray((self._seen[at] == exchange) & near)

    def _remember(self, exchange: Int, hour: Int) -> None:
        seen, when = np.concatenate([self._seen, exchange]), np.concatenate([self._hour, hour])
        order = np.lexsort((when, seen))
        seen, when = seen[order], when[order]
        latest = np.concatenate((seen[1:] != seen[:-1], [True])) if len(seen) else np.zeros(0, np.bool_)
        self._seen, self._hour = seen[latest], when[latest]
