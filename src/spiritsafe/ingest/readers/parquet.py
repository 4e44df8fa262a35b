"""Parquet: row groups stream through as Arrow batches, typed already.

Read in small steps that are gathered into batches, so that memory follows the limits and not the writer's
choice of row group; the footer alone would not do, for a long text that a dictionary holds once
takes its full length in every row. Source: the Apache Parquet format, https://parquet.apache.org.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from spiritsafe.ingest.batch import Batch, Given, Limits
from spiritsafe.ingest.readers.reader import warn_unknown
from spiritsafe.ingest.sources import Source
from spiritsafe.ingest.validate import require, settle, unknown
from spiritsafe.ingest.values import plain
from spiritsafe.model.columns import TableSpec
from spiritsafe.model.errors import InputError

__all__ = ["ParquetReader", "damage", "gathered"]

_STEP = 4096


@contextmanager
def damage(source: Source) -> Iterator[None]:
    """Turn what Arrow says of broken data into an InputError."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        raise InputError(
            f"the Parquet data is damaged or cut off: {ascii(str(error)[:200])[1:-1]}",
            file=source.name,
            hint="Copy or export the file again.",
        ) from error


def gathered(file: pq.ParquetFile, names: list[str], source: Source, limits: Limits) -> Iterator[pa.Table]:
    """Yield the rows in order, a batch at a time."""
    with damage(source):
        step = _step(file.metadata, limits)
        steps = file.iter_batches(step, columns=names)
    parts: list[pa.RecordBatch] = []
    rows = held = 0
    while (part := _next(steps, source)) is not None:
        parts.append(part)
        rows, held = rows + part.num_rows, held + part.nbytes
        if rows + step > limits.rows or held >= limits.batch_bytes:
            yield pa.Table.from_batches(parts)
            parts, rows, held = [], 0, 0
    if parts:
        yield pa.Table.from_batches(parts)


def _step(metadata: pq.FileMetaData, limits: Limits) -> int:
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    widest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(_STEP, limits.rows, limits.batch_bytes // max(widest, 1)))


def _next(batches: Iterator[pa.RecordBatch], source: Source) -> pa.RecordBatch | None:
    with damage(source):
        batch = next(batches, None)
        if batch is not None:
            batch.validate()
        return batch


def _known(found: list[str], source: Source, spec: TableSpec) -> list[str]:
    """Return the contract's columns that the file holds, in contract order."""
    doubled = sorted({name for name in found if found.count(name) > 1})
    if doubled:
        raise InputError("two columns have this name", file=source.name, column=doubled[0], hint="Rename one of them.")
    require(found, spec, source.name)
    warn_unknown(unknown(found, spec), source, spec)
    return [column.name for column in spec.columns if column.name in found]


def _record(table: pa.Table, position: int) -> dict[str, object]:
    return {name: plain(table.column(name), position) for name in table.column_names}


class ParquetReader:
    """Reads Parquet."""

    def examples(self) -> tuple[bytes, ...]:
        """Return one file with two exchanges."""
        table = pa.table(
            {
                "exchange_id": ["e-1", "e-2"],
                "started_at": pa.array([1_767_225_600, 1_767_225_601], pa.timestamp("s", "UTC")),
                "account_id": ["a-1", "a-1"],
                "model": ["m", "m"],
                "input_tokens": [12, 34],
                "output_tokens": [5, 6],
                "prompt": ["Hello", None],
            }
        )
        sink = io.BytesIO()
        pq.write_table(table, sink)
        return (sink.getvalue(),)

    def batches(self, source: Source, spec: TableSpec, limits: Limits) -> Iterator[Batch]:
        """Yield the rows of a Parquet file; see :class:`~spiritsafe.ingest.readers.reader.Reader`."""
        with damage(source):
            file = pq.ParquetFile(source.path, pre_buffer=False, buffer_size=1 << 20)
            found = file.schema_arrow.names
        with file:
            known = _known(found, source, spec)
            row = 1
            for table in gathered(file, known, source, limits):
                numbers = np.arange(row, row + table.num_rows, dtype=np.int64)
                columns = {name: table.column(name) for name in known}
                row += table.num_rows
                source.meter.share = (row - 1) / file.metadata.num_rows
                yield settle(Given(columns, numbers, partial(_record, table)), spec, source.name)
