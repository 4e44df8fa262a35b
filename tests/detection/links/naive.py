"""What the compiled loops must say, said slowly."""

from spiritsafe.detection.links.incidence import Incidence
from spiritsafe.detection.population import Int

Link = tuple[int, tuple[int, int]]


def links_of(incidence: Incidence, families: tuple[str, ...]) -> set[Link]:
    """Every link of a trait that links: unit and (layer, trait)."""
    return {
        (unit, (number, trait))
        for number, layer in enumerate(incidence.layers)
        if layer.family in families
        for trait, unit in zip(layer.trait.tolist(), layer.unit.tolist(), strict=True)
        if layer.degree[trait] >= 2
    }


def core_of(links: set[Link]) -> set[Link]:
    """Leave out ends until every unit and every trait has two links."""
    while True:
        units, traits = [unit for unit, _ in links], [trait for _, trait in links]
        kept = {(u, t) for u, t in links if units.count(u) >= 2 and traits.count(t) >= 2}
        if kept == links:
            return kept
        links = kept


def shared(incidence: Incidence, number: int, groups: list[Int]) -> list[tuple[int, int, int]]:
    """Group, trait and members of every trait that two or more of a group have."""
    layer, out = incidence.layers[number], []
    for group, members in enumerate(groups):
        for trait in range(layer.traits):
            inside = set(layer.unit[layer.trait == trait].tolist()) & set(members.tolist())
            if len(inside) >= 2:
                out.append((group, trait, len(inside)))
    return out
