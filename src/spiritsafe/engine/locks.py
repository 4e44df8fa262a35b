"""Advisory file locks that the kernel drops when their holder dies.

``flock`` rather than a file that says 'locked': after SIGKILL nobody has to decide whether it is stale.
"""

import fcntl
import os
from pathlib import Path

__all__ = ["FileLock"]


class FileLock:
    """A lock held from construction until :meth:`release`.

    Args:
        path: the lock file; created empty if its directory allows it.
        shared: several shared holders may coexist; an exclusive one stands alone.
        wait: block until the lock is free instead of failing.

    Raises:
        BlockingIOError: if somebody holds it and ``wait`` is false.
        OSError: if the file can be neither created nor opened.
    """

    def __init__(self, path: Path, *, shared: bool, wait: bool) -> None:
        self._fd = _open(path)
        mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(self._fd, mode if wait else mode | fcntl.LOCK_NB)
        except BaseException:
            os.close(self._fd)
            raise

    def release(self) -> None:
        """Give the lock up; a second call does nothing."""
        if self._fd >= 0:
            # Unlocked explicitly: a forked child may hold a copy of the descriptor.
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            os.close(self._fd)
            self._fd = -1


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        # flock needs no write permission, so a reader of a read-only store still takes its lock.
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
