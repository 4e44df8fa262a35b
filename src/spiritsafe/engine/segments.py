"""Write table rows as immutable Parquet files, durably, and find the files that nothing refers to.

A segment appears under its name only when every byte of it is on the disk; until the manifest lists
it, it does not exist for readers, so a crash at any point leaves a file to sweep and nothing to repair.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spiritsafe.engine.manifest import SegmentRow
from spiritsafe.engine.tables import Merge, Table
from spiritsafe.model.errors import StoreError

__all__ = [
    "SEGMENTS",
    "conform",
    "delete",
    "storage_errors",
    "sync_folder",
    "unmerged",
    "unreferenced",
    "write_segment",
]

SEGMENTS = "segments"
"""Folder of the segments inside the store."""
_ROW_GROUP = 122_880  # DuckDB's own row-group size


def conform(rows: pa.Table, table: Table) -> pa.Table:
    """Return ``rows`` in the table's column order and types.

    Raises:
        StoreError: a column is missing, unknown, of a type that does not fit, holds nulls where the
            schema has none, or lists of the wrong length.
    """
    if set(rows.column_names) != set(table.schema.names) or rows.num_columns != len(table.schema.names):
        differ = sorted(set(rows.column_names) ^ set(table.schema.names)) or rows.column_names
        raise _unfit(table, f"columns {', '.join(differ)} do not match the schema")
    for field in table.schema:
        if not field.nullable and (nulls := rows[field.name].null_count):
            raise _unfit(table, f"column {field.name!r} holds {nulls} nulls")
    try:
        cast = rows.select(table.schema.names).cast(table.schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise _unfit(table, str(error)) from error
    for index, (field, rule) in enumerate(zip(table.schema, table.merges, strict=True)):
        if pa.types.is_list(field.type):
            _check_lists(cast.column(index), field, rule, table)
        if rule is Merge.BOTTOM_K_COUNT:
            _check_counts(cast.column(index - 1), cast.column(index), field, table)
    return cast


def write_segment(root: Path, table: Table, name: str, batches: Iterable[pa.RecordBatch]) -> SegmentRow:
    """Write a segment under a temporary name, sync it and give it its own.

    Args:
        root: the store's folder.
        table: whose rows they are.
        name: file name without suffix, unique for ever.
        batches: conforming rows, sorted by key.

    Raises:
        StoreError: if the disk is full or the folder cannot be written; nothing of the file remains.
    """
    folder = root / SEGMENTS / table.name
    path, unfinished = folder / f"{name}.parquet", folder / f".{name}.unfinished"
    with storage_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            rows = _write(unfinished, table, batches)
            os.replace(unfinished, path)  # noqa: PTH105 - the pair of calls that POSIX promises is atomic
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        return SegmentRow(path.relative_to(root).as_posix(), table.name, rows, path.stat().st_size)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable.

    Raises:
        OSError: if the disk refuses.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def unreferenced(root: Path, known: set[str]) -> list[str]:
    """Return paths, relative to ``root``, of segment files that are not in ``known``."""
    found = (path.relative_to(root).as_posix() for path in (root / SEGMENTS).glob("*/*") if path.is_file())
    return sorted(path for path in found if path not in known)


def delete(root: Path, paths: Iterable[str]) -> None:
    """Delete segment files; one that is already gone is no error.

    Raises:
        StoreError: if the folder cannot be written.
    """
    for path in paths:
        with storage_errors(root / path):
            (root / path).unlink(missing_ok=True)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about ``path`` into a StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror or error}",
            hint="Free disk space or make the folder writable; everything committed before is intact.",
        ) from error


def unmerged(table: str, error: Exception) -> StoreError:
    """Return what to raise where the engine refuses to merge a table; its own words, on one line and shortened."""
    words = " ".join(str(error).split())
    return StoreError(
        f"table {table!r}: rows do not merge: {words[:200]}",
        hint="If memory ran out, raise engine.memory_gib; if the disk did, free space. Committed files are intact.",
    )


def _write(path: Path, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
    rows = 0
    with path.open("wb") as file:
        with pq.ParquetWriter(file, table.schema, **_writing(table)) as writer:
            for batch in batches:
                writer.write_batch(batch, row_group_size=_ROW_GROUP)
                rows += batch.num_rows
        file.flush()
        os.fsync(file.fileno())
    return rows


def _writing(table: Table) -> dict[str, Any]:
    """Return how a table is written: lists small, rows of numbers fast.

    Hashes, times and tokens hardly repeat, so looking for a dictionary in them is time lost; and half of the cost
    of a large scan is writing and reading these rows again.
    """
    if any(pa.types.is_list(kind) for kind in table.schema.types):
        return {"compression": "zstd"}
    repeating = [name for name in table.schema.names if not name.endswith(_HARDLY_REPEATING)]
    return {"compression": "lz4", "use_dictionary": repeating, "write_statistics": list(table.keys)}


_HARDLY_REPEATING = (
    "account", "address", "exchange", "habit", "ip", "prefix", "value", "template", "tokens", "_before", "_us", "_id"
)  # fmt: skip


def _check_lists(values: pa.ChunkedArray, field: pa.Field, rule: Merge, table: Table) -> None:
    if pc.list_flatten(values).null_count:
        raise _unfit(table, f"column {field.name!r} holds null elements")
    if rule is Merge.VECTOR_SUM:
        width = table.width(field.name)
        if pc.any(pc.not_equal(pc.list_value_length(values), width)).as_py():
            raise _unfit(table, f"column {field.name!r}: every list must hold {width} elements")


def _check_counts(sample: pa.ChunkedArray, counts: pa.ChunkedArray, field: pa.Field, table: Table) -> None:
    if pc.any(pc.not_equal(pc.list_value_length(sample), pc.list_value_length(counts))).as_py():
        raise _unfit(table, f"column {field.name!r}: not one count for every sampled value")


def _unfit(table: Table, reason: str) -> StoreError:
    hint = "The writer and the schema in tables.py disagree."
    return StoreError(f"table {table.name!r}: {reason}", hint=hint)
