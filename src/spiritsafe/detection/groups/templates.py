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


def candidates(population: Population, min_group: int, max_share: float) -> list[Candidate]:
    """Propose every plausible template and every plausible node of the tree over templates."""
    usage = _usage(population)
    if usage.shape[0] == 0:
        return []
    accounts = np.diff(usage.indptr)
    leaves = np.flatnonzero(accounts >= _LEAST_ACCOUNTS)
    leaves = leaves[leaves > 0][:_MAX_TREE]
    out = []
    for templates in _nodes(usage, leaves):
        members = np.flatnonzero(np.asarray(usage[templates].sum(axis=0)).ravel() >= 2)
        if plausible(population, members, min_group, max_share):
            out.append(Candidate(Door.TEMPLATE, members, templates))
    return out


def _usage(population: Population) -> csr_matrix:
    """Exchanges by (template, account)."""
    content = population.content
    shape = (len(population.templates), population.size)
    return csr_matrix((content.n, (content.template, content.account)), shape=shape)


def _nodes(usage: csr_matrix, leaves: Int) -> list[Int]:
    """Every leaf alone and every inner node of the average-linkage tree, as template indices."""
    nodes = [np.array([leaf]) for leaf in leaves.tolist()]
    if len(leaves) < 2:
        return nodes
    incidence = (usage[leaves] > 0).astype(np.float64)
    size = np.asarray(incidence.sum(axis=1)).ravel()
    overlap = (incidence @ incidence.T).toarray() / np.sqrt(np.outer(size, size))
    upper = np.triu_indices(len(leaves), 1)
    merges = linkage(np.maximum(1 - overlap[upper], 0), method="average")
    for left, right, distance, _ in merges:
        joined = np.sort(np.concatenate([nodes[int(left)], nodes[int(right)]]))
        # nothing in common any more: higher nodes only pile strangers up
        nodes.append(joined if distance < 0.97 else np.zeros(0, np.int64))
    return [node for node in nodes if len(node)]
