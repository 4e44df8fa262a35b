"""MaxMind databases: GeoLite2 and GeoIP2 ASN, Country, City, Anonymous IP, ISP, and databases in their shape.

Asked address by address, because a city database unrolled into networks would not fit where a scan fits; what a
/24 or /48 as a whole was answered is kept, within a bound, because logs return to the same networks.
Source: MaxMind DB file format 2.0; https://dev.maxmind.com/geoip/docs/databases for the fields.
"""

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from spiritsafe.ingest.batch import Unfit
from spiritsafe.ingest.entities.facts import NOTHING, Answer, asn_of, country_of
from spiritsafe.model.errors import InputError, UsageError
from spiritsafe.model.words import NetworkTag

if TYPE_CHECKING:
    from maxminddb.types import Record

__all__ = ["MARKER", "Mmdb"]

MARKER = b"\xab\xcd\xefMaxMind.com"
"""Begins the metadata, which stands in the last 128 KiB of the file."""

_KEPT = 1 << 18
_WHOLE = {4: 3, 16: 6}  # bytes of a /24 and a /48
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
    """One database file, open.

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
        except ImportError as error:
            raise UsageError(
                f"{path}: reading a MaxMind database needs the package maxminddb, which is not installed",
                hint="Install it with: pip install 'spiritsafe[mmdb]'",
            ) from error
        self._file, self._tags = str(path), (tag,) if tag else ()
        self._broken: tuple[type[Exception], ...] = (maxminddb.InvalidDatabaseError, *_DAMAGE)
        try:
            self._reader = maxminddb.open_database(path)
            self._lengths = {4} if self._reader.metadata().ip_version == 4 else {4, 16}
        except self._broken as error:
            raise self._damaged() from error
        self._kept: dict[bytes, Answer] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self._reader.close()

    def answer(self, packed: bytes) -> Answer:
        """Return what the database says of an address of 4 or 16 bytes.

        Raises:
            InputError: the file is damaged.
        """
        whole = packed[: _WHOLE[len(packed)]]
        kept = self._kept.get(whole)
        if kept is not None:
            return kept
        if len(packed) not in self._lengths:
            return NOTHING
        family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
        try:
            record, prefix = self._reader.get_with_prefix_len(socket.inet_ntop(family, packed))
        except self._broken as error:
            raise self._damaged() from error
        found = NOTHING if record is None else _answer(record, self._tags)
        if prefix <= 8 * len(whole):
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[whole] = found
        return found

    def _damaged(self) -> InputError:
        return InputError(
            "the MaxMind database is damaged or cut off",
            file=self._file,
            hint="Download it again, and unpack the .tar.gz that it comes in.",
        )


_DAMAGE = (ValueError, TypeError, LookupError, OverflowError, OSError, RecursionError, MemoryError)
"""What the package's two decoders raise, beside its own error, on bytes that mean nothing."""


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
