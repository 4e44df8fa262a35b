"""The search tree of a MaxMind database, walked for many addresses at once.

One step of numpy per bit instead of one call per address; and no damaged file can lead it astray, because a node is
only looked up if the tree holds it, and a walk ends with the address. The package's compiled reader, which is as fast,
crashes the process on some damaged files. Source: MaxMind DB file format 2.0, 'Binary Search Tree Section'.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SearchTree"]

Int = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_V4_IN_V6 = 96


@dataclass(frozen=True)
class SearchTree:
    """A binary tree of ``nodes`` nodes, two records of ``bits`` bits each, of IPv4 or of all addresses.

    Attributes:
        content: the file's ``nodes * bits / 4`` first bytes.
        bits: 24, 28 or 32.
        version: 4 or 6.
    """

    content: Bytes
    nodes: int
    bits: int
    version: int

    def leaves(self, packed: Sequence[bytes], prefix: int | None = None) -> Int:
        """Return the record at which each address ends, int64 [n]: ``nodes`` for none, above it data.

        Args:
            packed: addresses, all of 4 bytes or all of 16.
            prefix: bits to walk, all by default; where the tree goes on beyond them, below ``nodes``.

        Raises:
            ValueError: the tree does not end where the address ends.
        """
        node = np.zeros(len(packed), np.int64)
        width = len(packed[0]) if packed else 4
        if width == 16 and self.version == 4:
            return np.full(len(packed), self.nodes)
        address = np.frombuffer(b"".join(packed), np.uint8).reshape(-1, width)
        if width == 4 and self.version == 6:
            node[:] = self._root_of_v4()
        rows = np.flatnonzero(node < self.nodes)
        for place in range(8 * width if prefix is None else prefix):
            if not len(rows):
                break
            bit = (address[rows, place >> 3] >> (7 - (place & 7))) & 1
            node[rows] = self._record(node[rows], bit.astype(np.int64))
            rows = rows[node[rows] < self.nodes]
        if len(rows) and prefix is None:
            raise ValueError("the search tree is deeper than its addresses")
        return node

    def _root_of_v4(self) -> int:
        node = np.zeros(1, np.int64)
        for _ in range(_V4_IN_V6):
            if node[0] >= self.nodes:
                break
            node = self._record(node, np.zeros(1, np.int64))
        return int(node[0])

    def _record(self, node: Int, side: Int) -> Int:
        """Return the left (0) or right (1) record of each node."""
        tree = self.content
        if self.bits == 28:
            at = node * 7
            shared = tree[at + 3].astype(np.int64)  # its high half belongs to the left record, its low to the right
            high = np.where(side == 0, shared >> 4, shared & 15)
            return (high << 24) | _number(tree, at + 4 * side, 3)
        width = self.bits // 8
        return _number(tree, node * 2 * width + side * width, width)


def _number(tree: Bytes, at: Int, width: int) -> Int:
    """Return the big-endian numbers of ``width`` bytes that begin at each place."""
    value = np.zeros(len(at), np.int64)
    for place in range(width):
        value = (value << 8) | tree[at + place]
    return value
