import random

from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.casework.report.graph import HEIGHT, WIDTH, graph
from spiritsafe.model.dossier import SharedTrait
from spiritsafe.model.words import Family
from tests.casework.scans import traits


def trait(label: str, members: list[int], bits: float = 5.0) -> SharedTrait:
    return SharedTrait(kind="payment", family=Family.PAYMENT, label=label, members=members, outside=1, bits=bits)


def names(number: int) -> list[str]:
    return [f"a{n}" for n in range(number)]


def test_every_edge_says_why() -> None:
    drawn = graph(names(4), [trait("x", [0, 1]), trait("y", [1, 2], 9.5)])
    assert drawn is not None
    assert [node.listed.tip for node in drawn.traits] == [
        "1. payment y: 2 members, 1 account outside, 9.5 bits",
        "2. payment x: 2 members, 1 account outside, 5.0 bits",
    ]
    assert [node.edges.count("L") for node in drawn.traits] == [2, 2]
    assert [node.numbers for node in drawn.accounts] == [[2], [1, 2], [1]]
    assert drawn.apart == 1
    assert not drawn.collapsed


def test_accounts_with_identical_traits_collapse_in_a_large_group() -> None:
    drawn = graph(names(400), [trait("x", list(range(200))), trait("y", list(range(200, 400)))])
    assert drawn is not None
    assert drawn.collapsed
    assert [node.accounts for node in drawn.accounts] == [200, 200]
    assert drawn.edges == 2


def test_what_nearly_everyone_has_is_told_and_not_drawn() -> None:
    drawn = graph(names(20), [trait("all", list(range(19))), trait("x", [0, 1])])
    assert drawn is not None
    assert [item.trait.label for item in drawn.common] == ["all"]
    assert [node.listed.trait.label for node in drawn.traits] == ["x"]
    assert drawn.apart == 18


def test_a_group_that_shares_one_thing_only_still_has_a_picture() -> None:
    drawn = graph(names(5), [trait("all", list(range(5)))])
    assert drawn is not None
    assert drawn.common == []
    assert drawn.edges == 5


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 60), st.integers(0, 50), st.integers(0, 1000))
def test_never_more_nodes_than_asked_and_all_within_the_picture(members: int, cards: int, seed: int) -> None:
    shared = [item for item in traits(members, cards, random.Random(seed)) if item.members]
    drawn = graph(names(members), shared, most_nodes=40)
    assert drawn is not None
    assert len(drawn.traits) + len(drawn.accounts) <= 40
    assert len(drawn.traits) + len(drawn.common) + drawn.weaker == len(drawn.listed) == len(shared)
    for x, y in [(node.x, node.y) for node in drawn.traits] + [(node.x, node.y) for node in drawn.accounts]:
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


def test_the_drawing_does_not_depend_on_the_state_of_chance() -> None:
    shared = traits(80, 10, random.Random(4))
    random.seed(1)
    first = graph(names(80), shared)
    random.seed(2)
    assert graph(names(80), shared) == first


def test_nothing_shared_nothing_drawn() -> None:
    assert graph(names(3), []) is None
