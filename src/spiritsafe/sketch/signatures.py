"""MinHash signatures alone, for whoever compares texts and needs nothing else of them.

What `spiritsafe.sketch.scan` writes beside segments and classes, from the same tokens: a signature made here
equals the one in a sketch.
"""

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, kernel
from spiritsafe.sketch.minhash import BINS, PUBLIC_BINS, sign
from spiritsafe.sketch.scan import TEXT_LIMIT, keys_of, shorten
from spiritsafe.sketch.text import Texts, normalise
from spiritsafe.sketch.tokens import Keys, Tokens, scratch, tokenise
from spiritsafe.sketch.vocabulary import Vocabulary, vocabulary

__all__ = ["signatures"]


@kernel
def _sign_rows(
    data: Array,
    offsets: Array,
    text: Array,
    keys: Keys,
    words: Vocabulary,
    tokens: Tokens,
    keyed: Array,
    public: Array,
    limit: int,
) -> None:
    for row in range(len(offsets) - 1):
        length = shorten(text, normalise(data, offsets[row], offsets[row + 1], text), limit)
        n, _ = tokenise(text, length, keys, words, tokens)
        sign(tokens, n, keyed[row], public[row])


def signatures(texts: Texts, key: bytes) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
    """Return the keyed uint32[N, 128] and the public uint16[N, 64] signatures of N texts.

    Args:
        texts: see `spiritsafe.sketch.text.gather`.
        key: secret of any length; keyed signatures made under two keys cannot be compared.
    """
    data, offsets = texts
    longest, rows = int(np.diff(offsets).max(initial=0)), len(offsets) - 1
    keyed, public = np.empty((rows, BINS), np.uint32), np.empty((rows, PUBLIC_BINS), np.uint16)
    text, tokens = np.zeros(longest + 2, np.uint8), scratch(min(longest, TEXT_LIMIT))
    _sign_rows(data, offsets, text, keys_of(key), vocabulary(), tokens, keyed, public, TEXT_LIMIT)
    return keyed, public
