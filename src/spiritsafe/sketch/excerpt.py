"""The words behind segment hashes, while the text is still at hand: what a k-anonymous exemplar may keep.

It runs the scan's own tokeniser, so that a hash and its words cannot disagree.
"""

import re
from collections.abc import Mapping

import msgspec
import numpy as np

from spiritsafe.sketch.scan import keys_of
from spiritsafe.sketch.text import gather, normalise
from spiritsafe.sketch.tokens import scratch, tokenise
from spiritsafe.sketch.vocabulary import vocabulary

__all__ = ["MAX_CHARS", "excerpts", "exemplar", "mask", "read_exemplars", "write_exemplars"]

_HASHES = 2**64
MAX_CHARS = 400
"""Characters kept of one sentence."""
_URL = re.compile(r"\b(?:https?|ftp)://\S+")
_HEX = re.compile(r"\b(?:(?P<id>(?=[a-fA-F-]*+\d)[0-9a-fA-F][0-9a-fA-F-]{7,}\b)|[a-fA-F-]++(?!\d))")
"""Identifiers; and, to be put back as they are, runs without a digit, or each of their letters would begin anew."""
_DIGITS = re.compile(r"\d+")


def excerpts(text: str, key: bytes) -> list[tuple[int, str]]:
    r"""Return (segment hash, normalised words) of each segment of one text, in order, unmasked.

    >>> [words for _, words in excerpts("Think it over.  Then answer:\n2 + 2", b"key")]
    ['think it over', 'then answer', '2 + 2']
    """
    data, offsets = gather([text])
    size = int(offsets[-1])
    room, tokens = np.zeros(size + 2, np.uint8), scratch(size)
    length = normalise(data, 0, size, room)
    _, segments = tokenise(room, length, keys_of(key), vocabulary(), tokens)
    hashes = tokens.hashes[:segments].view(np.int64).tolist()
    return [
        (hashed, room[begin:end].tobytes().decode())
        for hashed, (begin, end) in zip(hashes, tokens.spans[:segments].tolist(), strict=True)
    ]


def exemplar(words: str) -> str:
    """Return what is kept of a sentence's words once enough organisations have sent it."""
    return mask(words)[:MAX_CHARS]


def mask(words: str) -> str:
    """Take out what the hash does not see, for it belongs to one sender: numbers, addresses, identifiers.

    >>> mask("Order 4711 at https://a.example/x")
    'Order 0 at <url>'
    """
    words = _URL.sub("<url>", words)
    words = _HEX.sub(lambda found: "<id>" if found["id"] else found[0], words)
    return _DIGITS.sub("0", words)


def write_exemplars(words: Mapping[int, str]) -> str:
    """Write sentences' words by their hash, as a column of a captured row tells them.

    >>> write_exemplars({-1: "think it over"})
    '{"ffffffffffffffff":"think it over"}'
    """
    return msgspec.json.encode({f"{key % _HASHES:016x}": text for key, text in words.items()}).decode()


def read_exemplars(cell: str) -> dict[int, str]:
    """Return what :func:`write_exemplars` wrote; nothing of a text in another form.

    >>> read_exemplars('{"ffffffffffffffff":"think it over"}'), read_exemplars("[]")
    ({-1: 'think it over'}, {})
    """
    try:
        told = msgspec.json.decode(cell, type=dict[str, str])
        return {int.from_bytes(bytes.fromhex(key), "big", signed=True): text for key, text in told.items()}
    except (msgspec.DecodeError, UnicodeError, ValueError):
        return {}
