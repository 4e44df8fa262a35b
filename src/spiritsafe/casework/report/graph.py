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

__all__ = ["AccountNode", "Graph", "Listed", "TraitNode", "graph"]

WIDTH, HEIGHT, MARGIN = 700, 480, 22
_MOST_NODES = 300
_COMMON = 0.9  # share of the members from which a trait counts as everyone's
_SQUARE = (25.0, 21.0)  # room that a trait's square takes, pixels
_EASING = 12
_SMALLEST, _LARGEST = 3.5, 16.0  # radii of account nodes, pixels


@dataclass(frozen=True, slots=True)
class Listed:
    """A shared trait and its number, the same in the picture, the list and the members' table."""

    number: int
    trait: SharedTrait
    tip: str


_Group = tuple[list[Listed], list[int]]  # traits, and the accounts that have exactly these


@dataclass(frozen=True, slots=True)
class TraitNode:
    """A drawn trait: its place in pixels and its edges as one path; rarer traits have thicker ones."""

    listed: Listed
    x: float
    y: float
    edges: str
    thickness: float


@dataclass(frozen=True, slots=True)
class AccountNode:
    """One account, or several that share exactly the same drawn traits; ``numbers`` are the traits'."""

    x: float
    y: float
    radius: float
    accounts: int
    numbers: list[int]
    tip: str


@dataclass(frozen=True, slots=True)
class Graph:
    """The drawn traits and accounts, and what was left out of the drawing.

    Attributes:
        listed: every shared trait.
        common: traits that nearly every member has; a line from each to everyone would hide the rest.
        weaker: how many further traits are listed but not drawn, for want of room.
        edges: number of drawn lines.
        collapsed: True where accounts with identical drawn traits are one node.
        apart: members that share no drawn trait.
    """

    listed: list[Listed]
    traits: list[TraitNode]
    accounts: list[AccountNode]
    common: list[Listed]
    weaker: int
    edges: int
    collapsed: bool
    apart: int


def graph(accounts: Sequence[str], shared: Sequence[SharedTrait], most_nodes: int = _MOST_NODES) -> Graph | None:
    """Build the picture of ``shared`` traits among ``accounts``; None where nothing is shared.

    Above ``most_nodes`` nodes, accounts with identical traits become one node; if that is not enough, the
    weakest traits are listed but not drawn.
    """
    if not shared:
        return None
    ordered = sorted(shared, key=lambda trait: (-trait.bits * len(trait.members), trait.kind, trait.label))
    listed = [Listed(number, trait, _told(number, trait)) for number, trait in enumerate(ordered, start=1)]
    common = [item for item in listed if len(item.trait.members) >= _COMMON * len(accounts)]
    common = [] if len(common) == len(listed) else common
    rest = [item for item in listed if item not in common]
    drawn, groups, collapsed = _within(rest, most_nodes)
    places = _places([[drawn.index(item) for item in items] for items, _ in groups], len(drawn))
    return Graph(
        listed=listed,
        traits=[_trait_node(item, n, places, groups, len(drawn)) for n, item in enumerate(drawn)],
        accounts=[_account_node(accounts, *group, places[len(drawn) + n]) for n, group in enumerate(groups)],
        common=common,
        weaker=len(rest) - len(drawn),
        edges=sum(len(items) for items, _ in groups),
        collapsed=collapsed,
        apart=len(accounts) - sum(len(members) for _, members in groups),
    )


def _told(number: int, trait: SharedTrait) -> str:
    return (
        f"{number}. {trait.kind} {trait.label}: {counted(len(trait.members), 'member')}, "
        f"{counted(trait.outside, 'account')} outside, {trait.bits:.1f} bits"
    )


def _within(listed: list[Listed], most_nodes: int) -> tuple[list[Listed], list[_Group], bool]:
    """Choose what fits into ``most_nodes`` nodes: traits, account groups, and whether these were collapsed."""
    groups = _groups(listed, collapse=False)
    if len(listed) + len(groups) <= most_nodes:
        return listed, groups, False
    groups = _groups(listed, collapse=True)
    while len(listed) + len(groups) > most_nodes and len(listed) > 1:
        listed = listed[: len(listed) * 4 // 5]
        groups = _groups(listed, collapse=True)
    return listed, groups, True


def _groups(listed: Sequence[Listed], *, collapse: bool) -> list[_Group]:
    """Accounts with at least one trait, beside the traits they have; one account each unless collapsed."""
    has: dict[int, list[Listed]] = defaultdict(list)
    for item in listed:
        for member in item.trait.members:
            has[member].append(item)
    if not collapse:
        return [(has[member], [member]) for member in sorted(has)]
    same: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for member in sorted(has):
        same[tuple(item.number for item in has[member])].append(member)
    return [(has[members[0]], members) for members in same.values()]


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
    fitted = _fitted([(float(x), float(y)) for x, y in layout.coords[:nodes]])
    return [*_eased(fitted[:traits]), *fitted[traits:]]


def _fitted(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Stretch the points over the picture."""
    low_x, high_x = min(x for x, _ in points), max(x for x, _ in points)
    low_y, high_y = min(y for _, y in points), max(y for _, y in points)
    wide = (WIDTH - 2 * MARGIN) / ((high_x - low_x) or 1.0)
    tall = (HEIGHT - 2 * MARGIN) / ((high_y - low_y) or 1.0)
    return [(round(MARGIN + (x - low_x) * wide, 1), round(MARGIN + (y - low_y) * tall, 1)) for x, y in points]


def _eased(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Push squares that cover each other apart, along whichever side needs the smaller push."""
    eased = [list(point) for point in points]
    for _ in range(_EASING):
        for n, one in enumerate(eased):
            for other in eased[:n]:
                wide = _SQUARE[0] - abs(one[0] - other[0])
                tall = _SQUARE[1] - abs(one[1] - other[1])
                if wide > 0 and tall > 0:
                    axis, push = (0, wide / 2) if wide < tall else (1, tall / 2)
                    sign = 1.0 if one[axis] >= other[axis] else -1.0
                    one[axis] += sign * push
                    other[axis] -= sign * push
    return [(_held(x, WIDTH), _held(y, HEIGHT)) for x, y in eased]


def _held(value: float, size: int) -> float:
    return round(min(max(value, MARGIN), size - MARGIN), 1)


def _trait_node(
    item: Listed, place: int, places: list[tuple[float, float]], groups: list[_Group], traits: int
) -> TraitNode:
    x, y = places[place]
    ends = [places[traits + n] for n, (items, _) in enumerate(groups) if item in items]
    edges = "".join(f"M{x:g} {y:g}L{to_x:g} {to_y:g}" for to_x, to_y in ends)
    thickness = round(min(3.0, 0.5 + max(item.trait.bits, 0.0) / 8), 2)
    return TraitNode(item, x, y, edges, thickness)


def _account_node(
    accounts: Sequence[str], items: list[Listed], members: list[int], place: tuple[float, float]
) -> AccountNode:
    numbers = [item.number for item in items]
    who = accounts[members[0]]
    if len(members) > 1:
        who = f"{counted(len(members), 'account')} ({who} and others)"
    radius = _SMALLEST if len(members) == 1 else min(_LARGEST, max(8.0, round(3.0 * sqrt(len(members)), 1)))
    return AccountNode(
        place[0], place[1], radius, len(members), numbers, f"{who}: shares {', '.join(map(str, numbers))}"
    )
