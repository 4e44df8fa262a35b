"""A file's bytes, unpacked where they are gzip, with a bound on how far they may inflate.

Kept apart from the formats because both line formats need it, and a bomb must be defused in one place.
Source: RFC 1952.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.sources import Source
from spiritsafe.model.errors import InputError

__all__ = ["GZIP", "is_gzip", "metered", "opened"]

GZIP = b"\x1f\x8b"


class _Inflated(io.RawIOBase):
    """Inflated gzip content that ends in an InputError rather than in an endless or broken stream."""

    def __init__(self, packed: BinaryIO, source: Source, limits: Limits) -> None:
        self.packed = packed
        self._stream = gzip.GzipFile(fileobj=packed)
        self._source = source
        self._left = max(limits.inflation_floor, limits.inflation * source.size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)
        try:
            data = self._stream.read(len(view))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(
                f"the gzip data is damaged or cut off: {error}",
                file=self._source.name,
                hint="Copy or export the file again; 'gzip -t' must accept it.",
            ) from error
        self._left -= len(data)
        if self._left < 0:
            raise InputError(
                "the gzip data inflates beyond the bound for its size, as a decompression bomb does",
                file=self._source.name,
                hint="If the file is honest, unpack it first and read the unpacked file.",
            )
        view[: len(data)] = data
        return len(data)


def is_gzip(file: io.BufferedReader) -> bool:
    """Tell gzip by its first bytes; the position stays."""
    return file.peek(2)[:2] == GZIP


def metered(content: io.BufferedReader, source: Source) -> None:
    """Move the source's meter to where its content has been read, in bytes on disk."""
    raw = content.raw
    at = raw.packed.tell() if isinstance(raw, _Inflated) else content.tell()
    source.meter.share = min(at / max(source.size, 1), 1.0)


@contextmanager
def opened(source: Source, limits: Limits) -> Iterator[io.BufferedReader]:
    """Open a file for reading, unpacked if it is gzip (told by its first bytes, not by its name).

    Raises:
        InputError: it cannot be opened; reading raises it for damaged or boundless gzip.
    """
    try:
        with source.path.open("rb") as file:
            if is_gzip(file):
                yield io.BufferedReader(_Inflated(file, source, limits), 1 << 18)
            else:
                yield file
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror or error}",
            file=source.name,
            hint="Check that the file is there, that you may read it, and that the disk is sound.",
        ) from error
