"""CSV with a header, comma, semicolon, tab or bar between fields, plain or gzip.

Python's own parser reads it, strictly: it knows quoted newlines, and it is exact about what is broken.
A field is text until its column's type parses it; an empty field is null. Broken quoting ends the file
with an error rather than a rejected row, because where the next record begins is then anybody's guess.
Source: RFC 4180.
"""

import csv
import io
from collections.abc import Iterator
from itertools import chain

import numpy as np

from spiritsafe.ingest.batch import Batch, Given, Limits, Rejected
from spiritsafe.ingest.readers.content import opened
from spiritsafe.ingest.readers.reader import warn_unknown
from spiritsafe.ingest.sources import Source
from spiritsafe.ingest.validate import require, settle, unknown
from spiritsafe.model.columns import TableSpec
from spiritsafe.model.errors import InputError

__all__ = ["CsvReader"]

_DELIMITERS = ",;\t|"


class _Lines:
    """The physical lines of a file as text, counting bytes so that no record grows without bound."""

    def __init__(self, content: io.BufferedReader, source: Source, limits: Limits) -> None:
        self._content = content
        self._source = source
        self._most = limits.record_bytes
        self.record_bytes = 0
        self.batch_bytes = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._content.readline(self._most + 1)
        if not line:
            raise StopIteration
        self.record_bytes += len(line)
        self.batch_bytes += len(line)
        if self.record_bytes > self._most:
            raise InputError(
                f"a record is longer than {self._most} bytes",
                file=self._source.name,
                hint="Check the file for a quote that is never closed.",
            )
        return line.decode("utf-8", "surrogateescape")


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
            lines = _Lines(content, source, limits)
            records = _records(lines, source, spec, limits)
            header = [name.strip() for name in next(records, [])]
            _check_header(header, source, spec)
            row, pending = 1, list[list[str]]()
            for record in records:
                pending.append(record)
                if len(pending) >= limits.rows or lines.batch_bytes >= limits.batch_bytes:
                    yield settle(_given(pending, header, row, source, spec), spec, source.name)
                    row, pending, lines.batch_bytes = row + len(pending), [], 0
            if pending or row == 1:
                yield settle(_given(pending, header, row, source, spec), spec, source.name)


def _records(lines: _Lines, source: Source, spec: TableSpec, limits: Limits) -> Iterator[list[str]]:
    """Yield the records that are not blank, the header first."""
    first = next(lines, "").removeprefix("\ufeff")
    names = set(spec.required)
    delimiter = max(
        _DELIMITERS, key=lambda mark: len(names & set(first.strip().replace('"', "").split(mark)))
    )
    # The parser's own bound is one per process; ours, on whole records, is the tighter one.
    csv.field_size_limit(max(csv.field_size_limit(), limits.record_bytes))
    number = 0
    try:
        for record in csv.reader(chain([first], lines), delimiter=delimiter, strict=True):
            lines.record_bytes = 0
            if record:
                yield record
                number += 1
    except csv.Error as error:
        raise InputError(
            f"the quoting is broken: {error}",
            file=source.name,
            row=number or None,
            hint="Quote fields that hold commas, quotes or newlines, and double every quote inside.",
        ) from error


def _check_header(header: list[str], source: Source, spec: TableSpec) -> None:
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise InputError(
            "two columns have this name",
            file=source.name,
            column=ascii(doubled[0])[1:-1],
            hint="Rename one of them.",
        )
    require(header, spec, source.name)
    warn_unknown(unknown(header, spec), source, spec)


def _given(records: list[list[str]], header: list[str], row: int, source: Source, spec: TableSpec) -> Given:
    numbers = np.arange(row, row + len(records), dtype=np.int64)
    rejected = []
    if any(len(record) != len(header) for record in records):
        fits = np.array([len(record) == len(header) for record in records])
        rejected = [
            Rejected(source.name, int(number), "", _misfit(record, header), record)
            for number, record, fit in zip(numbers, records, fits, strict=True)
            if not fit
        ]
        records, numbers = [record for record in records if len(record) == len(header)], numbers[fits]
    fields = zip(*records, strict=True) if records else [()] * len(header)
    columns = {
        name: list[object](values) for name, values in zip(header, fields, strict=True) if spec.column(name)
    }
    return Given(columns, numbers, records.__getitem__, tuple(rejected), text=True)


def _misfit(record: list[str], header: list[str]) -> str:
    return f"has {len(record)} fields where the header names {len(header)}; check its commas and quotes"
