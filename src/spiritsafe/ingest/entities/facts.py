"""What a line of intelligence says - of a network, an ASN, a domain, a fingerprint - and how its words are read.

Every loader ends here, so that ``AS64500``, ``64500`` and a ``::ffff:`` address mean the same in all of them.
A network is a half-open range of positions in one line of numbers that holds IPv4 before IPv6 and keeps them
apart: ``::/0`` says nothing about IPv4.
"""

import ipaddress
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import NamedTuple

from spiritsafe.model.words import EntityKind, NetworkTag
from spiritsafe.privacy.normalise import ip_address
from spiritsafe.wire.unfit import Unfit

__all__ = [
    "NOTHING",
    "Answer",
    "Fact",
    "Misread",
    "Name",
    "Network",
    "Role",
    "asn_of",
    "country_of",
    "fact_of",
    "network_of",
    "position",
    "range_of",
    "tag_of",
]

_FAMILY = 128
_V4 = _FAMILY - 32
_MAPPED = bytes(10) + b"\xff\xff"
_MOST_ASN = (1 << 32) - 1
_ASN = re.compile(r"(?:AS)?(\d{1,10})", re.IGNORECASE | re.ASCII)
_LENGTH = re.compile(r"\d{1,3}", re.ASCII)
_COUNTRY = re.compile(r"[A-Za-z]{2}", re.ASCII)
_NOTHING = frozenset({"", "-", "0", "none", "null", "n/a"})
_GENERIC = frozenset(str(tag) for tag in NetworkTag)
_SPELLINGS = {
    "datacenter": NetworkTag.HOSTING,
    "data_center": NetworkTag.HOSTING,
    "tor_exit": NetworkTag.TOR,
    "edu": NetworkTag.EDUCATION,
}


class Role(StrEnum):
    """What a column of a published list holds."""

    NETWORK = "network"
    START = "start"
    END = "end"
    ASN = "asn"
    COUNTRY = "country"
    TAG = "tag"
    DOMAIN = "domain"
    JA4 = "ja4"


class Misread(Exception):  # noqa: N818 - a verdict on a row, never seen outside this room
    """A row that cannot be read: why, and the role of the column to blame."""

    def __init__(self, reason: str, role: Role) -> None:
        super().__init__(reason)
        self.role = role


class Network(NamedTuple):
    """A range of addresses, from position ``first`` to before ``beyond``; ASN 0 and None say nothing."""

    first: int
    beyond: int
    tag: str | None = None
    asn: int = 0
    country: str | None = None


class Name(NamedTuple):
    """An ASN (its digits), a domain or a TLS fingerprint, in lower case, and its tag."""

    kind: EntityKind
    value: str
    tag: str


Fact = Network | Name


class Answer(NamedTuple):
    """What is said of an address; 0, None and no tags where it says nothing."""

    asn: int
    country: str | None
    tags: tuple[str, ...]


NOTHING = Answer(0, None, ())


def position(packed: bytes) -> int:
    """Return where a packed address stands, IPv4 (4 bytes) before IPv6 (16)."""
    version = 4 if len(packed) == 4 else 6
    return (version << _FAMILY) | (int.from_bytes(packed) << (_FAMILY - 8 * len(packed)))


def network_of(text: str) -> tuple[int, int]:
    """Return (first, beyond) of a CIDR or a single address; host bits are dropped, IPv4 in IPv6 is IPv4.

    Raises:
        Unfit: it is neither.

    >>> network_of("::ffff:192.0.2.9/120") == network_of("192.0.2.0/24")
    True
    """
    address, _, length = text.partition("/")
    packed = _packed(address.strip())
    if packed is None or (length and not _LENGTH.fullmatch(length)):
        return _spelt_out(text)
    bits = 8 * len(packed)
    prefix = int(length) if length else bits
    if prefix > bits:
        raise Unfit("is no network: its prefix is longer than its address")
    if packed.startswith(_MAPPED) and prefix >= _V4:
        packed, prefix = packed[12:], prefix - _V4
    size = 1 << (_FAMILY - prefix)
    first = position(packed) & -size
    return first, first + size


def _packed(address: str) -> bytes | None:
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    except (OSError, ValueError):
        return None


def _spelt_out(text: str) -> tuple[int, int]:
    """Read what is rarely written, a netmask behind the slash."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise Unfit("is no network; write it as in 192.0.2.0/24 or 2001:db8::/32") from None
    first = position(network.network_address.packed)
    return first, first + (1 << (_FAMILY - network.prefixlen))


def range_of(start: str, end: str) -> tuple[int, int]:
    """Return (first, beyond) of the addresses from ``start`` to ``end``, both included.

    Raises:
        Unfit: one is no address, they are of two families, or the end comes first.
    """
    first, last = ip_address(start), ip_address(end)
    if first is None or last is None:
        raise Unfit("is no range: its ends must be addresses as in 192.0.2.0 and 192.0.2.255")
    if len(first) != len(last) or first > last:
        raise Unfit("is no range: its end lies before its start, or is of the other IP version")
    return position(first), position(last) + (1 << (_FAMILY - 8 * len(last)))


def asn_of(text: str) -> int:
    """Return an autonomous system's number, 0 if the text says there is none.

    Raises:
        Unfit: it is no ASN.

    >>> asn_of("AS64500"), asn_of("64500"), asn_of("-")
    (64500, 64500, 0)
    """
    if text.strip().lower() in _NOTHING:
        return 0
    found = _ASN.fullmatch(text.strip())
    if not found or int(found[1]) > _MOST_ASN:
        raise Unfit("holds no ASN; write it as in AS64500 or 64500")
    return int(found[1])


def country_of(text: str) -> str | None:
    """Return an ISO 3166 code of two letters, None for anything else: a country's name is not matched.

    >>> country_of("nl"), country_of("Netherlands")
    ('NL', None)
    """
    return text.strip().upper() if _COUNTRY.fullmatch(text.strip()) else None


def tag_of(text: str) -> str | None:
    """Return a tag; the generic ones in the contract's spelling, an entity's name as it is.

    >>> tag_of("Datacenter"), tag_of("TOR"), tag_of("Example Lab")
    ('hosting', 'tor', 'Example Lab')
    """
    bare = text.strip()
    known = bare.lower()
    if known in _SPELLINGS:
        return str(_SPELLINGS[known])
    return (known if known in _GENERIC else bare) or None


def fact_of(row: Mapping[Role, str], tag: str | None) -> Fact | None:
    """Return what a row says; None if it names nothing, or says nothing of what it names.

    Args:
        row: the row's values that have a role, empty ones left out.
        tag: the caller's word for everything in the file, which comes before the row's own.

    Raises:
        Misread: a value cannot be read.
    """
    if not tag and Role.TAG in row:
        tag = tag_of(row[Role.TAG])
    asn = _asn(row) if Role.ASN in row else 0
    bounds = _bounds(row)
    if bounds is not None:
        country = country_of(row.get(Role.COUNTRY, ""))
        return Network(*bounds, tag, asn, country) if tag or asn or country else None
    named = _name(row, asn)
    return Name(*named, tag) if named and tag else None


def _asn(row: Mapping[Role, str]) -> int:
    with _blaming(Role.ASN):
        return asn_of(row[Role.ASN])


def _bounds(row: Mapping[Role, str]) -> tuple[int, int] | None:
    if Role.NETWORK in row:
        with _blaming(Role.NETWORK):
            return network_of(row[Role.NETWORK])
    if Role.START in row:
        with _blaming(Role.END):
            return range_of(row[Role.START], row.get(Role.END, ""))
    return None


def _name(row: Mapping[Role, str], asn: int) -> tuple[EntityKind, str] | None:
    if asn:
        return EntityKind.ASN, str(asn)
    for role, kind in ((Role.DOMAIN, EntityKind.DOMAIN), (Role.JA4, EntityKind.JA4)):
        if role in row:
            return kind, row[role].lower()
    return None


@contextmanager
def _blaming(role: Role) -> Iterator[None]:
    try:
        yield
    except Unfit as error:
        raise Misread(str(error), role) from None
