"""Brings texts into one form: contiguous UTF-8, NFKC, case folded, white space collapsed.

ASCII rows, most of the traffic, never become Python objects: a kernel lowers them inside the Arrow
buffer. Only rows with other bytes take the Unicode detour, in pieces, because composing a long run of
combining marks is quadratic and an outsider chooses the text.
"""

import unicodedata
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, inlined, kernel
from spiritsafe.sketch.characters import read_char

__all__ = ["Texts", "as_binary", "buffers", "gather", "normalise"]

PIECE = 1024
"""Characters normalised at a time; marks beyond a piece's edge stay uncomposed, always at the same place."""

_SPACE, _NEWLINE = np.uint8(32), np.uint8(10)

Texts = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Bytes uint8[B] and offsets int64[N + 1] of N texts; a missing text is an empty one."""


def gather(texts: pa.Array | pa.ChunkedArray | Sequence[str | bytes | None]) -> Texts:
    """Return the texts as contiguous UTF-8, NFKC-normalised and case folded where they are not ASCII.

    Invalid UTF-8 and lone surrogates become U+FFFD, NUL bytes stay.

    Args:
        texts: N strings or byte strings; None counts as empty.
    """
    data, offsets = buffers(as_binary(texts))
    foreign = np.flatnonzero(_foreign_rows(data, offsets))
    return (data, offsets) if len(foreign) == 0 else _fold_rows(data, offsets, foreign)


def as_binary(texts: pa.Array | pa.ChunkedArray | Sequence[str | bytes | None]) -> pa.Array:
    """Return texts of any form as one large_binary array, nulls kept and nothing validated."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if not isinstance(texts, pa.Array):
        texts = pa.array([_encode(text) for text in texts], type=pa.large_binary())
    if pa.types.is_null(texts.type):
        return pa.array([None] * len(texts), type=pa.large_binary())
    if pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_decode()
    return texts.cast(pa.large_binary())


def _encode(text: str | bytes | None) -> bytes | None:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def buffers(array: pa.Array) -> Texts:
    """View a large_binary array; rows that are null are made empty, whatever bytes lie under them."""
    if array.null_count:
        array = array.fill_null(b"")
    if len(array) == 0:
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    content = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8)
    return content, starts


@kernel
def _foreign_rows(data: Array, offsets: Array) -> Array:
    """Return bool[N]: True for rows with a byte beyond ASCII."""
    foreign = np.zeros(len(offsets) - 1, np.bool_)
    for row in range(len(foreign)):
        for at in range(offsets[row], offsets[row + 1]):
            if data[at] >= 128:
                foreign[row] = True
                break
    return foreign


def _fold(raw: bytes) -> bytes:
    text = raw.decode("utf-8", "replace")
    pieces = (text[at : at + PIECE] for at in range(0, len(text), PIECE))
    return "".join(unicodedata.normalize("NFKC", piece) for piece in pieces).casefold().encode()


def _fold_rows(data: NDArray[np.uint8], offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> Texts:
    """Rebuild the buffer with the given rows folded; the rest is copied as it is."""
    parts: list[bytes | memoryview] = []
    whole = memoryview(data.tobytes())
    lengths = np.diff(offsets)
    done = 0
    for row in rows.tolist():
        parts.append(whole[offsets[done] : offsets[row]])
        folded = _fold(bytes(whole[offsets[row] : offsets[row + 1]]))
        parts.append(folded)
        lengths[row] = len(folded)
        done = row + 1
    parts.append(whole[offsets[done] : offsets[-1]])
    joined = np.frombuffer(b"".join(parts), np.uint8)
    return joined, np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


@inlined
def _is_ignorable(char: int) -> bool:
    """Zero-width, direction, variation and tag characters: invisible, so they must not change a hash."""
    return (
        char == 0xAD
        or 0x200B <= char <= 0x200F
        or 0x202A <= char <= 0x202E
        or 0x2060 <= char <= 0x206F
        or 0xFE00 <= char <= 0xFE0F
        or char == 0xFEFF
        or 0xE0000 <= char <= 0xE01EF
    )


@kernel
def normalise(data: Array, begin: int, end: int, out: Array) -> int:
    """Write ``data[begin:end]`` lowered and with white space collapsed into ``out``; return the length.

    A run of white space becomes one newline if it holds one, else one space; none is kept at the ends.
    """
    length, gap = 0, np.uint8(0)
    at = begin
    while at < end:
        byte = data[at]
        if 32 < byte < 0x80:  # most of any text, and nothing to decide
            if gap and length:
                out[length] = gap
                length += 1
            gap = np.uint8(0)
            out[length] = byte + np.uint8(32) if 65 <= byte <= 90 else byte
            length += 1
            at += 1
            continue
        char, size = read_char(data, at, end)
        if char == 32 or 9 <= char <= 13 or 0x1C <= char <= 0x1F or char == 0x85 or char in (0x2028, 0x2029):
            newline = char == 10 or char == 13 or char >= 0x85  # noqa: PLR1714  (a tuple is slower here)
            gap = _NEWLINE if newline or gap == _NEWLINE else _SPACE
        elif size == 1 or not _is_ignorable(char):
            if gap and length:
                out[length] = gap
                length += 1
            gap = np.uint8(0)
            for i in range(size):
                out[length] = data[at + i]
                length += 1
        at += size
    return length
