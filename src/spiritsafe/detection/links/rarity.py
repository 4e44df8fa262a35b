"""Which traits are rare enough to link strangers, and how much each is worth.

A trait above the degree cap (an ASN, an SDK's TLS fingerprint, a university's exit) only stratifies: it
never links, because sharing it is what honest strangers do.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spiritsafe.detection.population import Bool, Float, Int, Population, expand
from spiritsafe.model.words import SHARED_EXIT, TRAIT_FAMILY, Family, TraitKind

__all__ = ["LINKING_KINDS", "RARE_DEGREE", "RareTraits", "rare_traits", "weight_bits"]

RARE_DEGREE = 200
"""Organisations that may share a trait before it stops linking them; C4's cards served about 50 accounts."""

_ADDRESSES = (TraitKind.IP, TraitKind.PREFIX, TraitKind.SIGNUP_IP, TraitKind.SIGNUP_PREFIX)

LINKING_KINDS: dict[Family, tuple[TraitKind, ...]] = {
    Family.NETWORK: (TraitKind.IP, TraitKind.PREFIX, TraitKind.CUSTOM),
    Family.PAYMENT: (TraitKind.PAYMENT,),
    Family.DEVICE: (TraitKind.DEVICE,),
    Family.SIGNUP: (TraitKind.SIGNUP_IP, TraitKind.SIGNUP_PREFIX, TraitKind.EMAIL, TraitKind.PHONE),
    Family.CONTENT: (TraitKind.LINKED_CONTENT,),
    Family.TIMING: (TraitKind.LINKED_TIMING,),
}
"""Kinds that link. User agents, TLS fingerprints, referrals and e-mail domains only stratify: a default
SDK gives them to everybody."""


def weight_bits(degree: Int, units: int) -> Float:
    """Return log2(N/d), the rarity of a trait that ``degree`` of ``units`` have, in bits, >= 0."""
    return np.asarray(np.log2(np.maximum(units, 2) / np.maximum(degree, 1)).clip(min=0))


@dataclass(frozen=True)
class RareTraits:
    """Rows (account, trait) of one family whose trait links at least two units and at most the cap.

    ``group`` numbers the trait; rows are sorted by account. ``starts`` indexes them by account.
    """

    account: Int
    group: Int
    row: Int
    degree: Int
    starts: Int
    population_size: int
    has: int

    def of(self, members: Int) -> tuple[Int, Int]:
        """Return row indices of the members and, per row, the member's position."""
        first, last = self.starts[members], self.starts[members + 1]
        return expand(first, last), np.repeat(np.arange(len(members)), last - first)

    def chance(self, size: int) -> float:
        """Expected share of members of a random group of ``size`` that share a rare trait by chance."""
        if not len(self.account):
            return 0.0
        # a member's trait of degree d meets another of the size-1 members with probability ~ (d-1)(size-1)/N
        meet = np.minimum((self.degree - 1) * (size - 1) / max(self.population_size, 1), 1.0)
        alone = np.bincount(self.account, np.log1p(-np.minimum(meet, 0.999)), self.population_size)
        return float(np.mean(1 - np.exp(alone)))


def _shared_exits(population: Population) -> Bool:
    """Rows whose value the provider's intelligence marks as an exit of unrelated people."""
    traits = population.traits
    marked = [value for (_, value), label in population.labels.items() if label == SHARED_EXIT]
    return np.isin(traits.value, marked) & np.isin(traits.kind, [str(kind) for kind in _ADDRESSES])


@lru_cache(maxsize=16)
def rare_traits(population: Population, family: Family) -> RareTraits:
    """Select the linking traits of ``family``."""
    traits = population.traits
    kinds = [kind for kind in LINKING_KINDS.get(family, ()) if TRAIT_FAMILY[kind] is family]
    chosen: Bool = np.isin(traits.kind, [str(kind) for kind in kinds])
    has = len(np.unique(traits.account[chosen]))
    chosen &= ~_shared_exits(population)
    chosen &= (traits.degree >= 2) & (traits.degree <= RARE_DEGREE)
    row = np.flatnonzero(chosen)
    kind, value = traits.kind[row], traits.value[row]
    fresh = np.concatenate(([True], (value[1:] != value[:-1]) | (kind[1:] != kind[:-1]))) if len(row) else chosen[:0]
    group = np.cumsum(fresh) - 1 if len(row) else row
    order = np.lexsort((group, traits.account[row]))
    account = traits.account[row][order]
    starts = np.searchsorted(account, np.arange(population.size + 1))
    return RareTraits(account, group[order], row[order], traits.degree[row][order], starts, population.size, has)
