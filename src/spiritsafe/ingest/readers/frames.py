"""Where one JSON value ends and the next begins, in a byte stream of any length.

For what is not one object per line: arrays, documents spread over lines, and documents that wrap an array of
records. Only brackets and strings are looked at, so that a record that is no JSON is still one record, refused
by itself; but a file that ends inside a value is refused, for what its last record was is anybody's guess.
Written here because stream parsers stop at the first fault, and give events or Python values but no text to
set aside. Source: RFC 8259.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from spiritsafe.ingest.batch import Limits
from spiritsafe.model.errors import InputError

__all__ = ["values"]

_BOM = b"\xef\xbb\xbf"
_BLOCK = 256 << 10
_AHEAD = 256
"""Bytes that must be in sight after a name, to tell whether an array follows."""
_BETWEEN = re.compile(rb"[\s,\x1e]*")
_SCALAR = re.compile(rb'(?:"(?:[^"\\]|\\.)*"|[^,\[\]{}"\s])+', re.DOTALL)
_TOKEN = re.compile(rb'["\[\]{}]')
_IN_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_ARRAY_NEXT = re.compile(rb"\s*:\s*\[")
_OBJECT_NEXT = re.compile(rb"\s*:\s*\{")
_OPENING, _QUOTE = b"[{", ord('"')


def values(content: BinaryIO, limits: Limits, file: str, within: frozenset[str] = frozenset()) -> Iterator[bytes]:
    """Yield the text of every record: an element of a top-level array, or a top-level value.

    Args:
        content: from the file's start on.
        limits: no record may be longer than ``record_bytes``.
        file: for messages.
        within: names of arrays; where a top-level object holds one, its elements are the records, not it.
            ``outer.name`` is the array in the object that the top-level object holds under ``outer``.

    Raises:
        InputError: a record is too long, or the file ends inside one.
    """
    yield from _Frames(content, limits, file, frozenset(name.encode() for name in within)).records()


class _Frames:
    """A window on the stream: ``buffer[at:]`` is what has not been looked at, from ``start`` on it is kept."""

    def __init__(self, content: BinaryIO, limits: Limits, file: str, within: frozenset[bytes]) -> None:
        self._content, self._limits, self._file, self._within = content, limits, file, within
        self._buffer = bytearray(content.read(len(_BOM)).removeprefix(_BOM))
        self._at = 0
        self._inside = 1  # how deep the array of records lies

    def records(self) -> Iterator[bytes]:
        """Yield the records of every top-level value."""
        while (opening := self._opening()) is not None:
            if opening == ord("["):
                self._at += 1
                yield from self._elements()
            elif opening == ord("{"):
                whole = self._document() if self._within else self._element()
                if whole is not None:
                    yield whole
                else:
                    yield from self._elements()
                    self._rest()
            else:
                yield self._scalar()

    def _more(self, start: int) -> int:
        """Read on, let go of what lies before ``start``, and return by how much places have moved.

        Raises:
            InputError: the file ends here.
        """
        del self._buffer[:start]
        self._at -= start
        self._bound(len(self._buffer))
        if not self._read():
            raise InputError(
                "the JSON is cut off: the file ends inside a record or an array",
                file=self._file,
                hint="Copy or export the file again.",
            )
        return start

    def _read(self) -> bool:
        block = self._content.read(_BLOCK)
        self._buffer += block
        return bool(block)

    def _bound(self, length: int) -> None:
        if length > self._limits.record_bytes:
            raise InputError(
                f"a record is longer than {self._limits.record_bytes} bytes",
                file=self._file,
                hint="Check that brackets and quotes are closed, or write one record per line.",
            )

    def _opening(self) -> int | None:
        """Step over what lies between values; return the next byte, None at the end of the file."""
        while True:
            between = _BETWEEN.match(self._buffer, self._at)
            self._at = between.end() if between else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            self._buffer, self._at = bytearray(), 0
            if not self._read():
                return None

    def _elements(self) -> Iterator[bytes]:
        """Yield an array's elements, from behind its bracket to behind the one that closes it."""
        while True:
            opening = self._opening()
            if opening is None:
                self._more(self._at)
            elif opening == ord("]"):
                self._at += 1
                return
            elif opening in _OPENING:
                yield self._element()
            else:
                yield self._scalar()

    def _element(self) -> bytes:
        """Return the object or array that begins here; nobody asks for its names."""
        start = self._at
        start -= self._past(start, depth=0)
        self._bound(self._at - start)
        return bytes(self._buffer[start : self._at])

    def _past(self, start: int, depth: int) -> int:
        """Step behind the bracket that closes ``depth`` open ones and those that follow; return as `_string` does."""
        from spiritsafe.wire.brackets import Place, close  # noqa: PLC0415 - loads the compiler

        place, moved = Place(self._at, depth, 0), 0
        while True:
            place = close(self._buffer, place)
            self._at = place.at
            if place.depth <= 0:
                return moved
            moved += self._more(start - moved)
            place = place._replace(at=self._at)

    def _scalar(self) -> bytes:
        """Return what is neither object nor array: no record, but one to count and refuse."""
        while True:
            found = _SCALAR.match(self._buffer, self._at)
            end = found.end() if found else self._at + 1
            self._bound(end - self._at)
            if end < len(self._buffer) or end - self._at > _BLOCK or not self._read():
                break
        start, self._at = self._at, end
        return bytes(self._buffer[start:end])

    def _rest(self) -> None:
        """Step over what a document holds behind its array of records."""
        self._past(self._at, depth=self._inside)

    def _document(self) -> bytes | None:
        """Return the object that begins here; None if it wraps records, whose array then begins."""
        start, depth, outer = self._at, 0, b""
        while True:
            token = _TOKEN.search(self._buffer, self._at)
            if token is None:
                self._at = len(self._buffer)
                start -= self._more(start)
                continue
            self._at = token.end()
            mark = token[0][0]
            if mark == _QUOTE:
                name = self._at
                moved = self._string(start)
                start, name = start - moved, name - moved
                path = outer + bytes(self._buffer[name : self._at - 1])
                if depth == 1 + bool(outer) and path in self._within and self._next(_ARRAY_NEXT):
                    self._inside = depth
                    return None
                if depth == 1 and self._holds(path) and self._next(_OBJECT_NEXT):
                    depth, outer = depth + 1, path + b"."
            elif mark in _OPENING and depth:
                start -= self._past(start, depth=1)
            else:
                depth += 1 if mark in _OPENING else -1
                outer = outer if depth > 1 else b""
                if depth <= 0:
                    self._bound(self._at - start)
                    return bytes(self._buffer[start : self._at])

    def _holds(self, path: bytes) -> bool:
        return any(wanted.startswith(path + b".") for wanted in self._within)

    def _string(self, start: int) -> int:
        """Step behind the string whose quote was just passed; return by how much places have moved."""
        moved = 0
        while True:
            inside = _IN_STRING.match(self._buffer, self._at)
            self._at = inside.end() if inside else self._at
            if self._at < len(self._buffer) and self._buffer[self._at] == _QUOTE:
                self._at += 1
                return moved
            moved += self._more(start - moved)

    def _next(self, opening: re.Pattern[bytes]) -> bool:
        """Step into the array or object if one follows the name that was just passed."""
        while len(self._buffer) - self._at < _AHEAD and self._read():
            pass
        follows = opening.match(self._buffer, self._at)
        self._at = follows.end() if follows else self._at
        return follows is not None
