"""CSV with a header, comma, semicolon, tab or bar between fields, plain or gzip.

Python's own parser reads it, strictly: it knows quoted newlines, and it is exact about what is broken.
A field is text until its column's type parses it; an empty field is null. Broken quoting ends the file
with an error rather than a rejected row, because where the next record begins is then anybody's guess.
Source: RFC 4180.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from spiritsafe.ingest.batch import Batch, Given, Limits, Rejected
from spiritsafe.ingest.readers.content import metered, opened
from spiritsafe.ingest.readers.reader import warn_unknown
from spiritsafe.ingest.sources import Source
from spiritsafe.ingest.validate import require, require_distinct, settle, unknown
from spiritsafe.ingest.values import plain
from spiritsafe.model.columns import TableSpec
from spiritsafe.model.errors import InputError

__all__ = ["CsvReader", "fields", "misfit", "taken_apart"]

_DELIMITERS = ",;\t|"
_TURN = 4096


class _Meter(io.RawIOBase):
    """Counts the bytes drawn since the last batch, so that a record cannot grow without bound."""

    def __init__(self, content: io.BufferedReader, source: Source, limits: Limits) -> None:
        self._content = content
        self._source = source
        self._most = limits.batch_bytes + limits.record_bytes
        self.drawn = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        count = self._content.readinto1(buffer)
        metered(self._content, self._source)
        self.drawn += count
        if self.drawn > self._most:
            raise InputError(
                "a record is longer than the limit on a record's size",
                file=self._source.name,
                hint="Check the file for a quote that is never closed.",
            )
        return count


class CsvReader:
    """Reads CSV."""

    def examples(self) -> tuple[bytes, ...]:
        """Return a plain file, and one with quoted newlines, a byte-order mark and CRLF."""
        header = b"exchange_id,started_at,account_id,model,input_tokens,output_tokens,prompt\n"
        return (
            header + b"e-1,2026-01-01T00:00:00Z,a-1,m,12,5,Hello\ne-2,1767225600.5,a-1,m,34,6,\n",
            b"\xef\xbb\xbf"
            + header.replace(b"\n", b"\r\n")
            + b'e-1,2026-01-01 00:00:00,a-1,m,12,5,"two\nlines, ""quoted"""\r\n',
        )

    def batches(self, source: Source, spec: TableSpec, limits: Limits) -> Iterator[Batch]:
        """Yield the rows of a CSV file; see :class:`~spiritsafe.ingest.readers.reader.Reader`."""
        with opened(source, limits) as content:
            meter, turns = taken_apart(content, source, spec.required, limits)
            header = [name.strip() for name in next(turns, [[]])[0]]
            require_distinct(header, source.name, limits.columns)
            require(header, spec, source.name)
            warn_unknown(unknown(header, spec), source, spec)
            row, pending = 1, _Pending(header, source.name)
            for records in turns:
                pending.add(records)
                if pending.count >= limits.rows or meter.drawn >= limits.batch_bytes:
                    yield settle(pending.given(row, spec), spec, source.name)
                    row, pending, meter.drawn = row + pending.count, _Pending(header, source.name), 0
            if pending.count or row == 1:
                yield settle(pending.given(row, spec), spec, source.name)


def taken_apart(
    content: io.BufferedReader, source: Source, names: Iterable[str], limits: Limits
) -> tuple[_Meter, Iterator[list[list[str]]]]:
    """Return a count of bytes drawn, and the header alone followed by the records, some at a time.

    Args:
        content: the file's content.
        source: for messages.
        names: columns that the header is expected to have; they tell what stands between fields.
        limits: bounds on a record.
    """
    meter = _Meter(content, source, limits)
    return meter, _turns(_parser(meter, names, limits), meter, source, limits)


def fields(line: str, names: Iterable[str]) -> set[str]:
    """Return what a header names, told apart by whatever mark shows most of ``names``.

    >>> sorted(fields("a;b;c,d", {"a", "b"}))
    ['a', 'b', 'c,d']
    """
    return set(line.strip().replace('"', "").split(_delimiter(line, names)))


def _delimiter(line: str, names: Iterable[str]) -> str:
    bare, wanted = line.strip().replace('"', ""), set(names)
    return max(_DELIMITERS, key=lambda mark: len(wanted & set(bare.split(mark))))


def _parser(meter: _Meter, names: Iterable[str], limits: Limits) -> Iterator[list[str]]:
    text = io.TextIOWrapper(io.BufferedReader(meter, 1 << 18), "utf-8-sig", "surrogateescape", newline="")
    # The parser's own bound is one per process, so it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), limits.record_bytes))
    first = text.readline()
    return csv.reader(chain([first], text), delimiter=_delimiter(first, names), strict=True)


def _turns(parser: Iterator[list[str]], meter: _Meter, source: Source, limits: Limits) -> Iterator[list[list[str]]]:
    """Yield the header alone, then the records that are not blank, some at a time."""
    records: list[list[str]] = []
    taken, most = 0, 1
    try:
        for record in parser:
            records.append(record)
            if len(records) >= most or meter.drawn >= limits.batch_bytes:
                filled = [record for record in records if record]
                if filled:
                    yield filled
                taken, most, records = taken + len(filled), min(_TURN, limits.rows) if filled else 1, []
    except csv.Error as error:
        raise InputError(
            f"the quoting is broken: {error}",
            file=source.name,
            row=taken + sum(map(bool, records)) or None,
            hint="Quote fields that hold commas, quotes or newlines, and double every quote inside.",
        ) from error
    if any(records):
        yield [record for record in records if record]


class _Pending:
    """Records on their way into columns.

    They are turned a few thousand at a time, while they are in the processor's cache, and because
    a list per record is what the garbage collector dwells on.
    """

    def __init__(self, header: list[str], file: str) -> None:
        self.count = 0
        self._header = header
        self._file = file
        self._columns: list[list[pa.Array]] = [[] for _ in header]
        self._misfits: dict[int, list[str]] = {}

    def add(self, records: list[list[str]]) -> None:
        """Take some records."""
        width = len(self._header)
        if set(map(len, records)) != {width}:
            numbered = enumerate(records, self.count)
            self._misfits.update((at, record) for at, record in numbered if len(record) != width)
            self.count += len(records)
            records = [record for record in records if len(record) == width]
        else:
            self.count += len(records)
        for column, fields in zip(self._columns, zip(*records, strict=True), strict=False):
            column.append(_text(fields))

    def given(self, row: int, spec: TableSpec) -> Given:
        """Return the records taken, the first of which is number ``row``."""
        numbers = np.arange(row, row + self.count, dtype=np.int64)
        rejected = [
            Rejected(self._file, row + at, "", misfit(record, self._header), record)
            for at, record in self._misfits.items()
        ]
        columns = [pa.chunked_array(parts, pa.string()) for parts in self._columns]
        known = {name: column for name, column in zip(self._header, columns, strict=True) if spec.column(name)}
        return Given(
            known,
            np.delete(numbers, list(self._misfits)),
            lambda position: [plain(column, position) for column in columns],
            tuple(rejected),
            text=True,
        )


def _text(fields: tuple[str, ...]) -> pa.Array:
    try:
        return pa.array(fields, pa.string())
    except UnicodeEncodeError:
        # Bytes that are not UTF-8 travel on as they came, to be judged by column.
        return pa.array([field.encode("utf-8", "surrogateescape") for field in fields]).view(pa.string())


def misfit(record: list[str], header: list[str]) -> str:
    """Return what is wrong with a record of more or fewer fields than the header has."""
    return f"has {len(record)} fields where the header names {len(header)}; check its commas and quotes"
