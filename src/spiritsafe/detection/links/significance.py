"""Is a linked group tied more closely than chance ties anybody? Sharing only; abuse is not asked here.

A group's bits are the improbability of its sharing given how many accounts each trait has: of the d
accounts with a trait, k lie among the m members of N units with probability P(Bin(d, m/N) >= k), and
choosing the group among all of its size costs log2 C(N, m) once. Everybody together is no surprise, nor
is one trait's own clique. Decoys - accounts permuted within each kind of trait, which keeps every
account's and every trait's degree - go through the same machinery; the q-value of a score is how many
decoy groups reach it per target group that does (target-decoy competition, Elias & Gygi 2007).

Source: the degree-preserving null of bipartite graphs (BiCM, Saracco et al. 2017, arXiv:1607.02481) is
sampled instead of solved, because the groups, not the pairs, are tested.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betainc, gammaln

from spiritsafe.detection.links.graph import communities, link_edges
from spiritsafe.detection.links.rarity import LINKING_KINDS, rare_traits
from spiritsafe.detection.population import Float, Int, Population, Traits
from spiritsafe.model.findings import Evidence, total_bits
from spiritsafe.model.words import Family

__all__ = ["DECOYS", "LinkGroup", "linked_groups"]

DECOYS = 10
_RESOLUTIONS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)


@dataclass(frozen=True)
class LinkGroup:
    """A group by its links alone.

    Attributes:
        members: account indices, ascending.
        evidence: one item per family, and the price of having looked for the group.
        q_value: share of such groups that chance would give.
    """

    members: Int
    evidence: list[Evidence]
    q_value: float = 1.0

    @property
    def bits(self) -> float:
        """The sum of the evidence."""
        return total_bits(self.evidence)


def linked_groups(population: Population, least: int, seed: int) -> list[LinkGroup]:
    """Return groups of at least ``least`` units that share more than chance allows, strongest first."""
    targets = _groups(population, least)
    if not targets:
        return []
    rng = np.random.default_rng(seed)
    decoys = np.sort([group.bits for _ in range(DECOYS) for group in _groups(_shuffled(population, rng), least)])
    bits = np.array([group.bits for group in targets])
    order = np.argsort(-bits, kind="stable")
    above = len(decoys) - np.searchsorted(decoys, bits[order])
    raw = np.minimum((1 + above) / DECOYS / np.arange(1, len(bits) + 1), 1.0)
    q = np.minimum.accumulate(raw[::-1])[::-1]
    return [replace(targets[at], q_value=float(value)) for at, value in zip(order.tolist(), q, strict=True)]


def _groups(population: Population, least: int) -> list[LinkGroup]:
    a, b, bits = link_edges(population)
    found = []
    for members in communities(a, b, bits, _RESOLUTIONS):
        if len(np.unique(population.accounts.unit[members])) >= least:
            group = LinkGroup(members, _evidence(population, members))
            if group.bits > 0:
                found.append(group)
    return _apart(sorted(found, key=lambda group: (-group.bits, group.members[0])), population.size)


def _apart(groups: list[LinkGroup], size: int) -> list[LinkGroup]:
    """Keep the strongest of overlapping groups."""
    taken = np.zeros(size, np.bool_)
    kept = []
    for group in groups:
        if 2 * taken[group.members].sum() < len(group.members):
            taken[group.members] = True
            kept.append(group)
    return kept


def _evidence(population: Population, members: Int) -> list[Evidence]:
    out = []
    for family in LINKING_KINDS:
        bits, values, linked = _family_bits(population, members, family)
        if bits > 0:
            detail = f"{linked} of {len(members)} accounts share {values} rare {family} traits"
            out.append(_item(f"rare_{family}", family, bits, _tail(bits), detail))
    price = _log2_choose(population.units, len(members))
    detail = f"there are 2^{price:.0f} ways to choose {len(members)} of {population.units}: the price of having looked"
    out.append(_item("groups_looked_at", Family.CONTEXT, -price, 1.0, detail))
    return out


def _item(signal: str, family: Family, bits: float, p_value: float, detail: str) -> Evidence:
    return Evidence(signal=signal, family=family, weight_bits=round(bits, 2), p_value=p_value, detail=detail)


def _family_bits(population: Population, members: Int, family: Family) -> tuple[float, int, int]:
    """Bits of one family, the shared values and the members that share one; an account's best trait counts."""
    rare = rare_traits(population, family)
    rows, who = rare.of(members)
    if not len(rows):
        return 0.0, 0, 0
    order = np.lexsort((rare.group[rows], rare.degree[rows], who))
    first = np.concatenate(([True], who[order][1:] != who[order][:-1]))
    best = rows[order[first]]
    _, row, count = np.unique(rare.group[best], return_index=True, return_counts=True)
    shared = count >= 2
    surprise = _surprise(count[shared], rare.degree[best[row]][shared], len(members) / population.units)
    return float(surprise.sum()), int(shared.sum()), int(count[shared].sum())


def _surprise(count: Int, degree: Int, share: float) -> Float:
    """Bits of finding ``count`` of a trait's ``degree`` accounts in a group that is ``share`` of all."""
    share = min(share, 1.0)
    tail = betainc(count, np.maximum(degree - count, 0) + 1, share)
    # below 1e-300 the tail is its largest term
    return np.where(tail > 1e-300, -np.log2(np.maximum(tail, 1e-300)), -count * np.log2(max(share, 1e-12)))


def _tail(bits: float) -> float:
    return float(max(2.0 ** -min(bits, 300.0), 1e-90))


def _log2_choose(n: int, k: int) -> float:
    return float((gammaln(n + 1) - gammaln(k + 1) - gammaln(max(n - k, 0) + 1)) / np.log(2))


def _shuffled(population: Population, rng: np.random.Generator) -> Population:
    """The same traits with accounts permuted within each kind: both degrees stay."""
    traits = population.traits
    account = traits.account.copy()
    for kind in np.unique(traits.kind).tolist():
        rows = np.flatnonzero(traits.kind == kind)
        account[rows] = account[rng.permutation(rows)]
    order = np.lexsort((account, traits.value, traits.kind))
    return replace(
        population,
        traits=Traits(
            traits.kind[order],
            traits.value[order],
            account[order],
            traits.n[order],
            traits.degree[order],
            traits.first_us[order],
        ),
    )
