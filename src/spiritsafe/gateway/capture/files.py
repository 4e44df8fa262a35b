"""The files that captured exchanges are appended to, and what becomes of those that a crash left.

A file that is still written has a hidden name, which no scan takes: a scan refuses a file that changes under it, and
takes one once by its content. It is closed, given its lasting name and never touched again. Whoever writes a file holds
a lock on it (``flock``), so that two processes may share a folder and either finishes what the other left when it died.
"""

import fcntl
import logging
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

import msgspec

__all__ = ["GrowingFile", "finish_left"]

_log = logging.getLogger("spiritsafe.gateway.capture")
_SUFFIX = ".jsonl"
_BLOCK = 1 << 20


class GrowingFile:
    """One file that is written.

    Args:
        folder: where.
        now: the time, seconds since the epoch; the name begins with it, so that a scan reads files in their order.

    Attributes:
        size: bytes that are on the disk for good.
        since: when it was begun.

    Raises:
        OSError: the folder cannot be written.
    """

    def __init__(self, folder: Path, now: float) -> None:
        self.size, self.since = 0, now
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S%fZ")
        self.path = folder / f".{stamp}-{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._torn = False
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_at(self._fd, self.path):
                raise BlockingIOError(0, "the new file was taken for one that a crash left")
            _sync_folder(folder)  # or a crash could leave acknowledged lines without a name
        except OSError:
            self.path.unlink(missing_ok=True)
            os.close(self._fd)
            raise

    def append(self, data: bytes) -> None:
        """Write lines; on return they are on the disk.

        After an error nothing of them counts: what has got to the disk is cut off before the next lines, which lie
        where these would have. That holds for an ``fsync`` that failed, too: the kernel forgets pages that it could not
        write, so syncing again would succeed and prove nothing, but writing and syncing again does.

        Raises:
            OSError: the disk refuses.
        """
        self._mend()
        at, self._torn = self.size, True
        left = memoryview(data)
        while left:
            written = os.pwrite(self._fd, left, at)
            left, at = left[written:], at + written
        os.fdatasync(self._fd)
        self.size, self._torn = at, False

    def finish(self) -> None:
        """Give the file its lasting name, which a scan takes; an empty one goes.

        Raises:
            OSError: the disk refuses; the file keeps its hidden name, and the next start finishes it.
        """
        try:
            self._mend()
            os.fsync(self._fd)
            _settle(self.path, self.size)
        finally:
            os.close(self._fd)

    def _mend(self) -> None:
        """Cut off what a write that failed has left."""
        if self._torn:
            os.ftruncate(self._fd, self.size)
            self._torn = False


def finish_left(folder: Path) -> int:
    """Finish the files that dead processes left in a folder; those that somebody still writes are let be.

    Returns:
        How many files were finished.

    Raises:
        OSError: the disk refuses.
    """
    return sum(_finish(path) for path in sorted(folder.glob(f".*{_SUFFIX}")))


def _finish(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if not _is_at(fd, path):
            return False
        size = os.fstat(fd).st_size
        end = _whole(fd, size)
        if end < size:
            os.ftruncate(fd, end)
            _log.warning("a crash cut the last line short", extra={"source": path.name, "bytes": size - end})
        os.fsync(fd)
        _settle(path, end)
    finally:
        os.close(fd)
    return True


def _settle(path: Path, size: int) -> None:
    if size:
        path.rename(path.with_name(path.name.removeprefix(".")))
    else:
        path.unlink()
    _sync_folder(path.parent)


def _is_at(fd: int, path: Path) -> bool:
    """Tell whether a path still leads to an open file: between opening and locking, another may have finished it."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(fd)
    return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)


def _whole(fd: int, size: int) -> int:
    """Return where the last whole line ends; after a loss of power, blocks of zeros may stand behind it."""
    while size:
        begin = _line(fd, size)
        line = os.pread(fd, size - begin, begin)
        if line.endswith(b"\n") and _is_json(line):
            return size
        size = begin
    return 0


def _line(fd: int, end: int) -> int:
    """Return where the line begins whose last byte is before ``end``."""
    at = end - 1
    while at:
        begin = max(0, at - _BLOCK)
        found = os.pread(fd, at - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        at = begin
    return 0


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
