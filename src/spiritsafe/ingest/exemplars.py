"""K-anonymous exemplars: a template's words are kept once enough organisations have sent them.

An investigator must be able to read what a group asked. A sentence that five organisations sent is
nobody's secret; one that a single customer sent is his. The words are taken at the moment the count is
reached, from the batch at hand, for the text cannot be consulted later.
"""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spiritsafe.ingest.chunk import Chunk
from spiritsafe.sketch.excerpt import excerpts
from spiritsafe.sketch.sketches import SEGMENT_SYSTEM, Sketches
from spiritsafe.sketch.templates import Assignment

__all__ = ["MAX_CHARS", "Exemplars", "mask"]

MAX_CHARS = 400
"""Characters kept of one sentence."""
_SEARCHED = 20_000
_URL = re.compile(r"\b(?:https?|ftp)://\S+")
_HEX = re.compile(r"\b(?=[0-9a-fA-F-]*\d)[0-9a-fA-F][0-9a-fA-F-]{7,}\b")
_DIGITS = re.compile(r"\d+")


class Exemplars:
    """Remembers which sentences have their words already.

    Args:
        organisations: how many must have sent a sentence.
        known: rows of the table ``sentences``.
        key: under which texts are hashed.
    """

    def __init__(self, organisations: int, known: pa.Table, key: bytes) -> None:
        self._least, self._key = organisations, key
        told = known.filter(pc.greater(pc.utf8_length(known.column("words")), 0))
        self._told = set(told.column("sentence").to_pylist())

    def keep(self, chunk: Chunk, sketches: Sketches, assigned: Assignment) -> pa.Table:
        """Return the batch's rows of ``sentences`` with the words of those that may now be told."""
        rows = assigned.sentences
        senders = np.asarray(pc.list_value_length(rows.column("senders")).to_numpy())
        hashes = rows.column("sentence").to_numpy()
        ripe = np.flatnonzero((senders >= self._least) & np.isin(hashes, sketches.segment_hash[assigned.in_template]))
        words = [""] * len(rows)
        for row in ripe.tolist():
            sentence = int(hashes[row])
            if sentence not in self._told and (found := self._find(chunk, sketches, sentence)):
                words[row] = found
                self._told.add(sentence)
        return rows.append_column("words", pa.array(words, pa.string()))

    def _find(self, chunk: Chunk, sketches: Sketches, sentence: int) -> str:
        """Return the sentence's words from the first exchange of the batch that holds it, '' if it cannot be cut."""
        at = int(np.flatnonzero(sketches.segment_hash == sentence)[0])
        row = int(np.searchsorted(sketches.offsets, at, side="right")) - 1
        system = bool(sketches.segment_flags[at] & SEGMENT_SYSTEM)
        text = chunk.column("system_prompt" if system else "prompt")[row].as_py() or ""
        for hashed, words in excerpts(text[:_SEARCHED], self._key):
            if hashed == sentence:
                return mask(words)[:MAX_CHARS]
        return ""


def mask(words: str) -> str:
    """Take out what the hash does not see, for it belongs to one sender: numbers, addresses, identifiers.

    >>> mask("Order 4711 at https://a.example/x")
    'Order 0 at <url>'
    """
    words = _URL.sub("<url>", words)
    words = _HEX.sub("<id>", words)
    return _DIGITS.sub("0", words)
