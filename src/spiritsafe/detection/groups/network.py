"""Second door: strangers tied by rare shared infrastructure, judged on what they send.

The links only propose. Of 5,000 honest organisations in a prototype, pair evidence alone had a precision of
.10: whether sharing means anything is for the group test to say.
"""

from spiritsafe.detection.groups.candidate import Candidate, Door, enriched, plausible
from spiritsafe.detection.links.graph import communities, link_edges
from spiritsafe.detection.population import Population

__all__ = ["candidates"]

_RESOLUTIONS = (0.02, 0.1, 0.4)
_MOST = 400
"""Groups looked at: a campaign of hundreds falls into hundreds of pieces, and every piece tested costs the others."""


def candidates(population: Population, min_group: int, max_share: float) -> list[Candidate]:
    """Propose components and communities of the link graph."""
    a, b, bits = link_edges(population)
    return [
        Candidate(Door.NETWORK, members, enriched(population, members))
        for members in communities(a, b, bits, _RESOLUTIONS, _MOST)
        if plausible(population, members, min_group, max_share)
    ]
