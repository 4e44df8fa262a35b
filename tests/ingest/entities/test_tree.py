"""The tree of a database, for every width of its records, against a walk bit by bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.ingest.entities.tree import SearchTree

Nodes = list[tuple[int, int]]


def packed(nodes: Nodes, bits: int) -> bytes:
    """The tree's bytes, as the format's specification lays two records into a node."""
    out = b""
    for left, right in nodes:
        if bits == 28:
            middle = (left >> 24) << 4 | right >> 24
            out += (left & 0xFFFFFF).to_bytes(3) + bytes([middle]) + (right & 0xFFFFFF).to_bytes(3)
        else:
            out += left.to_bytes(bits // 8) + right.to_bytes(bits // 8)
    return out


def walked(nodes: Nodes, address: bytes, start: int = 0) -> int:
    node = start
    for place in range(8 * len(address)):
        if node >= len(nodes):
            break
        node = nodes[node][address[place // 8] >> (7 - place % 8) & 1]
    return node


@st.composite
def trees(draw: st.DrawFn, bits: int) -> Nodes:
    """Nodes that lead to later nodes only, so that every walk ends; and to data as far as the width can count."""
    count = draw(st.integers(1, 30))
    return [
        (
            draw(st.integers(node + 1, count) | st.integers(count, 2**bits - 1)),
            draw(st.integers(node + 1, count) | st.integers(count, 2**bits - 1)),
        )
        for node in range(count)
    ]


@pytest.mark.parametrize("bits", [24, 28, 32])
@pytest.mark.parametrize("width", [4, 16])
@given(data=st.data())
def test_all_at_once_is_one_by_one(bits: int, width: int, data: st.DataObject) -> None:
    nodes = data.draw(trees(bits))
    addresses = data.draw(st.lists(st.binary(min_size=width, max_size=width), max_size=9))
    tree = SearchTree(np.frombuffer(packed(nodes, bits), np.uint8), len(nodes), bits, 6)
    start = walked(nodes, bytes(12)) if width == 4 else 0
    assert tree.leaves(addresses).tolist() == [walked(nodes, address, start) for address in addresses]


def test_a_tree_that_goes_in_circles_is_refused() -> None:
    tree = SearchTree(np.frombuffer(packed([(0, 1)], 24), np.uint8), 1, 24, 4)
    with pytest.raises(ValueError, match="deeper"):
        tree.leaves([bytes(4)])


def test_a_tree_of_ipv4_ends_before_ipv6() -> None:
    tree = SearchTree(np.frombuffer(packed([(7, 7)], 24), np.uint8), 1, 24, 4)
    assert tree.leaves([bytes(16)]).tolist() == [1]
    assert tree.leaves([bytes(4)]).tolist() == [7]
