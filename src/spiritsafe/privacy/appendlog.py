"""Files of lines that only grow, survive a crash within a line and take one writer at a time.

A line counts once its newline is on the disk. What follows the last newline is the trace of a crash:
readers leave it out with a warning and the next writer cuts it off, so that it spoils no other line.
"""

import fcntl
import logging
import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["append", "complete_lines"]

_log = logging.getLogger(__name__)
_BLOCK = 1 << 16


def append(path: Path, make: Callable[[bytes], list[bytes]]) -> None:
    """Append lines durably under an exclusive lock on the file.

    Args:
        path: the file, made with mode 0600 if missing.
        make: called, while the file is locked, with its last line (empty if there is none); returns the
            lines to add, without newlines.

    Raises:
        OSError: if the disk refuses; then nothing was added.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        last, end = _last_line(fd, path)
        os.ftruncate(fd, end)
        added = b"".join(line + b"\n" for line in make(last))
        try:
            _write(fd, added, end)
            os.fsync(fd)
        except OSError:
            os.ftruncate(fd, end)
            raise
    finally:
        os.close(fd)


def complete_lines(path: Path) -> list[bytes]:
    """Return the lines of ``path`` without newlines; none if there is no such file.

    Raises:
        OSError: if it cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    *lines, torn = content.split(b"\n")
    _warn(torn, path)
    return lines


def _last_line(fd: int, path: Path) -> tuple[bytes, int]:
    """Return the last complete line and the offset at which the next one belongs."""
    size = os.fstat(fd).st_size
    tail, start = b"", size
    while start and tail.count(b"\n") < 2:
        start = max(0, start - _BLOCK)
        tail = os.pread(fd, size - start, start)
    complete, newline, torn = tail.rpartition(b"\n")
    _warn(torn, path)
    return complete.rpartition(b"\n")[2], start + len(complete) + len(newline)


def _write(fd: int, content: bytes, offset: int) -> None:
    while content:
        written = os.pwrite(fd, content, offset)
        content, offset = content[written:], offset + written


def _warn(torn: bytes, path: Path) -> None:
    if torn:
        _log.warning("%s: ignoring an unfinished last line of %d bytes", path, len(torn))
