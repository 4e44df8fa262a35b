"""Which template each exchange was made from, and what is its body.

A sentence that five different requests share is template-like; the requests that share a set of them
share a template. Templates whose slots lie inside a sentence are found by resemblance of the whole prompt.
The batch is counted before it is assigned, so the first batch knows its own templates.

Ids stay. A template's id is the keyed hash of its *set* of sentences, whatever the order in which they
were considered; the order rarely changes (`spiritsafe.sketch.support.order_of`); a set that was a template
once passes every later threshold; and a near copy joins the template that was there first.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spiritsafe.sketch.bodies import Bodies, bodies_of, sum_projections
from spiritsafe.sketch.catalogue import Catalogue
from spiritsafe.sketch.clusters import cluster
from spiritsafe.sketch.hashing import Purpose, derive, hash_pairs
from spiritsafe.sketch.projection import PROJECTION_DIM
from spiritsafe.sketch.ragged import offsets_of, spans
from spiritsafe.sketch.refine import Groups, Thresholds, refine
from spiritsafe.sketch.rowmap import ABSENT
from spiritsafe.sketch.sentences import Recurrence, Requests, SentenceCounts
from spiritsafe.sketch.sketches import Sketches
from spiritsafe.sketch.support import Support, order_of

__all__ = ["NO_TEMPLATE", "Assignment", "TemplateIndex"]

NO_TEMPLATE = 0
LEAST_WORDS = 6
"""Shorter prompts resemble each other by chance."""


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
        self._body_key = derive(key, Purpose.BODY)
        self._cluster_key = derive(key, Purpose.CLUSTER)
        self._thresholds = thresholds or Thresholds()
        self._sentences = SentenceCounts()
        self._support = Support(derive(key, Purpose.TEMPLATE))
        self._catalogue = Catalogue()

    def load(self, sentences: pa.Table, templates: pa.Table) -> None:
        """Add what earlier runs stored."""
        self._sentences.load(sentences)
        self._catalogue.load(templates)
        lists = templates["sentences"].combine_chunks()
        members, offsets = lists.flatten().to_numpy(), offsets_of(np.diff(lists.offsets.to_numpy()))
        self._support.load(members, offsets, templates["n"].to_numpy(), self._sentences.n_of(members))

    def assign(self, sketches: Sketches, sender: NDArray[np.int64]) -> Assignment:
        """Count a batch, then give every exchange its template.

        Args:
            sketches: N exchanges, all under this index's key.
            sender: int64[N] hash of who sent each: its organisation, or its account where that is unknown.
        """
        requests, first, request_of = _distinct(sketches, sender)
        distinct = sketches.take(first)
        seen = self._sentences.update(distinct.segment_hash, distinct.owner, requests)
        groups = self._refine(seen, len(first))
        marks = np.append(groups.accepted, False)[seen.pair]
        template = self._by_sentences(groups, distinct, requests.instance, marks)
        self._by_resemblance(template, distinct, requests.instance)
        in_template = marks[spans(distinct.offsets.astype(np.int64)[request_of], np.diff(sketches.offsets))]
        bodies = bodies_of(sketches, in_template, self._body_key)
        return Assignment(
            template=template[request_of],
            bodies=self._without_slotted(bodies, template[request_of]),
            in_template=in_template,
            sentences=self._sentences.table(seen.row, np.diff(seen.offsets)),
            templates=self._in_use(template, requests),
        )

    def _refine(self, seen: Recurrence, requests: int) -> Groups:
        """Group the requests by the sentences that are template-like, in the order of refinement."""
        alike = np.flatnonzero(self._sentences.distinct(seen.row) >= self._thresholds.instances)
        alike = alike[order_of(self._sentences.n(seen.row[alike]), seen.sentence[alike])]
        counts = np.diff(seen.offsets)[alike]
        pairs = spans(seen.offsets[alike], counts)
        groups = refine(
            seen.sentence[alike],
            offsets_of(counts),
            seen.request[pairs],
            requests,
            self._support,
            self._thresholds,
        )
        self._support.count(groups.tried, groups.tried_n)
        accepted = np.zeros(len(seen.request), np.bool_)
        accepted[pairs] = groups.accepted
        return groups._replace(accepted=accepted)

    def _by_sentences(
        self, groups: Groups, distinct: Sketches, instance: NDArray[np.int64], marks: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Return the template of each request's group; groups that differ in a word share one."""
        used = np.unique(groups.group)
        used = used[used > 0]
        first = _representatives(groups.group, instance)[used]
        self._support.mark(groups.template[used])
        template = groups.template.copy()
        template[used] = self._catalogue.admit(
            groups.template[used],
            [_path(groups, group) for group in used.tolist()],
            sum_projections(distinct, marks)[first].astype(np.float64),
            distinct.signature[first],
            distinct.public[first],
        )
        return template[groups.group]

    def _by_resemblance(self, template: NDArray[np.int64], distinct: Sketches, instance: NDArray[np.int64]) -> None:
        """Give requests without a template-like sentence the template of their cluster, if it is large enough."""
        words = np.bincount(distinct.owner, distinct.segment_words, len(distinct))
        left = np.flatnonzero((template == NO_TEMPLATE) & (words >= LEAST_WORDS))
        left = left[np.argsort(instance[left], kind="stable")]
        ids, signatures = self._catalogue.slotted()
        root = cluster(np.concatenate([signatures, distinct.signature[left]]))
        members = root[len(ids) :]
        large = np.bincount(members, minlength=len(root)) >= self._thresholds.instances
        fresh = np.flatnonzero(large[len(ids) :])
        first = left[fresh]
        names = np.append(ids, np.zeros(len(left), np.int64))
        names[len(ids) + fresh] = hash_pairs(instance[first], distinct.signature[first, 0], self._cluster_key)
        template[left] = names[members]
        self._catalogue.admit(
            names[len(ids) + fresh],
            [[] for _ in fresh],
            _medians(distinct, left, members, len(ids) + fresh),
            distinct.signature[first],
            distinct.public[first],
        )

    def _without_slotted(self, bodies: Bodies, template: NDArray[np.int64]) -> Bodies:
        """Take a slotted template's own words, which lie in no segment of their own, out of the projections."""
        rows = np.flatnonzero(np.isin(template, self._catalogue.slotted()[0]))
        projection = bodies.projection.copy()
        projection[rows] -= self._catalogue.vectors(template[rows]).astype(np.float32)
        return replace(bodies, projection=projection)

    def _in_use(self, template: NDArray[np.int64], requests: Requests) -> pa.Table:
        """Return the rows to store of the templates that requests were made from."""
        made = np.flatnonzero(template != NO_TEMPLATE)
        which, senders = requests.senders_of(made)
        self._catalogue.send(template[made][which], senders)
        used, n = np.unique(template[made], return_counts=True)
        return self._catalogue.table(used, n)


def _medians(
    distinct: Sketches, rows: NDArray[np.int64], members: NDArray[np.int64], roots: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return float64[len(roots), 64]: per cluster the element-wise median of its requests' projections.

    What all members have is the template; a slot's words differ and leave the median alone.
    """
    total = sum_projections(distinct, np.ones(len(distinct.segment_hash), np.bool_))
    order = np.argsort(members, kind="stable")
    begin, end = (np.searchsorted(members[order], roots, side=side) for side in ("left", "right"))
    medians = [
        np.median(total[rows[order[low:high]]], axis=0) for low, high in zip(begin.tolist(), end.tolist(), strict=True)
    ]
    return np.array(medians, np.float64).reshape(-1, PROJECTION_DIM)


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
