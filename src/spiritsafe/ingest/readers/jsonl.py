"""JSONL: one exchange per line, or one array of exchanges, plain or gzip.

A stretch of lines is decoded in one call into records that hold only the contract's columns seen so
far; a name not seen before stops the decoder, which then learns it. A stretch that does not decode is
halved until the line to blame stands alone. Types are judged column by column afterwards, the same
way as for every format. Source: RFC 8259, https://jsonlines.org.
"""

import functools
import json
import re
from collections.abc import Collection, Iterator
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from spiritsafe.ingest.batch import Batch, Given, Limits, Rejected
from spiritsafe.ingest.readers.lines import filled, stretches
from spiritsafe.ingest.readers.reader import warn_unknown
from spiritsafe.ingest.sources import Source
from spiritsafe.ingest.validate import require, settle, unknown
from spiritsafe.model.columns import TableSpec
from spiritsafe.model.errors import InputError
from spiritsafe.wire.objects import crowded, decoded, textual
from spiritsafe.wire.unfit import Unfit

__all__ = ["JsonlReader"]

_NEW_NAME = re.compile(r"Object contains unknown field `(.*)` - at `\$\[\d+\]`", re.DOTALL)
_NAMEABLE = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]+')  # what a record type can carry
_BLANK = re.compile(rb"\n[ \t\r]*\n|\A[ \t\r]*\n")
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
                require(sorted(decoder.found), spec, source.name)
            row += len(given.row_numbers) + len(given.rejected)
            yield settle(given, spec, source.name)
        if row == 1:
            raise InputError("the file holds no records", file=source.name, hint="Remove it or export again.")
        warn_unknown(unknown(decoder.found, spec), source, spec)


class _Decoder:
    """Decodes one file's stretches and remembers which names its records hold."""

    def __init__(self, spec: TableSpec, file: str) -> None:
        self.found: set[str] = set()
        self._contract = {column.name for column in spec.columns}
        self._required = spec.required
        self._file = file
        self._closed = True
        self._learn()

    def _learn(self) -> None:
        """Build the record type: every name found, or the whole contract once names are no longer learnt."""
        names = self.found if self._closed else self._contract
        self._fields = {name: f"f{index}" for index, name in enumerate(sorted(filter(_NAMEABLE.fullmatch, names)))}
        self._record = msgspec.defstruct(
            "Record",
            [(field, Any if n in self._contract else msgspec.Raw, None) for n, field in self._fields.items()],
            rename={field: name for name, field in self._fields.items()},
            forbid_unknown_fields=self._closed,
            gc=False,
        )
        self._json = msgspec.json.Decoder(self._record)

    def _meet(self, name: str) -> bool:
        """Take in a name; False where that changes nothing, for no record type could carry it."""
        if name in self.found or not self._closed:
            return False
        self.found.add(name)
        if len(self.found) > _MOST_NAMES:
            self._closed = False
            self.found |= self._contract
        if self._closed and not _NAMEABLE.fullmatch(name):
            return False
        self._learn()
        return True

    def decode(self, stretch: bytes, row: int) -> Given:
        """Return the records of a stretch whose first record is number ``row``."""
        while True:
            fields = self._fields
            records = self._at_once(stretch)
            if records is None:
                records = self._apart(filled(stretch))
            if self._fields is fields:
                return self._given(records, stretch, row)

    def _at_once(self, lines: bytes) -> list[Any] | None:
        """Return one record per line; None where some line needs a closer look."""
        if crowded(lines):
            return None
        try:
            records: list[Any] = self._json.decode_lines(lines)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            stranger = _NEW_NAME.fullmatch(str(error))
            return [] if stranger is not None and self._meet(stranger[1]) else None
        if _has_blank(lines):
            whole = len(records) == len(filled(lines))
        else:
            whole = len(records) == lines.removesuffix(b"\n").count(b"\n") + 1
        return records if whole and not self._doubled(lines, len(records)) else None

    def _doubled(self, lines: bytes, records: int) -> bool:
        """Tell whether some record may have a required name twice; a text that quotes one has it escaped."""
        return any(lines.count(b'"%b"' % name.encode()) > records for name in self._required)

    def _apart(self, lines: list[bytes]) -> list[Any]:
        """Return one record, or the Unfit that refuses it, per line: by halves, so that few are read alone."""
        if len(lines) == 1:
            return [self._alone(lines[0])]
        records = []
        for half in (lines[: len(lines) // 2], lines[len(lines) // 2 :]):
            together = self._at_once(b"\n".join(half))
            records += self._apart(half) if together is None else together
        return records

    def _alone(self, line: bytes) -> Any:
        try:
            values = decoded(line)
            _require_once(line, self._required)
        except Unfit as unfit:
            return unfit
        for name in values:
            self._meet(name)
        return self._record(**{field: values[n] for n, field in self._fields.items() if n in values})

    def _given(self, records: list[Any], stretch: bytes, row: int) -> Given:
        lines = functools.cache(lambda: filled(stretch))  # needed for bad records only
        bad = [at for at, record in enumerate(records) if isinstance(record, Unfit)]
        rejected = [Rejected(self._file, row + at, "", str(records[at]), textual(lines()[at])) for at in bad]
        places = np.delete(np.arange(len(records), dtype=np.int64), bad)
        good = [record for record in records if not isinstance(record, Unfit)] if bad else records
        columns: dict[str, list[object]] = {name: [None] * len(good) for name in self._required}
        for name in self._contract & self._fields.keys():
            columns[name] = list(map(attrgetter(self._fields[name]), good))
        return Given(columns, places + row, lambda at: textual(lines()[places[at]]), tuple(rejected))


def _has_blank(lines: bytes) -> bool:
    """Tell whether a line is blank; the pattern is asked only where one may be, for it looks at every byte."""
    blank = lines[:1].isspace() or any(start in lines for start in (b"\n\n", b"\n ", b"\n\t", b"\n\r"))
    return blank and _BLANK.search(lines) is not None


def _require_once(line: bytes, names: Collection[str]) -> None:
    """Raise if the object has a name twice: parsers differ in which of the two values counts."""
    if not any(line.count(b'"%b"' % name.encode()) > 1 for name in names):
        return
    pairs: list[tuple[str, Any]] = []

    def kept(found: list[tuple[str, Any]]) -> None:
        pairs[:] = found  # the outermost object comes last

    try:
        json.loads(textual(line), strict=False, object_pairs_hook=kept)
    except (ValueError, RecursionError):
        raise Unfit("is not JSON that can be read: nested too deeply, or a number too long") from None
    for name in names:
        if sum(found == name for found, _ in pairs) > 1:
            raise Unfit(f"has {name!r} twice, and only one can be meant")
