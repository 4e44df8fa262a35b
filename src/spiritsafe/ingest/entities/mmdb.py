"""MaxMind databases: GeoLite2 and GeoIP2 ASN, Country, City, Anonymous IP, ISP, and databases in their shape.

Asked address by address and mapped, not loaded, because a city database unrolled into networks would not fit where
a scan fits. Addresses are many and records few: the tree is walked for all addresses of a batch at once, and a record
is decoded once, by the package's own decoder, whose work is bounded whatever the bytes say.
Source: MaxMind DB file format 2.0; https://dev.maxmind.com/geoip/docs/databases for the fields.
"""

import mmap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spiritsafe.ingest.entities.facts import NOTHING, Answer, asn_of, country_of
from spiritsafe.ingest.entities.tree import SearchTree
from spiritsafe.model.errors import InputError, UsageError
from spiritsafe.model.words import NetworkTag
from spiritsafe.privacy.normalise import PREFIX_BYTES
from spiritsafe.wire.unfit import Unfit

if TYPE_CHECKING:
    from maxminddb.types import Record

__all__ = ["MARKER", "Mmdb"]

MARKER = b"\xab\xcd\xefMaxMind.com"
"""Begins the metadata, which stands in the last 128 KiB of the file."""

_KEPT = 1 << 18
_SEPARATOR = 16  # zero bytes between tree and data
_FLAGS = {
    "is_anonymous_vpn": NetworkTag.VPN,
    "is_tor_exit_node": NetworkTag.TOR,
    "is_public_proxy": NetworkTag.PROXY,
    "is_residential_proxy": NetworkTag.PROXY,
    "is_anonymous_proxy": NetworkTag.PROXY,
    "is_hosting_provider": NetworkTag.HOSTING,
}
_USERS = {
    "hosting": NetworkTag.HOSTING,
    "college": NetworkTag.EDUCATION,
    "school": NetworkTag.EDUCATION,
    "consumer_privacy_network": NetworkTag.PROXY,
}


class Mmdb:
    """One database file, mapped into memory.

    Args:
        path: the file.
        tag: said of every address that the database knows, beside what it says itself.

    Raises:
        UsageError: the package that reads these files is not installed.
        InputError: the file is damaged, cut off or no such database.
    """

    def __init__(self, path: Path, tag: str | None = None) -> None:
        try:
            import maxminddb  # noqa: PLC0415 - an optional part
            from maxminddb.decoder import Decoder  # noqa: PLC0415
        except ImportError as error:
            raise UsageError(
                f"{path}: reading a MaxMind database needs the package maxminddb, which is not installed",
                hint="Install it with: pip install 'spiritsafe[mmdb]'",
            ) from error
        self._file, self._tags = str(path), (tag,) if tag else ()
        self._broken: tuple[type[Exception], ...] = (maxminddb.InvalidDatabaseError, *_DAMAGE)
        try:
            # the reader in Python checks that the tree lies within the file; it is asked for nothing else
            with maxminddb.open_database(path, maxminddb.MODE_MMAP) as reader:
                about = reader.metadata()
            with path.open("rb") as file:
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except self._broken as error:
            raise self._damaged() from error
        tree = np.frombuffer(content, np.uint8, about.search_tree_size)
        self._tree = SearchTree(tree, about.node_count, about.record_size, about.ip_version)
        # a leaf counts from the tree's first node, and the separator before the data is part of the count
        self._shift = about.search_tree_size - about.node_count
        self._end = len(content)
        self._decoder = Decoder(content, about.search_tree_size + _SEPARATOR)
        self._kept: dict[int, Answer] = {about.node_count: NOTHING}

    def answers(self, packed: Sequence[bytes]) -> list[Answer]:
        """Return what the database says of addresses of 4 or 16 bytes.

        Raises:
            InputError: the file is damaged.
        """
        out = [NOTHING] * len(packed)
        for width in (4, 16):
            at = [row for row, one in enumerate(packed) if len(one) == width]
            try:
                leaves = self._tree.leaves([packed[row] for row in at])
                distinct, which = np.unique(leaves, return_inverse=True)
                found = [self._answer(leaf) for leaf in distinct.tolist()]
            except self._broken as error:
                raise self._damaged() from error
            for row, leaf in zip(at, which.tolist(), strict=True):
                out[row] = found[leaf]
        return out

    def whole(self, packed: Sequence[bytes]) -> NDArray[np.bool_]:
        """Return whether one record speaks for all of each address's /24 or /48, bool [n].

        Raises:
            InputError: the file is damaged.
        """
        out = np.zeros(len(packed), np.bool_)
        for width, kept in PREFIX_BYTES.items():
            at = [row for row, one in enumerate(packed) if len(one) == width]
            try:
                out[at] = self._tree.leaves([packed[row] for row in at], 8 * kept) >= self._tree.nodes
            except self._broken as error:
                raise self._damaged() from error
        return out

    def _answer(self, leaf: int) -> Answer:
        answer = self._kept.get(leaf)
        if answer is None:
            place = leaf + self._shift
            if place >= self._end:
                raise ValueError("a leaf of the search tree lies outside the file")
            record, _ = self._decoder.decode(place)
            if len(self._kept) >= _KEPT:
                self._kept = {self._tree.nodes: NOTHING}
            answer = self._kept[leaf] = _answer(record, self._tags)
        return answer

    def _damaged(self) -> InputError:
        return InputError(
            "the MaxMind database is damaged or cut off",
            file=self._file,
            hint="Download it again, and unpack the .tar.gz that it comes in.",
        )


_DAMAGE = (ValueError, TypeError, LookupError, OverflowError, OSError, RecursionError, MemoryError)
"""What the package raises, beside its own error, on bytes that mean nothing."""


def _answer(record: "Record", tags: tuple[str, ...]) -> Answer:
    told = record if isinstance(record, Mapping) else {}
    traits = told.get("traits")
    parts: list[Mapping[str, Any]] = [told, *([traits] if isinstance(traits, Mapping) else [])]
    found = dict.fromkeys((*tags, *(str(tag) for part in parts for tag in _tags(part))))
    return Answer(_asn(parts), _country(told), tuple(found))


def _tags(part: Mapping[str, Any]) -> Iterator[NetworkTag]:
    yield from (tag for flag, tag in _FLAGS.items() if part.get(flag) is True)
    user = part.get("user_type")
    if isinstance(user, str) and user in _USERS:
        yield _USERS[user]


def _asn(parts: list[Mapping[str, Any]]) -> int:
    """Read MaxMind's field, or ``asn`` as other makers write it: 64500 or 'AS64500'."""
    for part in parts:
        value = part.get("autonomous_system_number", part.get("asn"))
        if isinstance(value, int | str) and not isinstance(value, bool):
            try:
                return asn_of(str(value))
            except Unfit:
                continue
    return 0


def _country(told: Mapping[str, Any]) -> str | None:
    """Read where the address is; ``registered_country``, where its owner is, says nothing about it."""
    country = told.get("country")
    value = country.get("iso_code") if isinstance(country, Mapping) else told.get("country_code", country)
    return country_of(value) if isinstance(value, str) else None
