"""Compiled counts that every weighing needs: which traits a group's members share, and what chance would give.

A group at a time with scratch that is used again: laying out every link of every group at once would take the
memory that the links themselves take, several times.
"""

import numpy as np

from spiritsafe.model.kernel import Array, kernel

__all__ = ["chances", "shared_traits"]


@kernel
def shared_traits(group: Array, unit: Array, traits: Array, starts: Array, count: int) -> tuple[Array, Array, Array]:
    """Return group, trait and members of every trait that two or more members of a group have.

    Args:
        group, unit: int64 [pairs], sorted by group.
        traits: int32, linking traits by unit; ``starts`` int64 [units + 1] says where each unit's begin.
        count: number of all traits.

    Returns:
        int64 [found] each, by group and then by trait.
    """
    seen, touched = np.zeros(count, np.int32), np.empty(count, np.int32)
    room = 1024
    groups, names, inside = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    filled, begin = 0, 0
    while begin < len(group):
        end, found = begin, 0
        while end < len(group) and group[end] == group[begin]:
            for at in range(starts[unit[end]], starts[unit[end] + 1]):
                trait = traits[at]
                seen[trait] += 1
                if seen[trait] == 2:
                    touched[found] = trait
                    found += 1
            end += 1
        if filled + found > room:
            room = 2 * (filled + found)
            more = np.empty(room - filled, np.int64)
            groups = np.concatenate((groups[:filled], more))
            names = np.concatenate((names[:filled], more))
            inside = np.concatenate((inside[:filled], more))
        for trait in np.sort(touched[:found]):
            groups[filled], names[filled], inside[filled] = group[begin], trait, seen[trait]
            filled += 1
        for row in range(begin, end):
            for at in range(starts[unit[row]], starts[unit[row] + 1]):
                seen[traits[at]] = 0
        begin = end
    return groups[:filled].copy(), names[:filled].copy(), inside[:filled].copy()


@kernel
def chances(
    cover: tuple[Array, Array],
    pairs: tuple[Array, Array],
    links: tuple[Array, Array],
    stubs: Array,
    strata: tuple[Array, Array],
) -> Array:
    """Return the mean probability under the null that a link of the trait falls into the group.

    Args:
        cover: groups and units, int64 [members] each, sorted by group.
        pairs: groups and traits, int64 [pairs] each, sorted by group.
        links: units by trait, int32, and where each trait's begin, int64.
        stubs: links per unit in this layer, int64 [units].
        strata: the stratum of every unit, int64 [units], and the links of each, float64 [strata].
    """
    group, unit = cover
    asked, trait = pairs
    ends, starts = links
    stratum, total = strata
    mine = np.zeros(len(total), np.float64)
    out = np.empty(len(asked), np.float64)
    begin, row = 0, 0
    while row < len(asked):
        while begin < len(group) and group[begin] < asked[row]:
            begin += 1
        end = begin
        while end < len(group) and group[end] == asked[row]:
            mine[stratum[unit[end]]] += stubs[unit[end]]
            end += 1
        here = asked[row]
        while row < len(asked) and asked[row] == here:
            chance = 0.0
            first, last = starts[trait[row]], starts[trait[row] + 1]
            for at in range(first, last):
                s = stratum[ends[at]]
                chance += mine[s] / max(total[s], 1.0)
            out[row] = chance / max(last - first, 1)
            row += 1
        for at in range(begin, end):
            mine[stratum[unit[at]]] = 0.0
        begin = end
    return out
