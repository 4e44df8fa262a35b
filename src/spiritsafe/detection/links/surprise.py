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

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, xlogy

from spiritsafe.detection.links.counting import chances, shared_traits
from spiritsafe.detection.links.cover import Cover, distinct, within
from spiritsafe.detection.links.incidence import Incidence, Layer
from spiritsafe.detection.population import Bool, Float, Int, expand, tally

__all__ = ["Claim", "Weighed", "extended", "improved", "weigh"]

_LN2 = float(np.log(2))
_SHRINKAGE = 4.0
"""Links of the family's average that each trait's own odds are joined by."""
_FLOORS = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True, eq=False)
class Claim:
    """What one family says of every group, in its best layer.

    Attributes:
        bits: the Bayes factor, or what naming the members saves, float [groups]; 0 where nothing is claimed.
        price: bits for having chosen the traits, float [groups].
        inside, links: E and D, int64 [groups].
        share: P, float [groups].
        names: whether the family names the members, bool [groups].
        group, trait, layer: the chosen traits, int64 [choices] each; ``layer`` indexes the incidence's layers.
    """

    bits: Float
    price: Float
    inside: Int
    links: Int
    share: Float
    names: Bool
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
        claims[family] = _best([claim for i in at for claim in _claims(incidence, i, cover)])
    members = _log2_choose(incidence.units, cover.sizes) + _length(cover.sizes)
    gains = [members - _exceptions(incidence, cover, claim) - claim.bits for claim in claims.values()]
    naming = np.argmax(gains, axis=0)
    for number, (family, gain) in enumerate(zip(claims, gains, strict=True)):
        claim = claims[family]
        names = (naming == number) & (gain > 0) & (claim.bits > 0)
        claims[family] = replace(claim, bits=np.where(names, claim.bits + gain, claim.bits), names=names)
    return Weighed(claims, members + np.log2(len(claims) + 1.0))


def _exceptions(incidence: Incidence, cover: Cover, claim: Claim) -> Float:
    """Bits that turn the units with the claim's traits into the group's members: who leaves and who joins."""
    keys = [np.zeros(0, np.int64)]
    for number in distinct(claim.layer).tolist():
        layer, mine = incidence.layers[number], claim.layer == number
        owner, rows = _links(layer, claim.trait[mine])
        keys.append(claim.group[mine][owner] * incidence.units + layer.unit[rows])
    key = distinct(np.concatenate(keys))
    common = key[within(key, cover.group * incidence.units + cover.unit)]
    have, both = (np.bincount(part // incidence.units, minlength=cover.count) for part in (key, common))
    leave, join = have - both, cover.sizes - both
    naming = _log2_choose(have, leave) + _log2_choose(incidence.units - have, join)
    return np.asarray(naming + _length(leave) + _length(join))


def _claims(incidence: Incidence, number: int, cover: Cover) -> list[Claim]:
    """One layer's claims: with all its traits, with those of degree 4 and more, 8 and more ...

    The null keeps degrees, so a claim may name its traits among the few that are as common. Each is also
    made with such traits only as lie mostly within the group: next to a group that it shares members with,
    a group keeps to its own.
    """
    layer = incidence.layers[number]
    group, trait, inside = _shared(layer, cover)
    links = layer.degree[trait]
    share = _trait_shares(incidence, layer, cover, group, trait)
    gain = _divergence(inside, links, share)
    floors = [floor for floor in _FLOORS if floor <= int(layer.degree.max(initial=2))]
    likely = inside > links * share
    tables = [
        _Sharing(group[kept], trait[kept], inside[kept], links[kept], share[kept], gain[kept])
        for kept in (likely, likely & (2 * inside > links))
    ]
    return [_claim(layer, number, cover.count, table, floor) for table in tables for floor in floors]


class _Sharing(NamedTuple):
    """Group, trait, members that have it, all that have it, the share of these by chance, bits against it."""

    group: Int
    trait: Int
    inside: Int
    links: Int
    share: Float
    gain: Float


def _claim(layer: Layer, number: int, count: int, table: _Sharing, floor: int) -> Claim:
    choices = layer.at_least(floor)
    chosen = np.flatnonzero(table.links >= floor)
    for _ in range(2):  # the fewer are chosen, the more each choice costs
        several = np.bincount(table.group[chosen], minlength=count)[table.group[chosen]]
        chosen = chosen[table.gain[chosen] > np.log2(np.maximum(choices / several, 1.0))]
    group, trait, links = table.group[chosen], table.trait[chosen], table.links[chosen]
    many, into, drawn = (tally(group, w, count) for w in (np.ones(len(group)), table.inside[chosen], links))
    mean = tally(group, table.share[chosen] * links, count) / np.maximum(drawn, 1)
    bits = _bayes_factor(into, drawn, mean)
    price = _log2_choose(choices, many) + _length(many)
    worth = (many > 0) & (bits - price > -1.0)
    kept = worth[group]
    return Claim(
        bits=np.where(worth, bits, 0.0),
        price=np.where(worth, price, 1.0),
        inside=np.where(worth, into, 0).astype(np.int64),
        links=np.where(worth, drawn, 0).astype(np.int64),
        share=mean,
        names=np.zeros(count, np.bool_),
        group=group[kept],
        trait=trait[kept],
        layer=np.full(int(kept.sum()), number),
    )


def _shared(layer: Layer, cover: Cover) -> tuple[Int, Int, Int]:
    """Group, trait and members of every trait that two or more members of a group have."""
    return shared_traits(cover.group, cover.unit, *layer.of_unit, layer.traits)


def _trait_shares(incidence: Incidence, layer: Layer, cover: Cover, group: Int, trait: Int) -> Float:
    """Mean probability that a link of the trait falls into the group, float like ``trait``."""
    links, strata = (layer.unit, layer.starts), (incidence.stratum, incidence.total(layer))
    mean = chances((cover.group, cover.unit), (group, trait), links, layer.stubs, strata)
    return np.asarray(mean.clip(1e-12, 1 - 1e-9))


def _links(layer: Layer, trait: Int) -> tuple[Int, Int]:
    """Positions in ``trait`` and rows of the layer, of all links of these traits."""
    first, last = layer.starts[trait], layer.starts[trait + 1]
    return np.repeat(np.arange(len(trait)), last - first), expand(first, last)


def _best(claims: list[Claim]) -> Claim:
    """Keep each group's best claim of a family; naming it costs the logarithm of how many there are."""
    best = np.argmax([claim.bits - claim.price for claim in claims], axis=0)
    column = np.arange(len(best))
    bits, price, inside, links, share = (
        np.array([getattr(claim, name) for claim in claims])[best, column]
        for name in ("bits", "price", "inside", "links", "share")
    )
    mine = [best[claim.group] == i for i, claim in enumerate(claims)]
    group, trait, layer = (
        np.concatenate([getattr(claim, name)[kept] for claim, kept in zip(claims, mine, strict=True)])
        for name in ("group", "trait", "layer")
    )
    naming = np.where(bits > 0, np.log2(len(claims)), 0.0)
    return Claim(bits, price + naming, inside, links, share, claims[0].names, group, trait, layer)


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
        for number in distinct(claim.layer).tolist():
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


def extended(incidence: Incidence, cover: Cover, weighed: Weighed) -> Cover:
    """Add the units whose claimed traits are, on balance, had by members: whose card mostly members have.

    A score counts what ties are worth given that they exist; who belongs is another question, and whoever
    shares the group's own values does, though his joining surprises nobody. Few have one value, so its odds
    are drawn towards those of all values that the family claims.
    """
    keys, weights = [np.zeros(0, np.int64)], [np.zeros(0)]
    inside = cover.group * incidence.units + cover.unit
    for claim in weighed.claims.values():
        for number in distinct(claim.layer).tolist():
            layer, mine = incidence.layers[number], claim.layer == number
            owner, rows = _links(layer, claim.trait[mine])
            key = claim.group[mine][owner] * incidence.units + layer.unit[rows]
            have = tally(owner, within(key, inside), int(mine.sum()))
            outside = layer.degree[claim.trait[mine]] - have
            rate = ((claim.inside + 0.5) / (claim.links + 1))[claim.group[mine]]
            odds = (have + _SHRINKAGE * rate) / (outside + _SHRINKAGE * (1 - rate))
            keys.append(key)
            weights.append(np.log2(odds)[owner])
    key, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    joins = key[tally(inverse, np.concatenate(weights), len(key)) > 0]
    key = distinct(np.concatenate([inside, joins]))
    return Cover(key // incidence.units, key % incidence.units, cover.count)


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
