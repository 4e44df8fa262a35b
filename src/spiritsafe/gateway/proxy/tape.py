"""What is remembered of an answer while it passes: enough to count and to sketch it, never more than a bound."""

from collections import deque

__all__ = ["Tape"]

_TAIL = 65_536


class Tape:
    """The beginning of an answer and, where it is too long to keep, its end.

    Args:
        most: bytes of the beginning.

    Attributes:
        size: bytes that have passed.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._head: list[bytes] = []
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Remember a piece; a stream's pieces are whole events, so that what is left of them still is."""
        self.size += len(piece)
        if self.size <= self._most:
            self._head.append(piece)
            return
        self._tail.append(piece)
        self._tail_size += len(piece)
        while len(self._tail) > 1 and self._tail_size - len(self._tail[0]) >= _TAIL:
            self._tail_size -= len(self._tail.popleft())

    def content(self) -> bytes:
        """Return what is remembered."""
        return b"".join([*self._head, *self._tail])
