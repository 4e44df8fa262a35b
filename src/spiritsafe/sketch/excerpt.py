"""The words behind segment hashes, while the text is still at hand: what a k-anonymous exemplar may keep.

It runs the scan's own tokeniser, so that a hash and its words cannot disagree.
"""

import numpy as np

from spiritsafe.sketch.scan import keys_of
from spiritsafe.sketch.text import gather, normalise
from spiritsafe.sketch.tokens import scratch, tokenise
from spiritsafe.sketch.vocabulary import vocabulary

__all__ = ["excerpts"]


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
