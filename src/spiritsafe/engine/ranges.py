"""Read a large table range by range of its hash, so that memory follows the range and not the store.

Segments are sorted by key, so each is read from front to back, a few rows at a time, and a range is the next slice
of every segment; those are merged and handed on. Ranges of a hash are equally full, whatever the log.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spiritsafe.engine.fold import fold
from spiritsafe.engine.order import falls
from spiritsafe.engine.tables import Table

__all__ = ["between", "folded", "span", "texts"]

_ROWS = 500_000
"""Rows, before folding, that a range should hold: few enough that its columns stay near the processor."""
_BATCH = 16_384
"""Rows of a segment that are decoded at a time."""
_LEAST, _MOST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group of a segment: where it is and which kinds it spans."""

    file: pq.ParquetFile
    number: int
    rows: int
    first_kind: str
    last_kind: str


def folded(
    table: Table, paths: Sequence[Path], columns: Sequence[str], kinds: Sequence[str] = ("",)
) -> Iterator[pa.Table]:
    """Yield the merged rows of a foldable table in the order of its keys, some at a time.

    Args:
        table: the rules.
        paths: its segments, each sorted by key.
        columns: those wanted beside the keys.
        kinds: for a table whose first key is a text, the values of it that are wanted, in order.

    Raises:
        OverflowError: if a sum leaves int64.
        pa.ArrowException, OSError: a segment cannot be read or is not in order.
    """
    text = table.keys[0] if pa.types.is_string(table.schema.field(table.keys[0]).type) else None
    wanted = [name for name in table.schema.names if name in {*table.keys, *columns}]
    files = [pq.ParquetFile(path, read_dictionary=[text] if text else None, pre_buffer=False) for path in paths]
    try:
        groups = [[_group(file, number, text) for number in range(file.num_row_groups)] for file in files]
        for kind in kinds if text else ("",):
            for rows in _of_kind(groups, _narrowed(table, wanted), text, kind):
                yield _named(rows, wanted, text, kind)
    finally:
        for file in files:
            file.close()


def _of_kind(groups: list[list[_Group]], table: Table, text: str | None, kind: str) -> Iterator[pa.Table]:
    """Yield the merged rows of one kind, without its column."""
    mine = [[one for one in segment if not text or one.first_kind <= kind <= one.last_kind] for segment in groups]
    narrow = _narrowed(table, [name for name in table.schema.names if name != text])
    runs = [_Run(segment, narrow, text, kind) for segment in mine if segment]
    for high in _ends(sum(group.rows for segment in mine for group in segment)):
        parts = [part for run in runs for part in run.until(high)]
        if parts:
            yield fold(pa.Table.from_batches(parts), narrow)


class _Run:
    """The rows of one kind in one segment, read once from front to back.

    Args:
        groups: its row groups.
        table: the rules of the columns wanted, the hash first.
        text, kind: which column tells the kind, if any does, and which is wanted.
    """

    def __init__(self, groups: list[_Group], table: Table, text: str | None, kind: str) -> None:
        self._batches = (batch for group in groups for batch in _batches(group, table.schema.names, text, kind))
        self._spread = table.keys[0]
        self._held: pa.RecordBatch | None = None
        self._hashes = np.zeros(0, np.int64)
        self._last = _LEAST

    def until(self, high: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows that follow and whose hash is no higher than ``high``."""
        while (held := self._next()) is not None:
            stop = int(np.searchsorted(self._hashes, high, side="right"))
            if stop:
                yield held.slice(0, stop)
            self._hashes = self._hashes[stop:]
            if len(self._hashes):
                self._held = held.slice(stop)
                return
            self._held = None

    def _next(self) -> pa.RecordBatch | None:
        if self._held is None:
            self._held = next(self._batches, None)
            if self._held is not None:
                self._hashes = self._held.column(self._spread).to_numpy()
                if falls(self._hashes) or self._hashes[0] < self._last:
                    raise pa.ArrowInvalid("rows of a segment are not in the order of their key")
                self._last = int(self._hashes[-1])
        return self._held


def _group(file: pq.ParquetFile, number: int, text: str | None) -> _Group:
    group = file.metadata.row_group(number)
    if text is None:
        return _Group(file, number, group.num_rows, "", "")
    kinds = group.column(file.schema_arrow.names.index(text)).statistics
    # where a file has no statistics every kind must be looked for in it
    first, last = (kinds.min, kinds.max) if kinds is not None and kinds.has_min_max else ("", "\U0010ffff")
    return _Group(file, number, group.num_rows, first, last)


def _batches(group: _Group, columns: list[str], text: str | None, kind: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of one kind of a row group, some at a time, without the column that tells it."""
    is_mixed = text is not None and not group.first_kind == kind == group.last_kind
    names = [text, *columns] if is_mixed else columns
    for batch in group.file.iter_batches(_BATCH, row_groups=[group.number], columns=names, use_threads=False):
        rows = batch.filter(pc.equal(batch.column(text).cast(pa.string()), kind)) if is_mixed else batch
        if rows.num_rows:
            yield rows.select(columns)


def _named(rows: pa.Table, wanted: list[str], text: str | None, kind: str) -> pa.Table:
    if text is None:
        return rows
    return rows.add_column(wanted.index(text), pa.field(text, pa.string()), pa.repeat(kind, rows.num_rows))


def _narrowed(table: Table, wanted: Sequence[str]) -> Table:
    rules = dict(zip(table.schema.names, table.merges, strict=True))
    return Table(table.name, pa.schema([table.schema.field(n) for n in wanted]), tuple(rules[n] for n in wanted))


def _ends(rows: int) -> list[int]:
    """Cut the hashes into equal ranges; return the last hash of each."""
    count = max(1, -(-rows // _ROWS))
    return [_LEAST + (2**64 * at) // count - 1 for at in range(1, count + 1)]


def between(paths: Sequence[Path], table: Table, column: str, low: int, high: int) -> pa.Table:
    """Return the rows, not merged, in which ``column`` lies between two values, both included."""
    wanted = [(column, ">=", low), (column, "<=", high)]
    parts = [pq.read_table(path, filters=wanted, use_threads=False) for path in paths]
    return pa.concat_tables(parts) if parts else table.schema.empty_table()


def span(paths: Sequence[Path], column: str) -> tuple[int, int] | None:
    """Return the smallest and the largest value of a column of integers, None where there are no rows."""
    found = []
    for path in paths:
        metadata = pq.read_metadata(path)
        at = metadata.schema.names.index(column)
        for group in range(metadata.num_row_groups):
            known = metadata.row_group(group).column(at).statistics
            found.append((known.min, known.max))
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def texts(paths: Sequence[Path], column: str) -> list[str]:
    """Return the distinct values of the text by which files are sorted first, sorted."""
    found: set[str] = set()
    for path in paths:
        with pq.ParquetFile(path, read_dictionary=[column]) as file:
            at = file.metadata.schema.names.index(column)
            for number in range(file.metadata.num_row_groups):
                known = file.metadata.row_group(number).column(at).statistics
                if known is not None and known.has_min_max and known.min == known.max:
                    found.add(known.min)
                else:
                    found.update(pc.unique(file.read_row_group(number, columns=[column]).column(0)).to_pylist())
    return sorted(found)
