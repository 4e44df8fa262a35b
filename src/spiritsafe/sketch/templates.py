"""Which template each exchange was made from, and what is its body.

A sentence that five different requests share is template-like; the requests that share a set of them
share a template. The batch is counted before it is assigned, so the first batch knows its own templates.

Ids stay. A template's id is the keyed hash of its *set* of sentences, whatever the order in which they
were considered; sentences are ordered by the power of two of their count, so that two of them change
places rarely; and a set that was a template once passes every later threshold.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spiritsafe.sketch.bodies import Bodies, bodies_of
from spiritsafe.sketch.bottomk import BottomK
from spiritsafe.sketch.hashing import Purpose, derive
from spiritsafe.sketch.refine import Groups, Support, Thresholds, refine, template_ids
from spiritsafe.sketch.rowmap import ABSENT, RowMap
from spiritsafe.sketch.ragged import offsets_of, ragged_list, spans
from spiritsafe.sketch.sentences import SENDERS_KEPT, Recurrence, Requests, SentenceCounts
from spiritsafe.sketch.sketches import Sketches

__all__ = ["NO_TEMPLATE", "Assignment", "TemplateIndex"]

NO_TEMPLATE = 0


@dataclass(frozen=True, slots=True)
class Assignment:
    """Templates and bodies of N exchanges, and what the batch adds to the stored tables.

    Attributes:
        template: int64[N] id, `NO_TEMPLATE` where there is none.
        bodies: hash, projection and words of what the template leaves over.
        in_template: bool[M] per segment of the sketches.
        sentences: rows to merge into the table ``sentences`` (sentence, n, instances, senders).
        templates: rows to merge into ``templates`` (template, n, senders, sentences, signature, public_sketch).
    """

    template: NDArray[np.int64]
    bodies: Bodies
    in_template: NDArray[np.bool_]
    sentences: pa.Table
    templates: pa.Table


class TemplateIndex:
    """The state of template assignment: sentence counts and the templates known so far."""

    def __init__(self, key: bytes, thresholds: Thresholds | None = None) -> None:
        self._key = key
        self._set_key = derive(key, Purpose.TEMPLATE)
        self._thresholds = thresholds or Thresholds()
        self._sentences = SentenceCounts()
        self._ids = RowMap()
        self._n = np.zeros(0, np.int64)
        self._known = np.zeros(0, np.bool_)
        self._senders = BottomK(SENDERS_KEPT)

    def load(self, sentences: pa.Table, templates: pa.Table) -> None:
        """Add what earlier runs stored."""
        self._sentences.load(sentences)
        lists = templates["sentences"].combine_chunks()
        members, offsets = lists.flatten().to_numpy(), offsets_of(np.diff(lists.offsets.to_numpy()))
        rows = self._add(template_ids(members, offsets, self._set_key))
        self._known[rows] = True
        self._count(*self._prefixes(members, offsets, templates["n"].to_numpy()))

    def assign(self, sketches: Sketches, sender: NDArray[np.int64]) -> Assignment:
        """Count a batch, then give every exchange its template.

        Args:
            sketches: N exchanges, all under this index's key.
            sender: int64[N] hash of who sent each: its organisation, or its account where that is unknown.
        """
        requests, first, request_of = _distinct(sketches, sender)
        counts = np.diff(sketches.offsets).astype(np.int64)
        segments = spans(sketches.offsets[first].astype(np.int64), counts[first])
        owner = np.repeat(np.arange(len(first)), counts[first])
        seen = self._sentences.update(sketches.segment_hash[segments], owner, requests)
        groups = self._refine(seen, len(first))
        self._count(groups.tried, groups.tried_n)
        marks = np.append(groups.accepted, False)[seen.pair]
        in_template = marks[spans(offsets_of(counts[first])[request_of], counts)]
        return Assignment(
            template=groups.template[groups.group][request_of],
            bodies=bodies_of(sketches, in_template, derive(self._key, Purpose.BODY)),
            in_template=in_template,
            sentences=self._sentences.table(seen.row, np.diff(seen.offsets)),
            templates=self._store(groups, requests, sketches.take(first)),
        )

    def _add(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = self._ids.add(ids)
        missing = len(self._ids) - len(self._n)
        if missing > 0:
            room = (1 << len(self._ids).bit_length()) - len(self._n)
            self._n = np.concatenate([self._n, np.zeros(room, np.int64)])
            self._known = np.concatenate([self._known, np.zeros(room, np.bool_)])
        return rows

    def _count(self, ids: NDArray[np.int64], n: NDArray[np.int64]) -> None:
        distinct, where = np.unique(ids, return_inverse=True)
        rows = self._add(distinct)
        self._n[rows] += np.bincount(where, n, len(distinct)).astype(np.int64)

    def _order(self, rows: NDArray[np.int64], sentence: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the order of refinement: by power of two of the count, largest first, then by hash."""
        level = np.frexp(self._sentences.n(rows).astype(np.float64))[1]
        return np.lexsort((sentence, -level))

    def _refine(self, seen: Recurrence, requests: int) -> Groups:
        """Group the requests by the sentences that are template-like, in the order of refinement."""
        alike = np.flatnonzero(self._sentences.distinct(seen.row) >= self._thresholds.instances)
        alike = alike[self._order(seen.row[alike], seen.sentence[alike])]
        counts = np.diff(seen.offsets)[alike]
        pairs = spans(seen.offsets[alike], counts)
        support = Support(self._ids, self._n, self._known)
        groups = refine(
            seen.sentence[alike],
            offsets_of(counts),
            seen.request[pairs],
            requests,
            support,
            self._set_key,
            self._thresholds,
        )
        accepted = np.zeros(len(seen.request), np.bool_)
        accepted[pairs] = groups.accepted
        return groups._replace(accepted=accepted)

    def _prefixes(
        self, members: NDArray[np.int64], offsets: NDArray[np.int64], n: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ids of every stored template's ancestors and itself, each with the template's count."""
        counts = np.diff(offsets)
        owner = np.repeat(np.arange(len(counts)), counts)
        level = np.frexp(self._sentences.n_of(members).astype(np.float64))[1]
        ordered = members[np.lexsort((members, -level, owner))]
        depth = spans(np.ones_like(counts), counts)
        flat = ordered[spans(np.repeat(offsets[:-1], counts), depth)]
        return template_ids(flat, offsets_of(depth), self._set_key), np.repeat(n, counts)

    def _store(self, groups: Groups, requests: Requests, sketches: Sketches) -> pa.Table:
        """Return the rows of the templates in use; they are known from now on."""
        used, group = np.unique(groups.group, return_inverse=True)
        start = int(used[0] == 0) if len(used) else 0
        rows = self._add(groups.template[used[start:]])
        self._known[rows] = True
        self._senders.grow(len(self._ids))
        which, senders = requests.senders_of(np.flatnonzero(groups.group))
        self._senders.insert(rows[group[groups.group > 0] - start][which], senders)
        first = _representatives(groups.group, requests.instance)[used[start:]]
        sets = [_path(groups, g) for g in used[start:].tolist()]
        return pa.table(
            {
                "template": groups.template[used[start:]],
                "n": np.bincount(group, minlength=len(used))[start:],
                "senders": ragged_list(self._senders.at(rows)),
                "sentences": pa.array(sets, pa.list_(pa.int64())),
                "signature": pa.array(list(sketches.signature[first].astype(np.int64)), pa.list_(pa.int64())),
                "public_sketch": pa.array(list(sketches.public[first].astype(np.int64)), pa.list_(pa.int64())),
            }
        )


def _distinct(sketches: Sketches, sender: NDArray[np.int64]) -> tuple[Requests, NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct requests, the first exchange of each, and the request of every exchange.

    Segments count along with the instance hash: a stored sketch may claim any instance.
    """
    summed = np.concatenate([np.zeros(1, np.int64), np.cumsum(sketches.segment_hash, dtype=np.int64)])
    content = summed[sketches.offsets[1:]] - summed[sketches.offsets[:-1]]
    identity = sketches.instance ^ (content * np.int64(0x5851F42D4C957F2D)) ^ np.diff(sketches.offsets)
    _, first, request_of = np.unique(identity, return_index=True, return_inverse=True)
    pairs = np.unique(np.stack([request_of, sender], axis=1), axis=0)
    offsets = np.searchsorted(pairs[:, 0], np.arange(len(first) + 1))
    return Requests(sketches.instance[first], offsets, pairs[:, 1].copy()), first, request_of


def _representatives(group: NDArray[np.int64], instance: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return per group number its request with the smallest instance hash, whatever the batch's order."""
    order = np.lexsort((instance, group))
    first = np.full(int(group.max(initial=0)) + 1, ABSENT, np.int64)
    first[group[order][::-1]] = order[::-1]
    return first


def _path(groups: Groups, group: int) -> list[int]:
    """Return the sorted sentences of a group: its own and its ancestors'."""
    members = []
    while group:
        members.append(int(groups.sentence[group]))
        group = int(groups.parent[group])
    return sorted(members)
