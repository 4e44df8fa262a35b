"""Read a large table range by range of its hash, so that memory follows the range and not the store.

Segments are sorted by key, and the statistics of their row groups say which of them touch a range; the rows of
one range, from all segments, are folded and handed on. Ranges of a hash are equally full, whatever the log.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spiritsafe.engine.fold import fold
from spiritsafe.engine.tables import Table

__all__ = ["between", "folded", "span", "texts"]

_ROWS = 6_000_000
"""Rows, before folding, that a range should hold: about half a gigabyte while it is sorted."""
_LEAST, _MOST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group of a segment: where it is and which keys it spans."""

    file: pq.ParquetFile
    number: int
    rows: int
    low: int
    high: int
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
        pa.ArrowException, OSError: a segment cannot be read.
    """
    texts = [name for name in table.keys if pa.types.is_string(table.schema.field(name).type)]
    spread = next(name for name in table.keys if pa.types.is_int64(table.schema.field(name).type))
    wanted = [name for name in table.schema.names if name in {*table.keys, *columns}]
    files = [pq.ParquetFile(path, read_dictionary=texts, pre_buffer=False) for path in paths]
    try:
        groups = [group for file in files for group in _groups(file, spread, texts)]
        for kind in kinds if texts else ("",):
            mine = [group for group in groups if group.first_kind <= kind <= group.last_kind] if texts else groups
            for low, high in _ranges(sum(group.rows for group in mine)):
                touched = [group for group in mine if group.low <= high and group.high >= low]
                parts = [_rows(group, wanted, spread, (low, high), (texts, kind)) for group in touched]
                if any(part.num_rows for part in parts):
                    yield fold(pa.concat_tables(parts).unify_dictionaries(), _narrowed(table, wanted))
    finally:
        for file in files:
            file.close()


def _narrowed(table: Table, wanted: Sequence[str]) -> Table:
    rules = dict(zip(table.schema.names, table.merges, strict=True))
    return Table(table.name, pa.schema([table.schema.field(n) for n in wanted]), tuple(rules[n] for n in wanted))


def _ranges(rows: int) -> list[tuple[int, int]]:
    """Cut the hashes into equal ranges, both ends included."""
    count = max(1, -(-rows // _ROWS))
    cuts = [_LEAST + (2**64 * at) // count for at in range(count + 1)]
    return [(low, high - 1) for low, high in pairwise(cuts)]


def _groups(file: pq.ParquetFile, spread: str, texts: list[str]) -> Iterator[_Group]:
    leaves = {file.schema.column(at).path: at for at in range(len(file.schema))}
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        hashes = group.column(leaves[spread]).statistics
        kinds = group.column(leaves[texts[0]]).statistics if texts else None
        # where a file has no statistics every range must look into it
        low, high = (hashes.min, hashes.max) if hashes is not None and hashes.has_min_max else (_LEAST, _MOST)
        first, last = (kinds.min, kinds.max) if kinds is not None and kinds.has_min_max else ("", "\U0010ffff")
        yield _Group(file, number, group.num_rows, low, high, first if texts else "", last if texts else "")


def _rows(
    group: _Group, wanted: list[str], spread: str, span: tuple[int, int], kind: tuple[list[str], str]
) -> pa.Table:
    rows = group.file.read_row_group(group.number, columns=wanted, use_threads=False)
    texts, name = kind
    if texts and not group.first_kind == name == group.last_kind:
        rows = rows.filter(pc.equal(rows.column(texts[0]).cast(pa.string()), name))
    if span[0] <= group.low and group.high <= span[1]:
        return rows
    hashes = rows.column(spread).to_numpy()
    inside = (hashes >= span[0]) & (hashes <= span[1])
    return rows if inside.all() else rows.filter(pa.array(inside))


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
