"""Stretches of whole lines from a byte stream, bounded in lines and in bytes.

Apart from JSONL, whose only user it is, because the arithmetic of block ends deserves tests of its own.
"""

from collections.abc import Iterator

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.readers.content import metered, opened
from spiritsafe.ingest.sources import Source
from spiritsafe.model.errors import InputError

__all__ = ["filled", "stretches"]

_BOM = b"\xef\xbb\xbf"
_BLOCK = 8 << 20


def filled(lines: bytes) -> list[bytes]:
    r"""Return the lines that are not blank.

    >>> filled(b"a\n \r\nb")
    [b'a', b'b']
    """
    return [line for line in lines.split(b"\n") if line.strip()]


def stretches(source: Source, limits: Limits) -> Iterator[bytes]:
    """Yield the file's lines, at most ``limits.rows`` at a time and never a part of one.

    Raises:
        InputError: a line is longer than ``limits.record_bytes``, or the file cannot be read.
    """
    with opened(source, limits) as content:
        tail = content.read(len(_BOM)).removeprefix(_BOM)
        while block := content.read(min(_BLOCK, limits.batch_bytes)):
            metered(content, source)
            end = block.rfind(b"\n") + 1
            if end:
                yield from _parts(tail + block[:end], limits.rows)
                tail = block[end:]
            else:
                tail += block
            if len(tail) > limits.record_bytes:
                raise InputError(
                    f"a line is longer than {limits.record_bytes} bytes",
                    file=source.name,
                    hint="Check that records end with a newline.",
                )
        yield from _parts(tail, limits.rows)


def _parts(lines: bytes, rows: int) -> Iterator[bytes]:
    if lines.removesuffix(b"\n").count(b"\n") < rows:
        if lines.strip():
            yield lines
        return
    apart = filled(lines)
    for start in range(0, len(apart), rows):
        yield b"\n".join(apart[start : start + rows])
