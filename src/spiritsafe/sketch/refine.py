"""Splits requests into templates, sentence by sentence, the most widespread sentence first.

A frequent-pattern tree (Han, Pei & Yin 2000) grown level by level over all requests at once: each sentence
in turn divides the groups that its holders are in, where the part is large enough to be a template of its
own; where it is not, the sentence is skipped and its holders stay. Skipping instead of stopping keeps a
chance repetition in somebody's body from hiding the template's remaining sentences.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, Word, kernel
from spiritsafe.sketch.hashing import mix
from spiritsafe.sketch.rowmap import ABSENT, find_one
from spiritsafe.sketch.support import Support, set_id

__all__ = ["Groups", "Thresholds", "refine"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a recurring sentence makes a template.

    Attributes:
        instances: distinct requests a sentence, and a group, needs.
        share: part of its parent group that a subgroup needs,
        own: or else this many requests of its own.
    """

    instances: int = 5
    share: float = 0.02
    own: int = 100


class Groups(NamedTuple):
    """What refinement made of U requests.

    Attributes:
        group: int64[U] the group of each request, 0 if it has no template.
        template: int64[K] id per group; group 0 has id 0.
        parent: int64[K], and ``sentence`` int64[K] the sentence that a group adds to its parent.
        accepted: bool[P] True where the pair's sentence is part of its request's template.
        tried: int64[T] ids of every set that was counted and ``tried_n`` int64[T] its requests.
    """

    group: NDArray[np.int64]
    template: NDArray[np.int64]
    parent: NDArray[np.int64]
    sentence: NDArray[np.int64]
    accepted: NDArray[np.bool_]
    tried: NDArray[np.int64]
    tried_n: NDArray[np.int64]


@kernel
def _is_large(support: Word, parent: Word, is_root: bool, minimum: int, share: float, own: int) -> bool:
    return support >= minimum and (is_root or support >= own or support >= share * parent)


@kernel
def _refine(
    sentence: Array,
    offsets: Array,
    request: Array,
    requests: int,
    hashes: Array,
    slots: Array,
    n: Array,
    known: Array,
    key: Array,
    minimum: int,
    share: float,
    own: int,
) -> Groups:
    room = len(request) + 1
    total, size, count = np.zeros(room, np.uint64), np.zeros(room, np.int64), np.zeros(room, np.int64)
    template, parent, added = np.zeros(room, np.int64), np.zeros(room, np.int64), np.zeros(room, np.int64)
    tried, tried_n = np.zeros(room, np.int64), np.zeros(room, np.int64)
    group, accepted = np.zeros(requests, np.int64), np.zeros(len(request), np.bool_)
    members, child, touched = np.zeros(room, np.int64), np.zeros(room, np.int64), np.zeros(room, np.int64)
    groups, tries = 1, 0
    for s in range(len(sentence)):
        mixed = mix(np.uint64(sentence[s]))
        found = 0
        for p in range(offsets[s], offsets[s + 1]):
            g = group[request[p]]
            if members[g] == 0:
                touched[found] = g
                found += 1
            members[g] += 1
        for t in range(found):
            g = touched[t]
            new_id = set_id(total[g] + mixed, size[g] + 1, key)
            row = find_one(hashes, slots, new_id)
            before = n[row] if row != ABSENT else 0
            tried[tries], tried_n[tries] = new_id, members[g]
            tries += 1
            is_known = row != ABSENT and known[row]
            child[g] = 0
            if is_known or _is_large(members[g] + before, count[g], g == 0, minimum, share, own):
                child[g] = groups
                total[groups], size[groups] = total[g] + mixed, size[g] + 1
                count[groups] = members[g] + before
                template[groups], parent[groups], added[groups] = new_id, g, sentence[s]
                groups += 1
            members[g] = 0
        for p in range(offsets[s], offsets[s + 1]):
            g = group[request[p]]
            if child[g]:
                group[request[p]] = child[g]
                accepted[p] = True
    return Groups(group, template[:groups], parent[:groups], added[:groups], accepted, tried[:tries], tried_n[:tries])


def refine(
    sentence: NDArray[np.int64],
    offsets: NDArray[np.int64],
    request: NDArray[np.int64],
    requests: int,
    support: Support,
    thresholds: Thresholds,
) -> Groups:
    """Return the groups of ``requests`` requests.

    Args:
        sentence: int64[G] recurring sentences in the order of refinement.
        offsets: int64[G + 1] into ``request``.
        request: int64[P] the distinct requests that hold each sentence.
        requests: U.
        support: counts of earlier batches.
        thresholds: see `Thresholds`.
    """
    return _refine(
        sentence,
        offsets,
        request,
        requests,
        *support.ids.raw,
        support.n,
        support.known,
        support.key,
        thresholds.instances,
        thresholds.share,
        thresholds.own,
    )
