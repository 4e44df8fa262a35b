"""Stretches of whole records from a byte stream, one per line, bounded in records and in bytes.

JSON that is one array, or spread over lines, is brought into the same shape: a newline never stands inside a
JSON string, so any that stands in a record may as well be a space. Then every reader of JSON has one loop.
"""

import re
from collections.abc import Iterator
from io import BufferedReader

import msgspec

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.readers.content import metered, opened
from spiritsafe.ingest.readers.frames import values
from spiritsafe.ingest.sources import Source
from spiritsafe.model.errors import InputError

__all__ = ["filled", "stretches", "wraps"]

_BOM = b"\xef\xbb\xbf"
_BLOCK = 8 << 20
_PEEK = 1 << 16


def filled(lines: bytes) -> list[bytes]:
    r"""Return the lines that are not blank.

    >>> filled(b"a\n \r\nb")
    [b'a', b'b']
    """
    return [line for line in lines.split(b"\n") if line.strip()]


def stretches(source: Source, limits: Limits, within: frozenset[str] = frozenset()) -> Iterator[bytes]:
    """Yield the file's records, one per line, at most ``limits.rows`` at a time and never a part of one.

    Args:
        source: JSON of any framing: an object per line, one array, objects over several lines.
        limits: bounds on a stretch and on a record.
        within: names of arrays of records that a document may wrap.

    Raises:
        InputError: a record is longer than ``limits.record_bytes``, or the file cannot be read.
    """
    spread = _spread(source, limits, within)
    with opened(source, limits) as content:
        yield from (_joined(content, source, limits, within) if spread else _lines(content, source, limits))


def _spread(source: Source, limits: Limits, within: frozenset[str]) -> bool:
    """Tell whether records are something else than a line each."""
    with opened(source, limits) as content:
        head = content.read(_PEEK).removeprefix(_BOM).lstrip()
        if b"\n" not in head and wraps(head, within):  # the first line of many, or all there is
            ends = content.readline(limits.record_bytes).endswith(b"\n")
            return not (ends and content.read(_PEEK).lstrip().startswith(b"{"))
    if not head.startswith(b"{"):
        return head.startswith(b"[")
    line, newline, rest = head.partition(b"\n")
    if wraps(head, within) and (not rest.strip() or not _is_json(line)):
        return True
    return bool(newline) and not _is_json(line) and _begins_with_json(source, limits)


def wraps(head: bytes, within: frozenset[str]) -> bool:
    """Tell by a file's first bytes whether a document begins there that wraps one of these arrays."""
    return bool(within) and _wrapper(within).match(head) is not None


def _wrapper(within: frozenset[str]) -> re.Pattern[bytes]:
    paths = [tuple(map(re.escape, name.encode().split(b"."))) for name in sorted(within)]
    names = b"|".join(rb'"%b"\s*:\s*%b' % (path[0], rb"\[" if len(path) == 1 else rb"\{") for path in paths)
    scalar = rb'"\w*"\s*:\s*(?:"[^"\\]*"|[\w.+-]+)\s*,\s*'
    return re.compile(rb"\{\s*(?:" + scalar + rb")*(?:" + names + rb")")


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)  # no object is made of it
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _begins_with_json(source: Source, limits: Limits) -> bool:
    try:
        with opened(source, limits) as content:
            return _is_json(next(values(content, limits, source.name)))
    except InputError:
        return False


def _joined(content: BufferedReader, source: Source, limits: Limits, within: frozenset[str]) -> Iterator[bytes]:
    parts: list[bytes] = []
    held = 0
    for value in values(content, limits, source.name, within):
        parts.append(value.replace(b"\n", b" "))
        held += len(value)
        if len(parts) >= limits.rows or held >= min(_BLOCK, limits.batch_bytes):
            metered(content, source)
            yield b"\n".join(parts)
            parts, held = [], 0
    metered(content, source)
    if parts:
        yield b"\n".join(parts)


def _lines(content: BufferedReader, source: Source, limits: Limits) -> Iterator[bytes]:
    tail = bytearray(content.read(len(_BOM)).removeprefix(_BOM))  # grows without a copy per block
    while block := content.read(min(_BLOCK, limits.batch_bytes)):
        metered(content, source)
        end = block.rfind(b"\n") + 1
        if end:
            yield from _parts(bytes(tail) + block[:end], limits.rows)
            tail = bytearray(block[end:])
        else:
            tail += block
        if len(tail) > limits.record_bytes:
            raise InputError(
                f"a line is longer than {limits.record_bytes} bytes",
                file=source.name,
                hint="Check that records end with a newline.",
            )
    yield from _parts(bytes(tail), limits.rows)


def _parts(lines: bytes, rows: int) -> Iterator[bytes]:
    if lines.removesuffix(b"\n").count(b"\n") < rows:
        if lines.strip():
            yield lines
        return
    apart = filled(lines)
    for start in range(0, len(apart), rows):
        yield b"\n".join(apart[start : start + rows])
