"""Lays out which members share what: accounts and traits as one bipartite graph.

Drawing every pair that shares a card hides the card; drawing the card as a node says why each edge is there. The
layout is computed here, once and from fixed starting places, because a browser takes minutes for what igraph
does in a blink, and a picture in a case file must not change when it is drawn again.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin, sqrt

import igraph

from spiritsafe.casework.words import counted
from spiritsafe.model.dossier import SharedTrait

__all__ = ["AccountNode", "Graph", "TraitNode", "graph"]

WIDTH, HEIGHT, MARGIN = 700, 480, 22
_MOST_NODES = 300
_LARGEST = 16.0  # radius of the largest account node, pixels

_Group = tuple[frozenset[int], list[int]]  # a set of traits and the accounts that have exactly these


@dataclass(frozen=True, slots=True)
class TraitNode:
    """A shared trait: its number in the list beside the picture, its place, and its edges as one path."""

    number: int
    trait: SharedTrait
    x: float
    y: float
    edges: str
    thickness: float
    tip: str


@dataclass(frozen=True, slots=True)
class AccountNode:
    """One account, or several that share exactly the same traits."""

    x: float
    y: float
    radius: float
    accounts: int
    traits: list[int]
    tip: str


@dataclass(frozen=True, slots=True)
class Graph:
    """The drawn traits and accounts, and what was left out of the drawing.

    Attributes:
        collapsed: True where accounts with identical traits are drawn as one node.
        undrawn: traits too weak to be drawn, still listed.
        apart: members that share no drawn trait.
    """

    traits: list[TraitNode]
    accounts: list[AccountNode]
    collapsed: bool
    undrawn: list[TraitNode]
    apart: int


def graph(accounts: Sequence[str], shared: Sequence[SharedTrait], most_nodes: int = _MOST_NODES) -> Graph | None:
    """Build the picture of ``shared`` traits among ``accounts``; None where nothing is shared.

    Above ``most_nodes`` nodes, accounts with identical traits become one node; if that is not enough, the
    weakest traits are listed but not drawn.
    """
    if not shared:
        return None
    ordered = sorted(shared, key=lambda trait: (-trait.bits * len(trait.members), trait.kind, trait.label))
    alone = _groups(ordered, collapse=False)
    collapsed = len(ordered) + len(alone) > most_nodes
    drawn = len(ordered)
    groups = _groups(ordered, collapse=collapsed)
    while drawn + len(groups) > most_nodes and drawn > 1:
        drawn = drawn * 4 // 5
        groups = _groups(ordered[:drawn], collapse=True)
    places = _places([sorted(traits) for traits, _ in groups], drawn)
    strongest = max(trait.bits for trait in ordered) or 1.0
    nodes = [_trait_node(number, trait, places, drawn, groups, strongest) for number, trait in enumerate(ordered)]
    return Graph(
        traits=nodes[:drawn],
        accounts=[_account_node(accounts, *group, places[drawn + n]) for n, group in enumerate(groups)],
        collapsed=collapsed,
        undrawn=nodes[drawn:],
        apart=len(accounts) - sum(len(members) for _, members in groups),
    )


def _groups(traits: Sequence[SharedTrait], *, collapse: bool) -> list[_Group]:
    """Accounts with at least one trait, by the set of traits they have; one account each unless collapsed."""
    has: dict[int, set[int]] = defaultdict(set)
    for number, trait in enumerate(traits):
        for member in trait.members:
            has[member].add(number)
    if not collapse:
        return [(frozenset(has[member]), [member]) for member in sorted(has)]
    same: dict[frozenset[int], list[int]] = defaultdict(list)
    for member in sorted(has):
        same[frozenset(has[member])].append(member)
    return sorted(same.items(), key=lambda group: group[1])


def _places(neighbours: list[list[int]], traits: int) -> list[tuple[float, float]]:
    """Place traits, then account groups, in pixels (Fruchterman and Reingold 1991).

    A weak tie of every trait to one undrawn centre keeps groups that share nothing within the picture.
    """
    nodes = traits + len(neighbours)
    edges = [(trait, traits + place) for place, group in enumerate(neighbours) for trait in group]
    ties = [(trait, nodes) for trait in range(traits)]
    drawing = igraph.Graph(n=nodes + 1, edges=edges + ties)
    weights = [1.0] * len(edges) + [0.15] * len(ties)
    turn = 2 * pi * 0.618033988749895  # successive nodes a golden angle apart never start in one place
    start = [[sqrt(n + 1) * cos(turn * n), sqrt(n + 1) * sin(turn * n)] for n in range(nodes)] + [[0.0, 0.0]]
    igraph.set_random_number_generator(random.Random(0))  # noqa: S311 - a drawing, not a secret
    layout = drawing.layout_fruchterman_reingold(weights=weights, seed=start, niter=600, grid=False)
    igraph.set_random_number_generator(random)
    return _fitted([(float(x), float(y)) for x, y in layout.coords[:nodes]])


def _fitted(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Stretch the points over the picture."""
    low_x, high_x = min(x for x, _ in points), max(x for x, _ in points)
    low_y, high_y = min(y for _, y in points), max(y for _, y in points)
    wide = (WIDTH - 2 * MARGIN) / ((high_x - low_x) or 1.0)
    tall = (HEIGHT - 2 * MARGIN) / ((high_y - low_y) or 1.0)
    return [(round(MARGIN + (x - low_x) * wide, 1), round(MARGIN + (y - low_y) * tall, 1)) for x, y in points]


def _trait_node(
    number: int,
    trait: SharedTrait,
    places: list[tuple[float, float]],
    drawn: int,
    groups: list[_Group],
    strongest: float,
) -> TraitNode:
    x, y = places[number] if number < drawn else (0.0, 0.0)
    ends = [places[drawn + n] for n, (traits, _) in enumerate(groups) if number in traits]
    tip = (
        f"{number + 1}. {trait.kind} {trait.label}: {counted(len(trait.members), 'member')}, "
        f"{counted(trait.outside, 'account')} outside, {trait.bits:.1f} bits"
    )
    edges = "".join(f"M{x:g} {y:g}L{to_x:g} {to_y:g}" for to_x, to_y in ends)
    return TraitNode(number + 1, trait, x, y, edges, round(0.6 + 1.8 * max(trait.bits, 0.0) / strongest, 2), tip)


def _account_node(
    accounts: Sequence[str], traits: frozenset[int], members: list[int], place: tuple[float, float]
) -> AccountNode:
    numbers = sorted(number + 1 for number in traits)
    who = accounts[members[0]]
    if len(members) > 1:
        who = f"{counted(len(members), 'account')} ({who} and others)"
    tip = f"{who}: shares {', '.join(map(str, numbers))}"
    radius = min(_LARGEST, round(3.5 * sqrt(len(members)), 1))
    return AccountNode(place[0], place[1], radius, len(members), numbers, tip)
