"""Is a linked group tied more closely than chance ties anybody? Sharing only; abuse is not asked here.

Proposals (``proposals``) are weighed (``surprise``), mended member by member, and kept apart (``apart``).
Decoys - the same links with accounts permuted within each kind - go through the same machinery. A score
of s bits turns up by chance in at most 2^-s of all worlds, which needs no sample; decoys guard the
promise where its premises fail. The larger of the two estimates counts, per group reported: the q-value
(target-decoy competition, Elias & Gygi 2007, doi:10.1038/nmeth1019).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc

from spiritsafe.detection.links.apart import apart
from spiritsafe.detection.links.cover import Cover, cover_of, together
from spiritsafe.detection.links.incidence import Incidence, read, shuffled
from spiritsafe.detection.links.ordering import by_group
from spiritsafe.detection.links.proposals import partitions
from spiritsafe.detection.links.rarity import RARE_DEGREE
from spiritsafe.detection.links.surprise import Claim, Weighed, extended, improved, weigh
from spiritsafe.detection.population import Float, Int, Population, expand
from spiritsafe.model.findings import Evidence, total_bits
from spiritsafe.model.words import LINK_PREFIX, Family, family_of

__all__ = ["LinkGroup", "decoy_worlds", "linked_groups", "q_values"]

_MENDING = 5
"""Rounds in which members may change; a group that gains nothing more keeps its best state."""
_SURE_BITS = 7.0
"""A group that completed still has these is beyond doubt; a weaker one must keep half of its bits."""
_BATCH = 1_000_000
"""Pairs of group and unit weighed at once."""


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
    q_value: float

    @property
    def bits(self) -> float:
        """The sum of the evidence."""
        return total_bits(self.evidence)


def linked_groups(
    population: Population,
    least: int,
    seed: int,
    most_degree: int = RARE_DEGREE,
    strata: Int | None = None,
    *,
    told: Callable[[str], object] = lambda _: None,
) -> list[LinkGroup]:
    """Return groups of at least ``least`` units that share more than chance allows, strongest first.

    Args:
        population: accounts and traits.
        least: fewest organisations in a group.
        seed: of the decoys.
        most_degree: a value that more accounts have never links (see ``incidence.popular_degree``).
        strata: int64 [units], within which decoys are permuted; by default popular values.
        told: called with what has been done, stage by stage.
    """
    incidence = read(population, most_degree, strata)
    told("links read")
    cover, bits = _groups(incidence, least)
    told("groups found")
    if not cover.count:
        return []
    rng = np.random.default_rng(seed)
    links = sum(len(layer.unit) for layer in incidence.layers)
    worlds = decoy_worlds(links)
    decoys = [np.zeros(0)]
    for world in range(worlds):
        decoys.append(_groups(shuffled(incidence, rng), least)[1])
        told(f"decoy world {world + 1} of {worlds} searched")
    q = q_values(bits, np.concatenate(decoys), worlds)
    weighed = weigh(incidence, cover)
    accounts, first = by_group(
        np.arange(population.size, dtype=np.int32),
        population.accounts.unit,
        population.units,
        np.ones(population.size, np.bool_),
    )
    return [
        LinkGroup(
            np.sort(accounts[expand(first[members], first[members + 1])]).astype(np.int64),
            _evidence(incidence, weighed, number, len(members)),
            value,
        )
        for number, (members, value) in enumerate(zip(cover.members(), q.tolist(), strict=True))
    ]


def decoy_worlds(links: int) -> int:
    """Return how many decoys to draw: fewer of large worlds, where each holds many groups' chances.

    >>> decoy_worlds(10_000), decoy_worlds(9_000_000)
    (9, 2)
    """
    return int(np.clip(1_000_000 // max(links, 1), 2, 9))


def q_values(bits: Float, decoys: Float, worlds: int) -> Float:
    """Return the false-discovery rate at which each group is reported, float like ``bits``.

    Args:
        bits: scores, falling.
        decoys: scores of all decoy groups.
        worlds: number of decoy worlds.

    >>> q_values(np.array([10.0, 1.0]), np.array([2.0]), 1).tolist()
    [0.0009765625, 0.5]
    """
    above = len(decoys) - np.searchsorted(np.sort(decoys), bits)
    expected = np.maximum(above / worlds, np.exp2(-np.minimum(bits, 300.0)))
    raw = np.minimum(expected / np.arange(1, len(bits) + 1), 1.0)
    return np.asarray(np.minimum.accumulate(raw[::-1])[::-1])


def _groups(incidence: Incidence, least: int) -> tuple[Cover, Float]:
    """Find, weigh, mend and complete groups; those kept apart, strongest first, and their bits."""
    found: list[Int] = []
    for proposed in _batches(partitions(incidence, least)):
        weighed = weigh(incidence, proposed)
        for growing in (False, True):
            found += _mended(incidence, (proposed, weighed), least, growing)
    if not found:
        return cover_of([]), np.zeros(0)
    cover, _ = _apart(incidence, found)
    return _apart(incidence, _completed(incidence, cover))  # completed, two groups may be one


def _apart(incidence: Incidence, found: list[Int]) -> tuple[Cover, Float]:
    distinct = {members.tobytes(): members for members in found}
    members = [distinct[key] for key in sorted(distinct)]
    bits = weigh(incidence, cover_of(members)).bits
    kept = apart(members, bits, incidence.units)
    return cover_of([members[number] for number in kept]), bits[kept]


def _completed(incidence: Incidence, cover: Cover) -> list[Int]:
    """Add to every group who else belongs to it, where that leaves enough of its bits."""
    weighed = weigh(incidence, cover)
    found, members = weighed.bits, cover.members()
    for _ in range(_MENDING):
        cover = extended(incidence, cover, weighed)
        weighed = weigh(incidence, cover)
        holds = weighed.bits >= np.minimum(found / 2, _SURE_BITS)
        members = [new if better else old for new, old, better in zip(cover.members(), members, holds, strict=True)]
    return members


def _batches(covers: Iterable[Cover]) -> Iterator[Cover]:
    """Join covers as far as memory allows: a group proposed a hundred times is weighed once."""
    waiting: list[Cover] = []
    for cover in covers:
        waiting.append(cover)
        if sum(len(part.unit) for part in waiting) > _BATCH:
            yield together(waiting)
            waiting = []
    if waiting:
        yield together(waiting)


def _mended(incidence: Incidence, state: tuple[Cover, Weighed], least: int, growing: bool) -> list[Int]:
    """Each group at its best, if that has bits at all.

    Mended by score alone a group may close in on its core; ``growing``, it takes its own values' owners along.
    """
    cover, weighed = state
    best_bits = np.zeros(cover.count)
    best: list[Int] = [np.zeros(0, np.int64)] * cover.count
    names = np.arange(cover.count)
    for left in reversed(range(_MENDING + 1)):
        members = cover.members()
        for number in np.flatnonzero(weighed.bits > best_bits[names]).tolist():
            best[names[number]], best_bits[names[number]] = members[number], weighed.bits[number]
        mended = improved(incidence, cover, weighed) if left == _MENDING or not growing else cover
        mended = extended(incidence, mended, weighed) if growing else mended
        marks = mended.fingerprints()
        first = np.sort(np.unique(marks, return_index=True)[1])  # groups that have become one go on as one
        moved = first[(mended.sizes[first] >= least) & (marks != cover.fingerprints())[first]]
        if not len(moved) or not left:
            break
        cover, names = mended.only(moved), names[moved]
        weighed = weigh(incidence, cover)
    return [best[number] for number in np.flatnonzero(best_bits > 0).tolist()]


def _evidence(incidence: Incidence, weighed: Weighed, number: int, size: int) -> list[Evidence]:
    out = [
        _shares(incidence, family, claim, number, size)
        for family, claim in weighed.claims.items()
        if claim.bits[number] > 0
    ]
    price = float(weighed.price[number] + sum(claim.price[number] for claim in weighed.claims.values()))
    detail = (
        f"the price of having looked: so many bits name {size} of {incidence.units} accounts and the values, "
        "of all that link anybody, that they share"
    )
    return [*out, _item("groups_looked_at", Family.CONTEXT, -price, 1.0, detail)]


def _shares(incidence: Incidence, family: str, claim: Claim, number: int, size: int) -> Evidence:
    mine = claim.group == number
    layer = incidence.layers[int(claim.layer[mine][0])]
    trait = claim.trait[mine]
    rows = expand(layer.starts[trait], layer.starts[trait + 1])
    inside, links, share = int(claim.inside[number]), int(claim.links[number]), float(claim.share[number])
    name = family.removeprefix(LINK_PREFIX)
    detail = (
        f"{inside} of the {links} links of {len(trait)} {name} values (seen {int(layer.n[rows].sum())} times) lie "
        f"among these {size} accounts; chance would put {links * share:.1f} there"
    )
    kind = family if family.startswith(LINK_PREFIX) else LINK_PREFIX + family
    tail = float(max(betainc(inside, links - inside + 1, share), 1e-90))
    if claim.names[number]:
        detail += "; these values name the members, which need not be listed one by one"
    return _item(f"rare_{name}", family_of(kind), float(claim.bits[number]), tail, detail)


def _item(signal: str, family: Family, bits: float, p_value: float, detail: str) -> Evidence:
    return Evidence(signal=signal, family=family, weight_bits=round(bits, 2), p_value=p_value, detail=detail)
