"""K-anonymous exemplars: a template's words are kept once enough organisations have sent them.

An investigator must be able to read what a group asked. A sentence that five organisations sent is
nobody's secret; one that a single customer sent is his. The words are taken at the moment the count is
reached, from the batch at hand, for the text cannot be consulted later. A gateway that keeps texts to itself counts for
itself, and tells the words in a column.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.ingest.chunk import Chunk
from spiritsafe.ingest.told import told_exemplars
from spiritsafe.sketch.excerpt import excerpts, exemplar
from spiritsafe.sketch.sketches import SEGMENT_SYSTEM, Sketches
from spiritsafe.sketch.templates import Assignment

__all__ = ["Exemplars"]

_SEARCHED = 20_000


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
        fresh = [row for row in ripe.tolist() if int(hashes[row]) not in self._told]
        found = self._found(chunk, sketches, hashes[fresh])
        for row in fresh:
            words[row] = found.get(int(hashes[row]), "")
        self._told.update(found)
        return rows.append_column("words", pa.array(words, pa.string()))

    def _found(self, chunk: Chunk, sketches: Sketches, sentences: NDArray[np.int64]) -> dict[int, str]:
        """Return the words of sentences from the first exchange that holds each; left out is what cannot be cut.

        A text is cut once however many sentences it is the first to hold.
        """
        distinct, first = np.unique(sketches.segment_hash, return_index=True)
        at = first[np.searchsorted(distinct, sentences)]
        rows = np.searchsorted(sketches.offsets, at, side="right") - 1
        system = (sketches.segment_flags[at] & SEGMENT_SYSTEM) > 0
        wanted: dict[tuple[int, bool], set[int]] = {}
        for sentence, row, of_system in zip(sentences.tolist(), rows.tolist(), system.tolist(), strict=True):
            wanted.setdefault((row, of_system), set()).add(sentence)
        found = told_exemplars(chunk, set(sentences.tolist()))
        for (row, of_system), here in wanted.items():
            text = chunk.column("system_prompt" if of_system else "prompt")[row].as_py() or ""
            said = dict(reversed(excerpts(text[:_SEARCHED], self._key)))  # of two that are alike, the first
            found |= {sentence: told for sentence in here if (told := exemplar(said.get(sentence, "")))}
        return found
