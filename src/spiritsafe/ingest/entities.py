"""The provider's intelligence: which networks, domains and fingerprints belong to whom or serve as what.

Networks are kept as sorted, disjoint-by-specificity intervals of integers, so a batch is looked up by
binary search; the most specific network wins.
"""

import ipaddress
from bisect import bisect_right

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.model.errors import InputError

__all__ = ["SHARED_TAGS", "Entities"]

SHARED_TAGS = frozenset({"vpn", "tor", "proxy", "education"})
"""Networks behind which unrelated people stand; an address there links nobody."""

Int = NDArray[np.int64]


class Entities:
    """Looks values up in an ``entities`` table.

    Args:
        table: columns kind, value, tag of the contract; None for no intelligence.

    Raises:
        InputError: a CIDR that is none.
    """

    def __init__(self, table: pa.Table | None = None) -> None:
        self._exact: dict[tuple[str, str], str] = {}
        self._networks: dict[int, list[tuple[int, int, str]]] = {4: [], 6: []}
        rows = table.select(["kind", "value", "tag"]).to_pylist() if table is not None else []
        for number, row in enumerate(rows, start=1):
            if row["kind"] == "cidr":
                self._network(row["value"], row["tag"], number)
            else:
                self._exact[row["kind"], row["value"].lower()] = row["tag"]
        self._flat = {version: _flatten(found) for version, found in self._networks.items()}

    def _network(self, value: str, tag: str, row: int) -> None:
        try:
            network = ipaddress.ip_network(value, strict=False)
        except ValueError as error:
            raise InputError(
                "not a network", file="entities", row=row, column="value", hint="Write it as in 192.0.2.0/24."
            ) from error
        self._networks[network.version].append((int(network.network_address), int(network.broadcast_address), tag))

    def tags(self, kind: str, values: pa.ChunkedArray | pa.Array) -> tuple[Int, pa.Array]:
        """Return (rows that have a tag, their tags); ``kind`` is cidr, asn, domain or ja4."""
        if not self._exact and not any(self._networks.values()):
            return np.zeros(0, np.int64), pa.array([], pa.string())
        coded = pc.cast(values, pa.string()).combine_chunks().dictionary_encode()
        found = [self._tag(kind, value) if value else None for value in coded.dictionary.to_pylist()]
        names = pa.array(found, pa.string()).take(coded.indices)
        rows = np.flatnonzero(np.asarray(names.is_valid()))
        return rows, names.take(pa.array(rows))

    def shared_exits(self, ips: pa.ChunkedArray | pa.Array) -> NDArray[np.bool_]:
        """Return which addresses lie in a network that unrelated people share."""
        out = np.zeros(len(ips), np.bool_)
        rows, names = self.tags("cidr", ips)
        shared = np.array([name.lower() in SHARED_TAGS for name in names.to_pylist()], np.bool_)
        out[rows[shared]] = True
        return out

    def _tag(self, kind: str, value: str) -> str | None:
        if kind != "cidr":
            return self._exact.get((kind, value.lower()))
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return None
        starts, tags = self._flat[address.version]
        at = bisect_right(starts, int(address)) - 1
        return tags[at] if at >= 0 else None


def _flatten(networks: list[tuple[int, int, str]]) -> tuple[list[int], list[str | None]]:
    """Cut nested networks into successive intervals: (starts, tag from there on), the innermost tag winning."""
    edges: list[tuple[int, str | None]] = []
    stack: list[tuple[int, str]] = []

    def close(before: int) -> None:
        while stack and stack[-1][0] < before:
            end, _ = stack.pop()
            edges.append((end + 1, stack[-1][1] if stack else None))

    for first, last, tag in sorted(networks, key=lambda n: (n[0], -n[1])):
        close(first)
        edges.append((first, tag))
        stack.append((last, tag))
    close(1 << 129)
    # at one start the later edge is the inner one
    flat = dict(edges)
    return sorted(flat), [flat[start] for start in sorted(flat)]
