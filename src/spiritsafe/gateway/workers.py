"""Several processes on one listening socket: started, started anew when one dies, and drained together.

Each worker is a fresh interpreter and not a fork, for what a library has begun by threads does not live through one.
The kernel hands a connection to whichever worker takes it first. Sources: accept(2); ``multiprocessing``, contexts.
"""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from time import monotonic
from typing import Any

__all__ = ["Workers", "with_parent"]

_log = logging.getLogger(__name__)
_BRIEF_S = 5.0
"""A worker that lives shorter than this is started anew after a pause."""
_LONGEST_S = 30.0


class Workers:
    """Keeps workers alive.

    Args:
        count: how many.
        target: what each of them runs; of a module, so that a fresh interpreter finds it.
        args: the target's, to be pickled.
        drain_s: seconds that they have to end.
    """

    def __init__(self, count: int, target: Callable[..., None], args: tuple[Any, ...], drain_s: float) -> None:
        self._count, self._target, self._args, self._drain_s = count, target, args, drain_s
        self._context = multiprocessing.get_context("spawn")
        self._alive: dict[SpawnProcess, float] = {}
        self._pause_s = 0.0
        self._told, self._tell = os.pipe()
        self._stopping = False

    def run(self) -> None:
        """Keep them until SIGTERM or SIGINT, then have them finish."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._stopping:
            for _ in range(self._count - len(self._alive)):
                self._start()
            wait([self._told, *(worker.sentinel for worker in self._alive)])
            self._bury()
        self._drain()

    def _start(self) -> None:
        worker = self._context.Process(target=self._target, args=self._args)
        worker.start()
        self._alive[worker] = monotonic()

    def _stop(self, *_: object) -> None:
        self._stopping = True
        os.write(self._tell, b".")

    def _bury(self) -> None:
        """Forget the dead; if one died young, wait a while, longer each time."""
        dead = [worker for worker in self._alive if not worker.is_alive()]
        if not dead or self._stopping:
            return
        for worker in dead:
            lived_s = monotonic() - self._alive.pop(worker)
            self._pause_s = 0.0 if lived_s > _BRIEF_S else min(2 * self._pause_s + 0.5, _LONGEST_S)
            _log.error("a worker has died", extra={"exit": worker.exitcode, "lived_s": round(lived_s, 1)})
        if self._pause_s:
            wait([self._told], self._pause_s)

    def _drain(self) -> None:
        for worker in self._alive:
            worker.terminate()
        end = monotonic() + self._drain_s
        for worker in self._alive:
            worker.join(max(end - monotonic(), 0.1))
            if worker.is_alive():
                _log.error("a worker has not ended in time")
                worker.kill()
                worker.join()


def with_parent() -> None:
    """In a worker: be told to stop, as by SIGTERM, if the process that watches over the workers is no more."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_outlive, args=(parent.sentinel,), daemon=True, name="spiritsafe-parent").start()


def _outlive(sentinel: int) -> None:
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
