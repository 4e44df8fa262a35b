"""First door: groups that send one template, or several that the same accounts send.

Every template is a candidate, and so is every node of an average-linkage tree over the templates' account
sets: paraphrases share accounts, not words. Components over templates would be wrong here - they fuse
a campaign with an honest application and a benchmark - so nodes are tested and never enlarged.
"""

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.sparse import csr_matrix

from spiritsafe.detection.groups.candidate import Candidate, Door, plausible
from spiritsafe.detection.population import Int, Population

__all__ = ["candidates"]

_MAX_TREE = 3_000
"""Templates in the tree, by falling volume: average linkage needs their pairwise distances (36 MB)."""
_LEAST_ACCOUNTS = 3
_LEAST_MEDIAN = 3
"""Focal exchanges of the median member below which no behaviour can be seen."""
_APART = 0.95
"""Cosine distance of account sets beyond which two templates have nothing to do with each other."""
_GROWTH = 1.15


def candidates(population: Population, min_group: int, max_share: float) -> list[Candidate]:
    """Propose every plausible template and every plausible node of the tree over templates."""
    if len(population.templates) == 1:
        return []
    usage = _usage(population)
    accounts = np.diff(usage.indptr)
    leaves = np.flatnonzero(accounts >= _LEAST_ACCOUNTS)
    leaves = leaves[leaves > 0][:_MAX_TREE]
    volume = np.asarray(usage.sum(axis=1)).ravel()
    out: list[Candidate] = []
    asked: dict[bytes, tuple[int, float]] = {}
    for templates, children in _nodes(usage, leaves):
        sent = np.asarray(usage[templates].sum(axis=0)).ravel()
        members = np.flatnonzero(sent >= 2)
        size = (len(members), float(volume[templates].sum()))
        key = templates.tobytes()
        before = max((asked.get(child, (0, 0.0)) for child in children), default=(0, 0.0))
        # a node that hardly differs from its larger child asks the same question again
        if children and size[0] < _GROWTH * before[0] and size[1] < _GROWTH * before[1]:
            asked[key] = before
            continue
        asked[key] = size
        if plausible(population, members, min_group, max_share) and np.median(sent[members]) >= _LEAST_MEDIAN:
            out.append(Candidate(Door.TEMPLATE, members, templates))
    return out


def _usage(population: Population) -> csr_matrix:
    """Exchanges by (template, account)."""
    content = population.content
    shape = (len(population.templates), population.size)
    return csr_matrix((content.n, (content.template, content.account)), shape=shape)


def _nodes(usage: csr_matrix, leaves: Int) -> list[tuple[Int, list[bytes]]]:
    """Every leaf and inner node of the average-linkage tree: template indices and the children's keys."""
    nodes = [np.array([leaf]) for leaf in leaves.tolist()]
    told: list[tuple[Int, list[bytes]]] = [(node, []) for node in nodes]
    if len(leaves) < 2:
        return told
    incidence = (usage[leaves] > 0).astype(np.float64)
    size = np.asarray(incidence.sum(axis=1)).ravel()
    overlap = (incidence @ incidence.T).toarray() / np.sqrt(np.outer(size, size))
    upper = np.triu_indices(len(leaves), 1)
    merges = linkage(np.maximum(1 - overlap[upper], 0), method="average")
    for left, right, distance, _ in merges:
        children = [nodes[int(left)], nodes[int(right)]]
        # nothing in common any more: higher nodes only pile strangers up
        joined = np.sort(np.concatenate(children)) if distance < _APART else np.zeros(0, np.int64)
        nodes.append(joined)
        if len(joined):
            told.append((joined, [child.tobytes() for child in children]))
    return told
