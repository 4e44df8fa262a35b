"""The templates known so far: what each consists of, who sent it, and which others are the same but for a word.

A template is compared by the projection of its own words, so that an account's name in it, or a synonym
exchanged to escape, does not make another template. Only the last `COMPARED` templates are looked through:
whoever floods the catalogue gains a template more, not quadratic time.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spiritsafe.sketch.bottomk import BottomK
from spiritsafe.sketch.minhash import BINS
from spiritsafe.sketch.projection import PROJECTION_DIM
from spiritsafe.sketch.ragged import ragged_list
from spiritsafe.sketch.rowmap import ABSENT, RowMap
from spiritsafe.sketch.sentences import SENDERS_KEPT

__all__ = ["Catalogue"]

SAME_COSINE = 0.92
"""Cosine of two templates' words from which they are one; one content word of twelve changed gives .92."""
SAME_LENGTH = 0.75
"""Least ratio of their projections' lengths."""
COMPARED = 4096
T = TypeVar("T", bound=np.generic)


class Catalogue:
    """Known templates by id."""

    def __init__(self) -> None:
        self._rows = RowMap()
        self._same_as: dict[int, int] = {}
        self._vectors = np.zeros((0, PROJECTION_DIM))
        self._signatures = np.zeros((0, BINS), np.uint32)
        self._public: list[NDArray[np.int64]] = []
        self._sentences: list[list[int]] = []
        self._senders = BottomK(SENDERS_KEPT)

    def load(self, table: pa.Table) -> None:
        """Add stored templates."""
        signature = np.array(table["signature"].to_pylist(), np.int64).reshape(-1, BINS + PROJECTION_DIM)
        self._append(
            table["template"].to_numpy(),
            table["sentences"].to_pylist(),
            signature[:, BINS:].astype(np.float64),
            signature[:, :BINS].astype(np.uint32),
            [np.array(public, np.int64) for public in table["public_sketch"].to_pylist()],
        )

    def slotted(self) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Return ids and signatures of the templates that have no sentence, only resemblance."""
        rows = np.flatnonzero([not members for members in self._sentences])[-COMPARED:]
        return self._rows.hashes[rows], self._signatures[rows]

    def vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return float64[N, 64], the projection of each known template's own words."""
        return self._vectors[self._rows.find(ids)]

    def admit(
        self,
        ids: NDArray[np.int64],
        sentences: Sequence[list[int]],
        vectors: NDArray[np.float64],
        signatures: NDArray[np.uint32],
        public: NDArray[np.uint16],
    ) -> NDArray[np.int64]:
        """Return the id under which each template is known; a new one joins a near copy or is added.

        Args:
            ids: int64[T] distinct ids.
            sentences: the sentences of each, empty for a cluster.
            vectors: float64[T, 64] projections of their own words.
            signatures: uint32[T, 128] of a request made from each.
            public: uint16[T, 64] likewise.
        """
        known = self._rows.find(ids) != ABSENT
        for i in np.flatnonzero(~known).tolist():
            template = int(ids[i])
            if template not in self._same_as:
                near = self._near(vectors[i]) if sentences[i] else None
                self._same_as[template] = template if near is None else near
                if near is None:
                    one = slice(i, i + 1)
                    shared = [public[i].astype(np.int64)]
                    self._append(ids[one], sentences[i : i + 1], vectors[one], signatures[one], shared)
        return np.array([self._same_as.get(template, template) for template in ids.tolist()], np.int64)

    def table(self, ids: NDArray[np.int64], n: NDArray[np.int64]) -> pa.Table:
        """Return the known templates as the table ``templates`` stores them, ``n`` being what to add."""
        rows = self._rows.find(ids)
        signature = np.concatenate([self._signatures[rows].astype(np.int64), np.rint(self._vectors[rows])], axis=1)
        lists = pa.list_(pa.int64())
        return pa.table(
            {
                "template": ids,
                "n": n,
                "senders": ragged_list(self._senders.at(rows)),
                "sentences": pa.array([self._sentences[row] for row in rows.tolist()], lists),
                "signature": pa.array(list(signature.astype(np.int64)), lists),
                "public_sketch": pa.array([self._public[row] for row in rows.tolist()], lists),
            }
        )

    def send(self, ids: NDArray[np.int64], sender: NDArray[np.int64]) -> None:
        """Note that ``sender[i]`` used template ``ids[i]``."""
        self._senders.insert(self._rows.find(ids), sender)

    def _append(
        self,
        ids: NDArray[np.int64],
        sentences: Sequence[list[int]],
        vectors: NDArray[np.float64],
        signatures: NDArray[np.uint32],
        public: Sequence[NDArray[np.int64]],
    ) -> None:
        self._rows.add(ids)
        before, size = len(self._sentences), len(self._sentences) + len(ids)
        self._vectors, self._signatures = _roomy(self._vectors, size), _roomy(self._signatures, size)
        self._vectors[before:size], self._signatures[before:size] = np.rint(vectors), signatures
        self._public.extend(public)
        self._sentences.extend(sentences)
        self._senders.grow(len(self._rows))

    def _near(self, vector: NDArray[np.float64]) -> int | None:
        """Return the id of the most similar recent template, None if none is the same but for a word."""
        known = len(self._sentences)
        others = self._vectors[max(known - COMPARED, 0) : known]
        norms, own = np.linalg.norm(others, axis=1), float(np.linalg.norm(vector))
        cosine = others @ vector / np.maximum(norms * own, 1e-9)
        short = np.minimum(norms, own) < SAME_LENGTH * np.maximum(norms, own)
        cosine[short] = 0
        if len(cosine) == 0 or cosine.max() < SAME_COSINE:
            return None
        return int(self._rows.hashes[known - len(others) + int(cosine.argmax())])


def _roomy(rows: NDArray[T], size: int) -> NDArray[T]:
    """Return the array itself, or one of twice the rows, so that a flood of templates does not copy all at each."""
    if size <= len(rows):
        return rows
    wider = np.zeros((1 << size.bit_length(), *rows.shape[1:]), rows.dtype)
    wider[: len(rows)] = rows
    return wider
