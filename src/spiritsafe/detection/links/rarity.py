"""Which traits are rare enough to link strangers, and how much each is worth.

A trait above the degree cap (an ASN, an SDK's TLS fingerprint, a university's exit) only stratifies: it
never links, because sharing it is what honest strangers do.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from spiritsafe.detection.population import Bool, Float, Int, Population, expand
from spiritsafe.model.words import LINK_PREFIX, SHARED_EXIT, Family, TraitKind, family_of, link_kind

__all__ = [
    "LINKING_KINDS",
    "RARE_DEGREE",
    "RareTraits",
    "kinds_of",
    "linking_families",
    "rare_traits",
    "shared_exits",
    "weight_bits",
]

RARE_DEGREE = 200
"""Organisations that may share a trait before it stops linking them; C4's cards served about 50 accounts."""

_ADDRESSES = (TraitKind.IP, TraitKind.PREFIX, TraitKind.SIGNUP_IP, TraitKind.SIGNUP_PREFIX)

LINKING_KINDS: dict[Family, tuple[str, ...]] = {
    Family.NETWORK: (TraitKind.IP, TraitKind.PREFIX, link_kind(Family.NETWORK)),
    Family.PAYMENT: (TraitKind.PAYMENT, link_kind(Family.PAYMENT)),
    Family.DEVICE: (TraitKind.DEVICE, link_kind(Family.DEVICE)),
    Family.SIGNUP: (
        TraitKind.SIGNUP_IP,
        TraitKind.SIGNUP_PREFIX,
        TraitKind.EMAIL,
        TraitKind.PHONE,
        link_kind(Family.SIGNUP),
    ),
    Family.CONTENT: (link_kind(Family.CONTENT),),
    Family.TIMING: (link_kind(Family.TIMING),),
}
"""Kinds that link. User agents, TLS fingerprints, referrals and e-mail domains only stratify: a default
SDK gives them to everybody."""


def linking_families(population: Population) -> tuple[str, ...]:
    """Return the names of the families that can link: ours, then the provider's own by their kind."""
    own = [kind for kind in population.traits.kinds if kind.startswith(LINK_PREFIX) and family_of(kind) is Family.OWN]
    return (*LINKING_KINDS, *own)


def kinds_of(family: str) -> tuple[str, ...]:
    """Return the kinds of a family that :func:`linking_families` names; a family of one's own is its kind.

    >>> kinds_of("link:badge colour")
    ('link:badge colour',)
    """
    return (family,) if family.startswith(LINK_PREFIX) else LINKING_KINDS.get(Family(family), ())


def weight_bits(degree: Int, units: int) -> Float:
    """Return the bits of sharing a trait that ``degree`` of ``units`` have, >= 0.

    This is log2(m/u) of record linkage with u = d/N and m = 1 (Fellegi & Sunter 1969; Winkler 2000 for
    term frequencies): another m would move every weight of a family by one constant.

    >>> weight_bits(np.array([2, 64]), 64).tolist()
    [5.0, 0.0]
    """
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
        if size not in self._chances:
            self._chances[size] = self._chance(size)
        return self._chances[size]

    @cached_property
    def _chances(self) -> dict[int, float]:
        return {}

    def _chance(self, size: int) -> float:
        if not len(self.account):
            return 0.0
        # a member's trait of degree d meets another of the size-1 members with probability ~ (d-1)(size-1)/N
        meet = np.minimum((self.degree - 1) * (size - 1) / max(self.population_size, 1), 1.0)
        alone = np.bincount(self.account, np.log1p(-np.minimum(meet, 0.999)), self.population_size)
        return float(np.mean(1 - np.exp(alone)))


def shared_exits(population: Population, kind: str) -> Bool:
    """Return which rows of ``kind`` the provider's intelligence marks as exits of unrelated people."""
    value = population.traits.value[population.traits.rows(kind)]
    if kind not in _ADDRESSES:
        return np.zeros(len(value), np.bool_)
    marked = [number for (_, number), label in population.labels.items() if label == SHARED_EXIT]
    return np.isin(value, marked)


@lru_cache(maxsize=16)
def rare_traits(population: Population, family: str) -> RareTraits:
    """Select the linking traits of ``family``, one of :func:`linking_families`."""
    traits = population.traits
    rows, has = [np.zeros(0, np.int64)], np.zeros(population.size, np.bool_)
    for kind in sorted(kinds_of(family)):
        at = traits.rows(kind)
        has[traits.account[at]] = True
        degree = traits.degree[at]
        chosen = (degree >= 2) & (degree <= RARE_DEGREE) & ~shared_exits(population, kind)
        rows.append(at.start + np.flatnonzero(chosen))
    row = np.concatenate(rows)
    kind_number, value = np.repeat(np.arange(len(rows)), [len(part) for part in rows]), traits.value[row]
    fresh = (np.diff(value) != 0) | (np.diff(kind_number) != 0)
    group = np.concatenate(([0], np.cumsum(fresh)))[: len(row)]
    order = np.lexsort((group, traits.account[row]))
    row, group = row[order], group[order]
    account, degree = traits.account[row].astype(np.int64), traits.degree[row].astype(np.int64)
    starts = np.searchsorted(account, np.arange(population.size + 1))
    return RareTraits(account, group, row, degree, starts, population.size, int(has.sum()))
