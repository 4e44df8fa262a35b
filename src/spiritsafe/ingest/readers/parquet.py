"""Parquet: row groups stream through as Arrow batches, typed already.

Batches shrink where the footer announces large rows, so that memory follows the limits and not the
writer's choice of row group. Source: the Apache Parquet format, https://parquet.apache.org.
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
from spiritsafe.model.columns import TableSpec
from spiritsafe.model.errors import InputError

__all__ = ["ParquetReader"]


@contextmanager
def _damage(source: Source) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        raise InputError(
            f"the Parquet data is damaged or cut off: {ascii(str(error)[:200])[1:-1]}",
            file=source.name,
            hint="Copy or export the file again.",
        ) from error


def _next(batches: Iterator[pa.RecordBatch], source: Source) -> pa.RecordBatch | None:
    with _damage(source):
        batch = next(batches, None)
        if batch is not None:
            batch.validate()
        return batch


def _known(found: list[str], source: Source, spec: TableSpec) -> list[str]:
    """Return the contract's columns that the file holds, in contract order."""
    doubled = sorted({name for name in found if found.count(name) > 1})
    if doubled:
        raise InputError(
            "two columns have this name", file=source.name, column=doubled[0], hint="Rename one of them."
        )
    require(found, spec, source.name)
    warn_unknown(unknown(found, spec), source, spec)
    return [column.name for column in spec.columns if column.name in found]


def _rows_per_batch(metadata: pq.FileMetaData, limits: Limits) -> int:
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    widest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(limits.rows, limits.batch_bytes // max(widest, 1)))


def _record(batch: pa.RecordBatch, position: int) -> dict[str, object]:
    return {name: _value(batch.column(name)[position]) for name in batch.schema.names}


def _value(scalar: pa.Scalar) -> object:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        return str(scalar.cast(pa.binary()).as_py() if pa.types.is_string(scalar.type) else scalar)


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
        with _damage(source):
            file = pq.ParquetFile(source.path)
            found = file.schema_arrow.names
        with file:
            known = _known(found, source, spec)
            given = file.iter_batches(_rows_per_batch(file.metadata, limits), columns=known)
            row = 1
            while (batch := _next(given, source)) is not None:
                numbers = np.arange(row, row + batch.num_rows, dtype=np.int64)
                columns = {name: pa.chunked_array([batch.column(name)]) for name in known}
                record = partial(_record, batch)
                yield settle(Given(columns, numbers, record), spec, source.name)
                row += batch.num_rows
