"""The core and its components are those that a slow search finds."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.detection.links.core import components, peel
from spiritsafe.detection.links.incidence import Incidence, read
from spiritsafe.detection.links.web import web_of
from tests.detection.links.naive import core_of, links_of
from tests.detection.links.worlds import chance, population


def _some(seed: int) -> Incidence:
    return read(population(60, chance(60, {"network": 40, "payment": 50}, seed, each=2)), 5_000)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_the_core_is_what_has_two_links_on_both_sides(seed: int) -> None:
    incidence = _some(seed)
    web = web_of(incidence)
    alive, label = np.ones(web.nodes, np.bool_), np.zeros(web.nodes, np.int32)
    nodes = peel(web, np.arange(web.nodes, dtype=np.int32), label, alive)
    core = core_of(links_of(incidence, incidence.families))
    assert {int(i) for i in nodes if i < web.units} == {unit for unit, _ in core}
    assert len(nodes) == len({unit for unit, _ in core}) + len({trait for _, trait in core})
    assert np.array_equal(np.flatnonzero(alive), np.sort(nodes))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_components_hang_together_and_do_not_touch(seed: int) -> None:
    incidence = _some(seed)
    web = web_of(incidence)
    alive, label = np.ones(web.nodes, np.bool_), np.zeros(web.nodes, np.int32)
    nodes = peel(web, np.arange(web.nodes, dtype=np.int32), label, alive)
    members, begins = components(web, nodes, label, alive, 3)
    assert np.array_equal(np.sort(members), np.flatnonzero(alive))
    for number, (first, last) in enumerate(pairwise(begins)):
        part = set(members[first:last].tolist())
        near = {int(j) for i in part for j in web.ends[web.starts[i] : web.starts[i + 1]] if alive[j]}
        assert near == part  # every node has two links, so each is another's neighbour
        assert {int(label[i]) for i in part} == {number}
        links = sum(int(alive[j]) for i in part for j in web.ends[web.starts[i] : web.starts[i + 1]]) // 2
        assert links - len(part) + 1 >= 2
        assert sum(i < web.units for i in part) >= 3


def test_a_web_has_every_link_twice() -> None:
    incidence = _some(1)
    web = web_of(incidence)
    assert len(web.ends) == 2 * len(links_of(incidence, incidence.families))
    for i in range(web.nodes):
        for j in web.ends[web.starts[i] : web.starts[i + 1]].tolist():
            assert (i < web.units) != (j < web.units)
            assert i in web.ends[web.starts[j] : web.starts[j + 1]]
