"""How many bits a group's sharing is worth against the degree-preserving null, for many groups at once.

A group claims m of N units and, per family, T of the C traits that link anybody. Of those traits' D
links, E lie inside the group; under the null each does with probability P, the group's share of all
links. The claim's weight is the Bayes factor of 'some higher share' (uniform prior) against P,

    bits = -log2 Binomial(E; D, P) - log2(D + 1),

whose expectation under the null is one whatever the group, less the price of having chosen it:
log2 C(N, m) and log2 C(C, T), and the lengths of m and T. One family may give up its factor and name the
members instead - those with its T traits, but for a few exceptions - which saves log2 C(N, m): given that
family's links the others still are a permutation. Weighted by those prices, the factors of all conceivable
groups sum to at most one in expectation; by Markov's inequality any group of s bits turns up by chance in
at most 2^-s of all worlds. That is why one trait's own clique is no surprise, nor a tree of them: every
link that a choice explains is paid for by the choice.

Source: the score is that of large average submatrices (Shabalin et al. 2009, doi:10.1214/09-AOAS239) with
e-values (Vovk & Wang 2021, arXiv:1912.06116) for tails, because products of tails are no probabilities.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaln, xlogy

from spiritsafe.detection.links.incidence import Incidence, Layer, shares
from spiritsafe.detection.population import Float, Int, expand, tally

__all__ = ["Claim", "Cover", "Weighed", "cover_of", "improved", "together", "weigh"]

_LN2 = float(np.log(2))


@dataclass(frozen=True, eq=False)
class Cover:
    """Groups of units as pairs sorted by (group, unit); a unit may be in several groups.

    Attributes:
        group, unit: int64 [pairs].
        count: number of groups.
    """

    group: Int
    unit: Int
    count: int

    @property
    def sizes(self) -> Int:
        """Units per group, int64 [count]."""
        return np.bincount(self.group, minlength=self.count)

    def members(self) -> list[Int]:
        """Return the units of every group, ascending."""
        return np.split(self.unit, np.cumsum(self.sizes)[:-1])

    def only(self, kept: Int) -> "Cover":
        """Return the groups numbered ``kept``, ascending, under new numbers."""
        number = np.full(self.count, -1)
        number[kept] = np.arange(len(kept))
        rows = number[self.group] >= 0
        return Cover(number[self.group[rows]], self.unit[rows], len(kept))

    def fingerprints(self) -> Int:
        """Return a number per group that equal groups share and others, but for one pair in 2^64, do not."""
        mark = np.random.default_rng(0).integers(-(2**63), 2**63, int(self.unit.max(initial=0)) + 1)
        marked = np.concatenate(([0], np.cumsum(mark[self.unit])))  # int64 wraps, and a difference unwraps
        ends = np.cumsum(self.sizes)
        return np.asarray(marked[ends] - marked[ends - self.sizes])


def cover_of(members: Sequence[Int]) -> Cover:
    """Return the groups as a cover, in the order given."""
    unit = np.concatenate([np.zeros(0, np.int64), *members])
    return Cover(np.repeat(np.arange(len(members)), [len(part) for part in members]), unit, len(members))


def together(covers: Sequence[Cover]) -> Cover:
    """Return the distinct groups of several covers as one."""
    offsets = np.cumsum([0, *(cover.count for cover in covers)])
    group = np.concatenate([cover.group + offset for cover, offset in zip(covers, offsets, strict=False)])
    joined = Cover(group, np.concatenate([cover.unit for cover in covers]), int(offsets[-1]))
    return joined.only(np.sort(np.unique(joined.fingerprints(), return_index=True)[1]))


@dataclass(frozen=True, eq=False)
class Claim:
    """What one family says of every group, in its best layer.

    Attributes:
        bits: the Bayes factor, or what naming the members saves, float [groups]; 0 where nothing is claimed.
        price: bits for having chosen the traits, float [groups].
        inside, links: E and D, int64 [groups].
        share: P, float [groups].
        group, trait, layer: the chosen traits, int64 [choices] each; ``layer`` indexes the incidence's layers.
    """

    bits: Float
    price: Float
    inside: Int
    links: Int
    share: Float
    group: Int
    trait: Int
    layer: Int


@dataclass(frozen=True, eq=False)
class Weighed:
    """Every family's claim and the price of having chosen the members; ``bits`` is the groups' score."""

    claims: dict[str, Claim]
    price: Float

    @property
    def bits(self) -> Float:
        """Score, float [groups]."""
        return np.asarray(sum((claim.bits - claim.price for claim in self.claims.values()), -self.price))


def weigh(incidence: Incidence, cover: Cover) -> Weighed:
    """Weigh every group of a cover in every family; the family that names the members best may do so."""
    claims: dict[str, Claim] = {}
    for family in incidence.families:
        at = [i for i, layer in enumerate(incidence.layers) if layer.family == family]
        claims[family] = _best([_claim(incidence, i, cover) for i in at])
    members = _log2_choose(incidence.units, cover.sizes) + _length(cover.sizes)
    gains = [members - _exceptions(incidence, cover, claim) - claim.bits for claim in claims.values()]
    naming = np.argmax(gains, axis=0)
    for number, (family, gain) in enumerate(zip(claims, gains, strict=True)):
        claim = claims[family]
        names = (naming == number) & (gain > 0) & (claim.bits > 0)
        claims[family] = replace(claim, bits=np.where(names, claim.bits + gain, claim.bits))
    return Weighed(claims, members + np.log2(len(claims) + 1.0))


def _exceptions(incidence: Incidence, cover: Cover, claim: Claim) -> Float:
    """Bits that turn the units with the claim's traits into the group's members: who leaves and who joins."""
    keys = [np.zeros(0, np.int64)]
    for number in np.unique(claim.layer).tolist():
        layer, mine = incidence.layers[number], claim.layer == number
        owner, rows = _links(layer, claim.trait[mine])
        keys.append(claim.group[mine][owner] * incidence.units + layer.unit[rows])
    key = np.unique(np.concatenate(keys))
    common = key[np.isin(key, cover.group * incidence.units + cover.unit)]
    have, both = (np.bincount(part // incidence.units, minlength=cover.count) for part in (key, common))
    leave, join = have - both, cover.sizes - both
    naming = _log2_choose(have, leave) + _log2_choose(incidence.units - have, join)
    return np.asarray(naming + _length(leave) + _length(join))


def _claim(incidence: Incidence, number: int, cover: Cover) -> Claim:
    layer = incidence.layers[number]
    group, trait, inside = _shared(layer, cover)
    links = layer.degree[trait]
    share = _trait_shares(incidence, layer, cover, group, trait)
    gain = _divergence(inside, links, share)
    chosen = inside > links * share
    for _ in range(2):  # the fewer are chosen, the more each choice costs
        several = np.maximum(np.bincount(group[chosen], minlength=cover.count), 1)
        chosen &= gain > np.log2(np.maximum(layer.choices / several[group], 1.0))
    group, trait, links = group[chosen], trait[chosen], links[chosen]
    inside, share = inside[chosen], share[chosen]
    many, into, drawn = (tally(group, w, cover.count) for w in (np.ones(len(group)), inside, links))
    mean = tally(group, share * links, cover.count) / np.maximum(drawn, 1)
    bits = _bayes_factor(into, drawn, mean)
    price = _log2_choose(layer.choices, many) + _length(many)
    worth = (many > 0) & (bits - price > -1.0)
    kept = worth[group]
    return Claim(
        bits=np.where(worth, bits, 0.0),
        price=np.where(worth, price, 1.0),
        inside=np.where(worth, into, 0).astype(np.int64),
        links=np.where(worth, drawn, 0).astype(np.int64),
        share=mean,
        group=group[kept],
        trait=trait[kept],
        layer=np.full(int(kept.sum()), number),
    )


def _shared(layer: Layer, cover: Cover) -> tuple[Int, Int, Int]:
    """Group, trait and members of every trait that two or more members of a group have."""
    traits, starts = layer.of_unit
    first, last = starts[cover.unit], starts[cover.unit + 1]
    key = np.repeat(cover.group, last - first) * layer.traits + traits[expand(first, last)]
    pair, inside = np.unique(key, return_counts=True)
    pair, inside = pair[inside >= 2], inside[inside >= 2]
    return pair // max(layer.traits, 1), pair % max(layer.traits, 1), inside


def _trait_shares(incidence: Incidence, layer: Layer, cover: Cover, group: Int, trait: Int) -> Float:
    """Mean probability that a link of the trait falls into the group, float like ``trait``."""
    owner, rows = _links(layer, trait)
    chance = shares(incidence, layer, cover.group, cover.unit, (group[owner], layer.unit[rows]))
    mean = tally(owner, chance, len(trait)) / np.maximum(layer.degree[trait], 1)
    return np.asarray(mean.clip(1e-12, 1 - 1e-9))


def _links(layer: Layer, trait: Int) -> tuple[Int, Int]:
    """Positions in ``trait`` and rows of the layer, of all links of these traits."""
    first, last = layer.starts[trait], layer.starts[trait + 1]
    return np.repeat(np.arange(len(trait)), last - first), expand(first, last)


def _best(claims: list[Claim]) -> Claim:
    """Keep each group's best layer; naming it costs the logarithm of how many there are."""
    if len(claims) == 1:
        return claims[0]
    naming = float(np.log2(len(claims)))
    best = np.argmax([claim.bits - claim.price for claim in claims], axis=0)
    column = np.arange(len(best))
    price = np.array([claim.price for claim in claims])[best, column]
    bits = np.array([claim.bits for claim in claims])[best, column]
    mine = [best[claim.group] == i for i, claim in enumerate(claims)]
    return Claim(
        bits=bits,
        price=price + np.where(bits > 0, naming, 0.0),
        inside=np.array([claim.inside for claim in claims])[best, column],
        links=np.array([claim.links for claim in claims])[best, column],
        share=np.array([claim.share for claim in claims])[best, column],
        group=np.concatenate([claim.group[kept] for claim, kept in zip(claims, mine, strict=True)]),
        trait=np.concatenate([claim.trait[kept] for claim, kept in zip(claims, mine, strict=True)]),
        layer=np.concatenate([claim.layer[kept] for claim, kept in zip(claims, mine, strict=True)]),
    )


def improved(incidence: Incidence, cover: Cover, weighed: Weighed) -> Cover:
    """Move every unit to where its own links put it: out of a group it hardly shares in, into one it does.

    A unit's links with the group's chosen traits weigh log-odds of inside against outside; it belongs where
    they outweigh the price of one more member and what a larger group costs the others.
    """
    keys, weights = [np.zeros(0, np.int64)], [np.zeros(0)]
    dilution = np.zeros(cover.count)
    for claim in weighed.claims.values():
        odds = (claim.inside + 0.5) / (claim.links - claim.inside + 0.5)
        each = np.log2(odds * (1 - claim.share) / np.maximum(claim.share, 1e-12))
        for number in np.unique(claim.layer).tolist():
            layer, mine = incidence.layers[number], claim.layer == number
            group = claim.group[mine]
            owner, rows = _links(layer, claim.trait[mine])
            keys.append(group[owner] * incidence.units + layer.unit[rows])
            weights.append(each[group[owner]])
            held = tally(cover.group, layer.stubs[cover.unit], cover.count)
            here = np.unique(group)
            dilution[here] += claim.inside[here] / np.maximum(held[here], 1) / _LN2
    key, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    gain = tally(inverse, np.concatenate(weights), len(key))
    group, unit = key // incidence.units, key % incidence.units
    sizes = np.maximum(cover.sizes, 1)
    price = np.log2(np.maximum((incidence.units - sizes + 1) / sizes, 1)) + dilution
    kept = gain > price[group]
    return Cover(group[kept], unit[kept], cover.count)


def _divergence(inside: Int, links: Int, share: Float) -> Float:
    """Bits of the best-fitting share against ``share``."""
    outside, rate = links - inside, inside / np.maximum(links, 1)
    best = xlogy(inside, rate) + xlogy(outside, 1 - rate)
    return np.asarray((best - xlogy(inside, share) - xlogy(outside, 1 - share)) / _LN2)


def _bayes_factor(inside: Float, links: Float, share: Float) -> Float:
    """Bits of a uniform share against ``share``; 0 where the group has no more than its share."""
    share = share.clip(1e-12, 1 - 1e-9)
    chance = _log2_choose(links, inside) + (xlogy(inside, share) + xlogy(links - inside, 1 - share)) / _LN2
    return np.where(inside > links * share, -chance - np.log2(links + 1), 0.0)


def _length(count: Float | Int) -> Float:
    """Bits that tell a count: the prior 1 / ((k + 1)(k + 2)) sums to one over k = 0, 1, ...

    >>> _length(np.array([0])).tolist()
    [1.0]
    """
    return np.asarray(np.log2((count + 1.0) * (count + 2.0)))


def _log2_choose(n: Float | Int | int, k: Float | Int) -> Float:
    return np.asarray((gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(np.maximum(n - k, 0) + 1.0)) / _LN2)
