"""JSONL: one exchange per line, plain or gzip.

A stretch of lines is decoded in one call into records that hold only the contract's columns seen so
far; a name not seen before stops the decoder, which then learns it. A stretch that does not decode is
read line by line, which finds the line to blame. Types are judged column by column afterwards, the same
way as for every format. Source: RFC 8259, https://jsonlines.org.
"""

import json
import re
from collections.abc import Iterator
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from spiritsafe.ingest.batch import Batch, Given, Limits, Rejected, Unfit
from spiritsafe.ingest.readers.lines import filled, stretches
from spiritsafe.ingest.readers.reader import warn_unknown
from spiritsafe.ingest.sources import Source
from spiritsafe.ingest.validate import require, settle, unknown
from spiritsafe.model.columns import TableSpec
from spiritsafe.model.errors import InputError

__all__ = ["JsonlReader"]

_NEW_NAME = re.compile(r"Object contains unknown field `(.*)` - at `\$\[\d+\]`", re.DOTALL)
_NAMEABLE = re.compile(r'[^"\\\x00-\x1f]+')  # what a record type can carry
_MOST_NAMES = 200
"""Names that are told apart; a file with more uses data as names."""
_EXAMPLE = (
    b'{"exchange_id":"e-1","started_at":"2026-01-01T00:00:00Z","account_id":"a-1","model":"m",'
    b'"input_tokens":1,"output_tokens":5}\n'
    b'{"exchange_id":"e-2","started_at":"2026-01-01T02:00:00.5+02:00","account_id":"a-1","model":"m",'
    b'"input_tokens":2,"output_tokens":5,"temperature":0.7,"stream":true}\n'
    b'{"exchange_id":"e-3","started_at":1767225600.25,"account_id":"a-2","model":"m",'
    b'"input_tokens":3,"output_tokens":5,"prompt":"Hello","client_ip":null}\n'
)


class JsonlReader:
    """Reads JSONL."""

    def examples(self) -> tuple[bytes, ...]:
        """Return one file with the three spellings of a time."""
        return (_EXAMPLE,)

    def batches(self, source: Source, spec: TableSpec, limits: Limits) -> Iterator[Batch]:
        """Yield the rows of a JSONL file; see :class:`~spiritsafe.ingest.readers.reader.Reader`."""
        decoder = _Decoder(spec, source.name)
        row = 1
        for stretch in stretches(source, limits):
            given = decoder.decode(stretch, row)
            if row == 1 and decoder.found:
                require(decoder.found, spec, source.name)
            row += len(given.row_numbers) + len(given.rejected)
            yield settle(given, spec, source.name)
        if row == 1:
            raise InputError("the file holds no records", file=source.name, hint="Remove it or export again.")
        warn_unknown(unknown(decoder.found, spec), source, spec)


class _Decoder:
    """Decodes one file's stretches and remembers which names its records hold."""

    def __init__(self, spec: TableSpec, file: str) -> None:
        self.found: set[str] = set()
        self._spec = spec
        self._file = file
        self._closed = True
        self._learn()

    def _learn(self) -> None:
        """Build the record type: every name found, or the whole contract once names are no longer learnt."""
        names = self.found if self._closed else {column.name for column in self._spec.columns}
        self._fields = {name: f"f{index}" for index, name in enumerate(sorted(filter(_NAMEABLE.fullmatch, names)))}
        kinds = [(field, Any if self._spec.column(name) else msgspec.Raw, None) for name, field in self._fields.items()]
        record = msgspec.defstruct(
            "Record",
            kinds,
            rename={field: name for name, field in self._fields.items()},
            forbid_unknown_fields=self._closed,
            gc=False,
        )
        self._json = msgspec.json.Decoder(record)

    def _meet(self, name: str) -> bool:
        """Take in a name that stopped the decoder; False where no record type can carry it."""
        if name in self.found or not _NAMEABLE.fullmatch(name):
            return False
        self._closed = len(self.found) < _MOST_NAMES
        self.found.add(name)
        self._learn()
        return True

    def decode(self, stretch: bytes, row: int) -> Given:
        """Return the records of a stretch whose first record is number ``row``."""
        while True:
            try:
                records = self._json.decode_lines(stretch)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                stranger = _NEW_NAME.fullmatch(str(error))
                if stranger is None or not self._meet(stranger[1]):
                    return self._line_by_line(stretch, row)
            else:
                lines = stretch.count(b"\n") + (not stretch.endswith(b"\n"))
                if len(records) != lines and len(records) != len(filled(stretch)):
                    return self._line_by_line(stretch, row)  # a record that spans lines, or two on one
                return self._at_once(records, stretch, row)

    def _at_once(self, records: list[Any], stretch: bytes, row: int) -> Given:
        columns: dict[str, list[object]] = {name: [None] * len(records) for name in self._spec.required}
        for name, field in self._fields.items():
            if self._spec.column(name):
                columns[name] = list(map(attrgetter(field), records))
        numbers = np.arange(row, row + len(records), dtype=np.int64)
        lines: list[bytes] = []

        def record(position: int) -> object:
            lines[:] = lines or filled(stretch)
            return _text(lines[position])

        return Given(columns, numbers, record)

    def _line_by_line(self, stretch: bytes, row: int) -> Given:
        records, numbers, kept, rejected = [], [], [], []
        for number, line in enumerate(filled(stretch), row):
            try:
                records.append(_record(line))
            except Unfit as unfit:
                rejected.append(Rejected(self._file, number, "", str(unfit), _text(line)))
            else:
                numbers.append(number)
                kept.append(line)
        found: set[str] = set().union(*records)
        self.found |= set(sorted(found)[:_MOST_NAMES]) | (found & {c.name for c in self._spec.columns})
        names = [c.name for c in self._spec.columns if c.name in found or c.required]
        return Given(
            {name: [record.get(name) for record in records] for name in names},
            np.array(numbers, dtype=np.int64),
            lambda position: _text(kept[position]),
            tuple(rejected),
        )


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _record(line: bytes) -> dict[str, Any]:
    """Return one line's object; lone surrogates and stray bytes come through, to be judged by column.

    Raises:
        Unfit: the line is no JSON object.
    """
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            value = json.loads(_text(line), strict=False)
        except json.JSONDecodeError as error:
            raise Unfit(f"is not JSON: {error.msg} at character {error.pos + 1}") from None
        except (ValueError, RecursionError):
            raise Unfit("is not JSON that can be read: nested too deeply, or a number too long") from None
    if not isinstance(value, dict):
        raise Unfit("is JSON, but not an object with the columns as names")
    return value
