"""Lists as their publishers write them: a network, a range, an ASN or a domain a line, or CSV with a header.

Read by lines, because that is what such lists have in common and what an editor jumps to; so a row number here
is a line's, comments counted. ``#`` and ``;`` begin a comment, and what follows the first word is a description.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from itertools import chain

from spiritsafe.ingest.batch import Limits, Rejected
from spiritsafe.ingest.entities.facts import Fact, Misread, Role, fact_of
from spiritsafe.ingest.readers.content import opened
from spiritsafe.ingest.sources import Source
from spiritsafe.model.errors import InputError
from spiritsafe.privacy.normalise import ip_address

__all__ = ["delimiter_of", "read_list", "role_of"]

_ROLES: dict[str, Role] = {
    **dict.fromkeys(("network", "cidr", "prefix", "ip_prefix", "subnet", "ip", "ip_address", "address"), Role.NETWORK),
    **dict.fromkeys(("start", "start_ip", "ip_start", "range_start", "ip_range_start", "first_ip"), Role.START),
    **dict.fromkeys(("end", "end_ip", "ip_end", "range_end", "ip_range_end", "last_ip"), Role.END),
    **dict.fromkeys(("asn", "as_number", "autonomous_system_number"), Role.ASN),
    **dict.fromkeys(("country", "country_code", "country_iso_code", "iso_code"), Role.COUNTRY),
    **dict.fromkeys(("tag", "category"), Role.TAG),
    "domain": Role.DOMAIN,
    "ja4": Role.JA4,
}
_KEYS = frozenset({Role.NETWORK, Role.START, Role.ASN, Role.DOMAIN, Role.JA4})
_DELIMITERS = ",;\t|"
_LONGEST = 1 << 16
_COMMENT = re.compile(r"[#;].*")
_APART = re.compile(r"[\s,|]+(?:-\s+)?")
_RANGE = re.compile(r"([0-9A-Fa-f.:]+)-([0-9A-Fa-f.:]+)", re.ASCII)
_NUMBER = re.compile(r"(?:AS)?\d+", re.IGNORECASE | re.ASCII)
_DOMAIN = re.compile(r"(?:[\w-]+\.)+[a-z][\w-]+", re.IGNORECASE)
_BETWEEN = re.compile(r"[,\t|]|\s-\s")
_HOSTS = frozenset({"0.0.0.0", "127.0.0.1", "::1", "::"})  # noqa: S104 - what a hosts file maps names to
_CODE = re.compile(r"[A-Z]{2}", re.ASCII)
_GEOFEED = re.compile(r"[^,]+,\s*([A-Z]{2})\s*(?:,|$)", re.ASCII)


def role_of(name: str) -> Role | None:
    """Return what a column of this name holds, None for what is not ours.

    >>> role_of("IP-Start"), role_of("org")
    (<Role.START: 'start'>, None)
    """
    return _ROLES.get(re.sub(r"[\s-]+", "_", name.strip().lower()))


def delimiter_of(line: str) -> str | None:
    """Return what stands between the column names of a header, None if the line is no header of ours.

    >>> delimiter_of("start_ip;end_ip;vendor"), delimiter_of("192.0.2.0/24 ; an example")
    (';', None)
    """
    found = {mark: sum(role_of(name) is not None for name in _cells(line, mark)) for mark in _DELIMITERS}
    mark = max(_DELIMITERS, key=lambda one: found[one])
    return mark if any(role_of(name) in _KEYS for name in _cells(line, mark)) else None


def read_list(source: Source, tag: str | None, limits: Limits) -> Iterator[Fact | Rejected | None]:
    """Yield what each line says, why it cannot be read, or None where it says nothing; comments are passed over.

    Raises:
        InputError: the file is no text, or cannot be read.
    """
    lines = _lines(source, limits)
    first = next(lines, None)
    if first is None:
        return
    mark = delimiter_of(first[1])
    if mark is None:
        rows = ((number, _bare(line), line) for number, line in chain([first], lines))
    else:
        header = [role_of(name) for name in _cells(first[1], mark)]
        rows = ((number, _named(header, _cells(line, mark)), line) for number, line in lines)
    for number, row, line in rows:
        try:
            yield fact_of(row, tag)
        except Misread as error:
            yield Rejected(source.name, number, str(error.role) if mark else "", str(error), line)


def _lines(source: Source, limits: Limits) -> Iterator[tuple[int, str]]:
    """Yield (line number, line) of every line that is neither blank nor a comment."""
    with opened(source, limits) as content:
        for number, raw in enumerate(iter(lambda: content.readline(_LONGEST), b""), start=1):
            if b"\0" in raw or len(raw) == _LONGEST:
                raise InputError(
                    "the file is no list: it holds NUL bytes or a line longer than 64 KiB",
                    file=source.name,
                    hint="Give a text list, CSV, Parquet or a whole .mmdb file; unpack archives first.",
                )
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8", "replace").strip()
            if line and line[0] not in "#;":
                yield number, line


def _cells(line: str, mark: str) -> list[str]:
    # a carriage return within a line is white space here, and an error to the parser
    read = csv.reader([line.replace("\r", " ")], delimiter=mark, skipinitialspace=True)
    return [cell.strip() for cell in next(read, [])]


def _named(header: list[Role | None], cells: list[str]) -> Mapping[Role, str]:
    """Give the cells their roles; a role that two columns claim is the first one's that says something."""
    row: dict[Role, str] = {}
    for role, cell in zip(header, cells, strict=False):
        if role is not None and cell:
            row.setdefault(role, cell)
    return row


def _bare(line: str) -> Mapping[Role, str]:
    """Give a headerless line's words their roles, told by what they look like.

    Behind a range an ASN and a country may stand, as in tables that give each range its origin; behind a network
    a country in a cell of its own (RFC 8805). Elsewhere a number may as well be a count and a word anything.
    """
    bare = _COMMENT.sub("", line)
    words = [word for word in (part.strip("\"'") for part in _APART.split(bare)) if word]
    first, second = [*words, "", ""][:2]
    if found := _RANGE.fullmatch(first):
        return _ranged(found[1], found[2], words[1:])
    if ip_address(first) and ip_address(second):
        # two addresses with a mere blank between them may be two addresses
        return _ranged(first, second, words[2:]) if _BETWEEN.search(bare) else {Role.NETWORK: f"{first} {second}"}
    if _NUMBER.fullmatch(first) and not (first.isdecimal() and second.isdecimal()):
        return {Role.ASN: first}
    if _DOMAIN.fullmatch(first) or (first in _HOSTS and _DOMAIN.fullmatch(second)):
        return {Role.DOMAIN: second if first in _HOSTS else first}
    country = _GEOFEED.match(line)
    return {Role.NETWORK: first} | ({Role.COUNTRY: country[1]} if country else {})


def _ranged(start: str, end: str, more: list[str]) -> Mapping[Role, str]:
    row = {Role.START: start, Role.END: end}
    if more and _NUMBER.fullmatch(more[0]):
        row[Role.ASN] = more.pop(0)
    if more and _CODE.fullmatch(more[0]):
        row[Role.COUNTRY] = more[0]
    return row
