"""Files of intelligence, told by content like the logs, become one thing to ask.

The caller names files and, where a file does not say what its networks are, a tag; which loader reads it is not
the caller's business.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spiritsafe.ingest.batch import Rejected
from spiritsafe.ingest.entities.entities import Entities
from spiritsafe.ingest.entities.facts import Fact, Name, Network, tag_of
from spiritsafe.ingest.entities.lists import read_list
from spiritsafe.ingest.entities.mmdb import MARKER, Mmdb
from spiritsafe.ingest.entities.networks import NetworksBuilder
from spiritsafe.ingest.entities.tables import read_contract, read_published, schema_of
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.readers.content import opened
from spiritsafe.ingest.sources import Source, source
from spiritsafe.model.columns import ENTITIES
from spiritsafe.model.errors import InputError, UsageError
from spiritsafe.model.words import EntityKind

__all__ = ["EntityFile", "load_entities"]

_log = logging.getLogger("spiritsafe.ingest")
_TAIL = 128 << 10
_PEEK = 1 << 12


@dataclass(frozen=True, slots=True)
class EntityFile:
    """A file of intelligence and, if the caller said so, what everything in it is.

    Attributes:
        path: the file.
        tag: a word of the contract (``hosting``, ``vpn`` ...) or an entity's name; it comes before the file's own.
    """

    path: Path
    tag: str | None = None

    @classmethod
    def parse(cls, text: str) -> "EntityFile":
        """Read ``FILE`` or ``FILE:TAG``; a colon in the name of a file that exists belongs to the name.

        Raises:
            UsageError: the tag cannot be shown.
        """
        name, colon, tag = text.rpartition(":")
        if not colon or Path(text).exists():
            return cls(Path(text))
        if not tag.isprintable():
            raise UsageError(f"{name}: the tag holds characters that cannot be shown", hint="Use letters and digits.")
        return cls(Path(name), tag_of(tag))


def load_entities(files: Sequence[EntityFile], reading: Reading) -> Entities:
    """Read every file.

    Args:
        files: those named first win where two say as much about an address.
        reading: what becomes of a row that cannot be read; its counts grow.

    Raises:
        InputError: a file cannot be read, says nothing, or holds a bad row and ``on_error`` is ``fail``.
        UsageError: a MaxMind database is named, and the package that reads it is not installed.
    """
    networks, names, databases = NetworksBuilder(), _Names(), []
    for named in files:
        file = source(named.path)
        if _is_mmdb(file):
            databases.append(Mmdb(named.path, named.tag))
            continue
        said = 0
        for fact in _facts(file, named.tag, reading):
            said += 1
            if isinstance(fact, Network):
                networks.add(fact)
            else:
                names.add(fact)
        if not said:
            raise InputError(
                "the file says nothing about any network, ASN, domain or fingerprint",
                file=file.name,
                hint=f"If it is a list of networks, say what they are: --entities {file.name}:vpn",
            )
    return Entities(networks.build() if len(networks) else None, names.tags, tuple(databases))


class _Names:
    """Tags by kind and value, in the order in which they were met."""

    def __init__(self) -> None:
        self.tags: dict[tuple[EntityKind, str], tuple[str, ...]] = {}

    def add(self, name: Name) -> None:
        known = self.tags.get((name.kind, name.value), ())
        if name.tag not in known:
            self.tags[name.kind, name.value] = (*known, name.tag)


def _facts(file: Source, tag: str | None, reading: Reading) -> Iterator[Fact]:
    """Yield what the file says; a bad row is settled as the caller wants it."""
    silent = bad = 0
    for item in _read(file, tag, reading):
        if isinstance(item, Rejected):
            reading.settle([item])
            bad += 1
        elif item is None:
            silent += 1
        else:
            yield item
    if bad:
        _log.warning("rows left out", extra={"source": file.name, "count": bad})
    if silent:
        _log.info("rows that say nothing", extra={"source": file.name, "count": silent})


def _read(file: Source, tag: str | None, reading: Reading) -> Iterator[Fact | Rejected | None]:
    start = _start(file, reading)
    if start.startswith(b"PAR1"):
        known = set(schema_of(file).names) >= set(ENTITIES.required)
        return read_contract(file, tag, reading) if known else read_published(file, tag, reading.limits)
    if start.startswith(b"{") or _is_contract(start):
        return read_contract(file, tag, reading)
    return read_list(file, tag, reading.limits)


def _start(file: Source, reading: Reading) -> bytes:
    with opened(file, reading.limits) as content:
        return content.read(_PEEK).removeprefix(b"\xef\xbb\xbf").lstrip()


def _is_contract(start: bytes) -> bool:
    """Tell the contract's table in CSV by its header."""
    header = start.split(b"\n", 1)[0].decode("utf-8", "replace").replace('"', "")
    return any({cell.strip() for cell in header.split(mark)} >= set(ENTITIES.required) for mark in ",;\t|")


def _is_mmdb(file: Source) -> bool:
    with file.path.open("rb") as content:
        content.seek(max(0, file.size - _TAIL))
        return MARKER in content.read()
