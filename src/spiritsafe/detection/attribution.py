"""Who might be behind a group: a hypothesis apart from abuse, with its own bits, never a ground for action.

Entities come from the provider's own intelligence (CIDR, ASN, domain, TLS fingerprint -> name). A group
whose members come from an entity's networks more often than everybody else does is weighed by the log2
ratio of the two rates. Country is not an entity and is not looked at.
"""

import numpy as np

from spiritsafe.detection.focus import Focus
from spiritsafe.model.dossier import Attribution
from spiritsafe.model.words import TraitKind

__all__ = ["GENERIC_TAGS", "attribute"]

GENERIC_TAGS = frozenset(
    {"hosting", "vpn", "tor", "proxy", "education", "datacenter", "cloud", "tor_node", "disposable"}
)
"""Tags that describe a network and name nobody."""
_LEAST_MEMBERS = 3
_MOST_BITS = 10.0


def attribute(focus: Focus) -> list[Attribution]:
    """Return hypotheses about named entities, strongest first; most groups have none."""
    population = focus.population
    traits = population.traits
    rows = np.arange(len(traits.value))[traits.rows(TraitKind.ENTITY)]
    out = []
    for value in np.unique(traits.value[rows]).tolist():
        name = population.labels.get((str(TraitKind.ENTITY), value), "")
        if not name or name.lower() in GENERIC_TAGS:
            continue
        seen = traits.account[rows[traits.value[rows] == value]]
        inside = int(np.isin(focus.members, seen).sum())
        if inside < _LEAST_MEMBERS:
            continue
        rest = len(seen) - inside
        ours = (inside + 0.5) / (focus.size + 1)
        theirs = (rest + 0.5) / (population.size - focus.size + 1)
        bits = min(float(np.log2(ours / theirs)), _MOST_BITS)
        if bits > 1:
            detail = (
                f"{inside} of {focus.size} accounts were seen from networks or domains that the provider's "
                f"intelligence gives to {name}; {rest} of {population.size - focus.size} others were"
            )
            out.append(Attribution(entity=name, weight_bits=round(bits, 2), detail=detail))
    return sorted(out, key=lambda item: (-item.weight_bits, item.entity))
