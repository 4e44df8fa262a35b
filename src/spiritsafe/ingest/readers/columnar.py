"""Rows of a foreign Parquet file as records, for formats that other systems also export as Parquet.

A mapping reads records of JSON's types, so the few types that Parquet has beyond them (times, maps, bytes) become
what the same export holds as JSON. Nothing is typed here: the mapping's rows are held against the contract later.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.readers.parquet import claimed, damage, gathered
from spiritsafe.ingest.sources import Source
from spiritsafe.ingest.validate import require_distinct
from spiritsafe.ingest.values import plain
from spiritsafe.wire.objects import Record, textual

__all__ = ["columns_of", "is_parquet", "rows_of"]

_MAGIC = b"PAR1"


def is_parquet(source: Source) -> bool:
    """Tell by the first bytes."""
    with source.path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def columns_of(source: Source) -> frozenset[str]:
    """Return the names of a Parquet file's columns.

    Raises:
        InputError: it is damaged.
    """
    with damage(source):
        return frozenset(pq.read_schema(source.path).names)


def rows_of(source: Source, limits: Limits) -> Iterator[list[Record]]:
    """Yield a Parquet file's rows, some at a time, in memory bounded by ``limits``.

    Raises:
        InputError: it is damaged.
    """
    groups = claimed(source)
    with damage(source):
        file = pq.ParquetFile(source.path, pre_buffer=False, buffer_size=1 << 20)
        names = list(dict.fromkeys(file.schema_arrow.names))
    require_distinct(names, source.name, limits.columns)
    with file:
        done = 0
        for table in gathered(file, groups, names, source, limits):
            done += table.num_rows
            source.meter.share = done / max(file.metadata.num_rows, 1)
            columns = [[_json(value) for value in _values(table.column(name))] for name in names]
            yield [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return a column in plain Python; value by value where some value is not what its type says."""
    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, ArithmeticError):  # text that is not UTF-8, a time beyond the calendar
        return [plain(column, position) for position in range(len(column))]
    return values


def _json(value: Any) -> Any:
    """Return a value as JSON would hold it; a map is a list of pairs to Arrow."""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, bytes):
        return textual(value)
    if isinstance(value, list) and value and all(isinstance(item, tuple) for item in value):
        return {str(_json(name)): _json(inner) for name, inner in value}
    return value
