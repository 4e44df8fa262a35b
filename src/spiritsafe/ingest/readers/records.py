"""Records of other systems' logs become rows of the contract, each format by a mapping of its own.

A mapping is plain code over one decoded record; framing, counting, refusing and typing happen here, once, so
that a foreign log is judged by the same rules as one of the contract's own formats. What a mapping hands over
is therefore not yet trusted: its values are held against the contract's columns like any others.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from spiritsafe.ingest.batch import Batch, Given, Limits, Rejected
from spiritsafe.ingest.readers.apikeys import without_keys
from spiritsafe.ingest.readers.columnar import is_parquet, rows_of
from spiritsafe.ingest.readers.content import opened
from spiritsafe.ingest.readers.csv import fields, misfit, taken_apart
from spiritsafe.ingest.readers.lines import filled, stretches
from spiritsafe.ingest.sources import Source
from spiritsafe.ingest.validate import require_distinct, settle
from spiritsafe.ingest.values import spelt
from spiritsafe.model.columns import EXCHANGES, Kind, TableSpec
from spiritsafe.model.errors import InputError
from spiritsafe.wire.estimate import ESTIMATED
from spiritsafe.wire.objects import Record, decoded, textual
from spiritsafe.wire.unfit import Unfit

__all__ = ["Mapping", "RecordReader", "Row", "Rows", "Turn"]

_HEADER = 1 << 16

Row = dict[str, object]
"""Contract columns by name, in plain Python; a name left out is null."""


class Mapping(ABC):
    """What a format's records mean in the contract's words.

    Attributes:
        title: the format's name in a sentence.
        sources: column -> where its value is from, in Markdown; every column that :meth:`row` may fill.
        hints: required column -> what to do where no record of a file has it.
        within: names of arrays of records that a document of this format may wrap.
        header: columns by which a CSV or Parquet file of this format is told; empty where there are no such files.
        numbers: columns of a CSV file that hold whole numbers; the others are text, which may spell JSON.
    """

    title: ClassVar[str]
    sources: ClassVar[dict[str, str]]
    hints: ClassVar[dict[str, str]] = {}
    within: ClassVar[frozenset[str]] = frozenset()
    header: ClassVar[frozenset[str]] = frozenset()
    numbers: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def recognises(self, record: Record) -> bool:
        """Tell a record of this format by its content; never one of the contract's or of another format."""

    def parts(self, record: Record) -> Iterable[Record]:
        """Return the parts of a record each of which may be an exchange; most records are one part.

        Raises:
            Unfit: the record cannot be taken apart.
        """
        return (record,)

    @abstractmethod
    def row(self, part: Record) -> Row | None:
        """Return a part as a row, None if it is no exchange.

        Raises:
            Unfit: the part claims to be an exchange and cannot be one.
        """

    def kept(self, given: object) -> object:
        """Return what a quarantine file may keep of a refused record: all of it but keys, which any log may hold."""
        return without_keys(given) if isinstance(given, str) else json.loads(without_keys(json.dumps(given)))

    @abstractmethod
    def examples(self) -> tuple[bytes, ...]:
        """Return small files of this format, valid as they stand."""


@dataclass(slots=True)
class Rows:
    """Rows on their way into columns, and what was left out beside them."""

    mapping: Mapping
    file: str
    rows: list[Row] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    kept: list[object] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    passed: int = 0
    estimated: int = 0

    def add(self, part: Record, number: int, given: object) -> None:
        """Take one part of record ``number``; ``given`` is what a quarantine file keeps of it."""
        try:
            row = self.mapping.row(part)
        except Unfit as unfit:
            self.refuse(number, unfit, given)
            return
        if row is None:
            self.passed += 1
            return
        self.estimated += bool(row.pop(ESTIMATED, None))
        self.rows.append(row)
        self.numbers.append(number)
        self.kept.append(given)

    def refuse(self, number: int, unfit: Unfit, given: object) -> None:
        """Leave a record out."""
        self.rejected.append(Rejected(self.file, number, "", str(unfit), self._keepable(given)))

    def batch(self, spec: TableSpec) -> Batch:
        """Return what was taken, typed; the rest with reasons that name the format's own fields."""
        names = {name for row in self.rows for name in row} | set(spec.required)
        columns: dict[str, list[object]] = {name: [row.get(name) for row in self.rows] for name in names}
        kept = self.kept
        numbers = np.array(self.numbers, np.int64)
        given = Given(columns, numbers, lambda position: self._keepable(kept[position]), tuple(self.rejected))
        batch = settle(given, spec, self.file)
        return replace(
            batch, rejected=tuple(map(self._explained, batch.rejected)), passed=self.passed, estimated=self.estimated
        )

    def _keepable(self, given: object) -> object:
        return self.mapping.kept(textual(given) if isinstance(given, bytes) else given)

    def _explained(self, rejected: Rejected) -> Rejected:
        origin = self.mapping.sources.get(rejected.column)
        if origin is None:
            return rejected
        return replace(rejected, reason=f"{rejected.reason}; {self.mapping.title} has it as {origin}")

    def require(self, spec: TableSpec) -> None:
        """Raise if no row at all has a required column.

        Raises:
            InputError: naming the columns, and the fields that they are read from.
        """
        lacking = [name for name in spec.required if all(_void(row.get(name)) for row in self.rows)]
        if self.rows and lacking:
            wanted = "; ".join(f"{name} is read from {self.mapping.sources[name]}" for name in lacking)
            hints = [self.mapping.hints[name] for name in lacking if name in self.mapping.hints]
            raise InputError(
                f"read as {self.mapping.title}, no record holds what the contract requires: {wanted}",
                file=self.file,
                hint=" ".join(hints) or "If the file is of another format, name it with --format.",
            )


Turn = Iterable[tuple[object, Record | Unfit]]
"""Records of one stretch: what a quarantine file keeps of each, and what it says or why it says nothing."""


class RecordReader:
    """Reads records of one foreign format: JSON of any framing, and CSV or Parquet where the format comes as such."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping

    def examples(self) -> tuple[bytes, ...]:
        """Return the mapping's examples."""
        return self.mapping.examples()

    def batches(self, source: Source, spec: TableSpec, limits: Limits) -> Iterator[Batch]:
        """Yield the rows of a file; see :class:`~spiritsafe.ingest.readers.reader.Reader`."""
        _only_exchanges(self.mapping, source, spec)
        number, first = 0, True
        for turn in self.turns(source, limits):
            rows = Rows(self.mapping, source.name)
            for given, record in turn:
                number += 1
                for part, kept in _parts(rows, record, number, given):
                    rows.add(part, number, kept)
                    if len(rows.rows) >= limits.rows:
                        first = _checked(rows, spec, first=first)
                        yield rows.batch(spec)
                        rows = Rows(self.mapping, source.name)
            first = _checked(rows, spec, first=first)
            yield rows.batch(spec)
        if number == 0:
            raise InputError("the file holds no records", file=source.name, hint="Remove it or export again.")

    def turns(self, source: Source, limits: Limits) -> Iterator[Turn]:
        """Yield the file's records, some at a time."""
        if self.mapping.header and is_parquet(source):
            yield from (((record, record) for record in records) for records in rows_of(source, limits))
            return
        if _is_csv(source, self.mapping.header, limits):
            yield from _from_csv(self.mapping, source, limits)
            return
        for stretch in stretches(source, limits, self.mapping.within):
            yield ((line, _decoded(line)) for line in filled(stretch))


def _is_csv(source: Source, header: frozenset[str], limits: Limits) -> bool:
    """Tell by the first line, which names a column or is no header."""
    with opened(source, limits) as content:
        line = content.readline(_HEADER).removeprefix(b"\xef\xbb\xbf").lstrip()
    return not line.startswith((b"{", b"[")) and bool(header & fields(line.decode("utf-8", "replace"), header))


def _decoded(line: bytes) -> Record | Unfit:
    try:
        return decoded(line)
    except Unfit as unfit:
        return unfit


def _from_csv(mapping: Mapping, source: Source, limits: Limits) -> Iterator[Turn]:
    with opened(source, limits) as content:
        meter, turns = taken_apart(content, source, mapping.header, limits)
        header = [name.strip() for name in next(turns, [[]])[0]]
        require_distinct(header, source.name, limits.columns)
        for records in turns:
            meter.drawn = 0
            yield ((record, _named(mapping, header, record)) for record in records)


def _named(mapping: Mapping, header: list[str], record: list[str]) -> Record | Unfit:
    if len(record) != len(header):
        return Unfit(misfit(record, header))
    return {name: _cell(value, number=name in mapping.numbers) for name, value in zip(header, record, strict=True)}


def _cell(value: str, *, number: bool) -> object:
    if not number:
        return value or None
    try:
        return spelt(Kind.INT64, value) if value else None
    except Unfit:
        return value


def _void(value: object) -> bool:
    return value is None or value == ""


def _only_exchanges(mapping: Mapping, source: Source, spec: TableSpec) -> None:
    """Raise where another table is wanted.

    Raises:
        InputError: a foreign format holds exchanges only.
    """
    if spec is not EXCHANGES:
        raise InputError(
            f"the file is {mapping.title}, which holds exchanges and no {spec.name} table",
            file=source.name,
            hint="Write the table as Parquet, JSONL or CSV; docs/formats.md has its columns.",
        )


def _checked(rows: Rows, spec: TableSpec, *, first: bool) -> bool:
    """Hold a file's first rows against the required columns; return whether none were seen yet."""
    if first:
        rows.require(spec)
    return first and not rows.rows


def _parts(rows: Rows, record: Record | Unfit, number: int, given: object) -> Iterator[tuple[Record, object]]:
    """Yield a record's parts, each with what a quarantine file would keep of it."""
    if isinstance(record, Unfit):
        rows.refuse(number, record, given)
        return
    try:
        for part in rows.mapping.parts(record):
            yield part, given if part is record else part
    except Unfit as unfit:
        rows.refuse(number, unfit, given)
