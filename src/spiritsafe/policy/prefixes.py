"""Networks and the rows about them, found by an address: a dictionary of numbers per length of prefix.

Policies have few lengths (/24, /48, /32), so a look at each is faster than a tree, and takes no memory of its own.
"""

import socket
from collections.abc import Callable

from spiritsafe.model.errors import InputError
from spiritsafe.policy.index import repeated
from spiritsafe.policy.terms import Row, Terms

__all__ = ["Prefixes", "network"]

_MAPPED = bytes(10) + b"\xff\xff"
_HINT = "Write a network with all bits behind its prefix zero, as 192.0.2.0/24 or 2001:db8::/32."
_Table = dict[int, tuple[Row, ...]]


class Prefixes:
    """Rows about networks; add them all, then look up."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[int, dict[int, _Table]] = {32: {}, 128: {}}  # bits of an address -> bits cut off -> rows

    def __bool__(self) -> bool:
        return any(self._found.values())

    def add(self, cidr: str, terms: Terms, same: Callable[[Terms, Terms], bool]) -> None:
        """Add a row.

        Args:
            cidr: the network.
            terms: what is done about it.
            same: whether two terms say the same, so that a network may have only one of them.

        Raises:
            InputError: not a network, or said already.
        """
        bits, cut, number = network(cidr)
        rows = self._found[bits].setdefault(cut, {})
        before = rows.get(number, ())
        if any(same(row.terms, terms) for row in before):
            raise repeated("ids")
        rows[number] = (*before, Row(cidr, terms))

    def order(self) -> None:
        """Sort lengths, longest prefix first; before the first look."""
        self._found = {bits: dict(sorted(tables.items())) for bits, tables in self._found.items()}

    def rows_for(self, address: str) -> list[Row]:
        """Return the rows of every network that holds the address, the longest prefix first; none if it is none."""
        packed = _packed(address)
        if packed is None:
            return []
        number = int.from_bytes(packed, "big")
        found: list[Row] = []
        for cut, rows in self._found[8 * len(packed)].items():
            if (number >> cut) in rows:
                found += rows[number >> cut]
        return found


def network(cidr: str) -> tuple[int, int, int]:
    """Return (bits of an address, bits behind the prefix, the prefix as a number).

    >>> network("192.0.2.0/24")
    (32, 8, 12582914)

    Raises:
        InputError: not a network, or bits behind the prefix are set.
    """
    text, _, length = cidr.partition("/")
    packed = _packed(text)
    mapped = ":" in text and packed is not None and len(packed) == 4
    if packed is None or mapped or not (length.isascii() and length.isdecimal() and len(length) <= 3):
        raise InputError("not a network", column="ids", hint=_HINT)
    bits = 8 * len(packed)
    cut = bits - int(length)
    number = int.from_bytes(packed, "big")
    if cut < 0 or number & ((1 << cut) - 1) or length != str(int(length)):
        raise InputError("not a network", column="ids", hint=_HINT)
    return bits, cut, number >> cut


def _packed(address: str) -> bytes | None:
    """Return the packed address, IPv4 in IPv6 as IPv4 (RFC 4291, 2.5.5.2); None if it is none."""
    try:
        if ":" not in address:
            return socket.inet_pton(socket.AF_INET, address)
        packed = socket.inet_pton(socket.AF_INET6, address)
    except (OSError, ValueError):
        return None
    return packed[12:] if packed.startswith(_MAPPED) else packed
