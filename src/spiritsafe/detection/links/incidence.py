"""Who has which trait, and the same with accounts permuted: the decoys' and the real links' one shape.

Nodes are organisations ('units'), because sharing within one is no link. A layer is a set of traits
whose links say different things: an address and its /24 are two layers of one family, and so are two
pseudonym epochs of one card; of a family's layers the best speaks, so that one fact counts once.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from spiritsafe.detection.links.ordering import by_group, canonical, distinct_rows, gathered, without_repeats
from spiritsafe.detection.links.rarity import RARE_DEGREE, kinds_of, linking_families, shared_exits
from spiritsafe.detection.population import Bool, Float, Int, Population, tally
from spiritsafe.model.epochs import EPOCH_MASK, PSEUDONYMISED

__all__ = ["Incidence", "Layer", "popular_degree", "read", "shuffled"]

_POPULAR_SHARE = 0.2


def popular_degree(units: int, most: int) -> int:
    """Return the degree above which a value only stratifies: a fifth of all units, ``most`` at the latest.

    A world of a few hundred accounts has no popular values: there the test itself says how little a value
    that a third of them share is worth.

    >>> popular_degree(300, 5_000), popular_degree(2_000, 5_000), popular_degree(10**6, 5_000)
    (200, 400, 5000)
    """
    return max(min(most, int(_POPULAR_SHARE * units)), RARE_DEGREE)


@dataclass(frozen=True, eq=False)
class Layer:
    """Rows (trait, unit), distinct and sorted; traits are numbered by degree and members, never by hash.

    Attributes:
        family: one of ``linking_families``.
        trait, unit: int32 [rows].
        n: how often each was seen, int32 [rows]; ones in a decoy.
        units: number of all units.
        traits: number of all traits.
    """

    family: str
    trait: Int
    unit: Int
    n: Int
    units: int
    traits: int

    @cached_property
    def degree(self) -> Int:
        """Units per trait, int64 [traits]."""
        return np.bincount(self.trait, minlength=self.traits)

    @cached_property
    def starts(self) -> Int:
        """First row of each trait, int64 [traits + 1]."""
        return np.concatenate(([0], np.cumsum(self.degree)))

    @cached_property
    def stubs(self) -> Int:
        """Traits per unit, int64 [units]; a permutation keeps them."""
        return np.bincount(self.unit, minlength=self.units)

    @cached_property
    def linking(self) -> Bool:
        """Rows whose trait more than one unit has."""
        return np.asarray(self.degree[self.trait] >= 2)

    @cached_property
    def choices(self) -> int:
        """Number of traits that more than one unit has."""
        return self.at_least(2)

    def at_least(self, degree: int) -> int:
        """Return how many traits have this degree or a higher one."""
        return int(self._at_least[min(degree, len(self._at_least) - 1)])

    @cached_property
    def _at_least(self) -> Int:
        """Traits of each degree or a higher one, int64 [largest degree + 2]."""
        times = np.append(np.bincount(self.degree), 0)
        return np.asarray(np.cumsum(times[::-1])[::-1])

    @cached_property
    def of_unit(self) -> tuple[Int, Int]:
        """Linking traits ordered by unit, and where each unit's begin, int64 [units + 1]."""
        return by_group(self.trait, self.unit, self.units, self.linking)


@dataclass(frozen=True, eq=False)
class Incidence:
    """All layers, and the stratum of every unit within which decoys are permuted.

    Attributes:
        layers: those in which at least one trait links.
        stratum: int64 [units], from 0.
    """

    layers: tuple[Layer, ...]
    stratum: Int

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.stratum)

    def total(self, layer: Layer) -> Float:
        """Return the links of a layer per stratum, float [strata]."""
        if id(layer) not in self._totals:
            self._totals[id(layer)] = tally(self.stratum, layer.stubs, int(self.stratum.max(initial=0)) + 1)
        return self._totals[id(layer)]

    @cached_property
    def _totals(self) -> dict[int, Float]:
        return {}

    @property
    def families(self) -> tuple[str, ...]:
        """Families in which a trait links, in the layers' order."""
        return tuple(dict.fromkeys(layer.family for layer in self.layers))


def read(population: Population, most: int, strata: Int | None = None) -> Incidence:
    """Read the linking traits of a population.

    Args:
        population: accounts and traits.
        most: see :func:`popular_degree`.
        strata: int64 [units], a stratum per unit; by default the least common popular value that a unit has.
    """
    cap = popular_degree(population.units, most)
    whole = [
        _layer(family, value, unit, n, population.units)
        for family in linking_families(population)
        for value, unit, n in _columns(population, family)
    ]
    kept = tuple(layer for layer in (_below(layer, cap) for layer in whole) if layer.choices)
    return Incidence(kept, _popular_strata(whole, cap, population.units) if strata is None else strata)


def _columns(population: Population, family: str) -> list[tuple[Int, Int, Int]]:
    """Value, unit and count of the rows of each layer of a family."""
    traits, out = population.traits, []
    for kind in sorted(kinds_of(family)):
        at = traits.rows(kind)
        value, unit, n = traits.value[at], population.accounts.unit[traits.account[at]], traits.n[at]
        exits = shared_exits(population, kind)
        if exits.any():
            value, unit, n = value[~exits], unit[~exits], n[~exits]
        # a pseudonym carries its epoch: one card seen in two epochs must not testify twice
        epoch = (value & EPOCH_MASK if kind in PSEUDONYMISED else np.zeros_like(value)).astype(np.uint8)
        seen = np.flatnonzero(np.bincount(epoch)).tolist()
        if len(seen) == 1:
            out.append((value, unit, n))
        else:
            out += [(value[epoch == e], unit[epoch == e], n[epoch == e]) for e in seen]
    return out


def _layer(family: str, value: Int, unit: Int, n: Int, units: int) -> Layer:
    unit, n, starts = distinct_rows(value, unit, n)
    trait, unit, n = gathered(unit, n, starts, canonical(unit, starts))
    return Layer(family, trait, unit, n, units, len(starts) - 1)


def _below(layer: Layer, cap: int) -> Layer:
    if layer.degree.max(initial=0) <= cap:
        return layer
    rows = layer.degree[layer.trait] <= cap
    return replace(layer, trait=layer.trait[rows], unit=layer.unit[rows], n=layer.n[rows])


def _popular_strata(layers: list[Layer], cap: int, units: int) -> Int:
    """Number units by the least common of the popular values that they have; 0 where they have none."""
    stratum, best, numbered = np.zeros(units, np.int64), np.full(units, np.iinfo(np.int64).max), 1
    for layer in layers:
        for trait in np.flatnonzero(layer.degree > cap).tolist():
            members = layer.unit[layer.starts[trait] : layer.starts[trait + 1]]
            rarer = members[best[members] > layer.degree[trait]]
            best[rarer], stratum[rarer] = layer.degree[trait], numbered
            numbered += 1
    return stratum


def shuffled(incidence: Incidence, rng: np.random.Generator) -> Incidence:
    """Permute units within each layer and stratum: degrees of traits and of units stay, what ties them goes.

    Source: the configuration model that BiCM describes in expectation (Saracco et al. 2017,
    arXiv:1607.02481), sampled.
    """
    return replace(incidence, layers=tuple(_permuted(layer, incidence.stratum, rng) for layer in incidence.layers))


def _permuted(layer: Layer, stratum: Int, rng: np.random.Generator) -> Layer:
    """Deal the layer's units out anew among the links of their stratum."""
    here = stratum[layer.unit].astype(np.int32)
    strata, dealt = int(here.max(initial=0)) + 1, layer.unit
    if strata == 1:
        dealt = rng.permutation(dealt)
    else:
        rows, starts = by_group(np.arange(len(here), dtype=np.int32), here, strata, np.ones(len(here), np.bool_))
        dealt = dealt[rows]
        for first, last in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            rng.shuffle(dealt[first:last])
        dealt[rows] = dealt.copy()
    trait, unit = without_repeats(layer.trait, dealt)  # a unit that drew one trait twice has it once
    return replace(layer, trait=trait, unit=unit, n=np.broadcast_to(np.int32(1), trait.shape))
