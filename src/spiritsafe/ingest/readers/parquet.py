"""Parquet: row groups stream through as Arrow batches, typed already.

Read in small steps that are gathered into batches, so that memory follows the limits and not the writer's
choice of row group; the footer alone would not do, for a long text that a dictionary holds once
takes its full length in every row. Source: the Apache Parquet format, https://parquet.apache.org.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spiritsafe.ingest.batch import Batch, Given, Limits
from spiritsafe.ingest.readers.pages import Chunk, PageError, Struct, chunks, footer, texts
from spiritsafe.ingest.readers.reader import warn_unknown
from spiritsafe.ingest.sources import Source
from spiritsafe.ingest.validate import require, require_distinct, settle, unknown
from spiritsafe.ingest.values import plain
from spiritsafe.model.columns import TableSpec
from spiritsafe.model.errors import InputError

__all__ = ["ParquetReader", "claimed", "damage", "gathered"]

_STEP = 65_536
_FEW = 4
"""Bytes per value below which a column of texts can only be a dictionary: a plain text takes four for its length."""
_SHORT = 256
"""Bytes of the longest text of a dictionary that is kept as one."""
_REPEATED = 8
"""Batches' worth of bytes that one step might take if every row held a whole dictionary, before one is looked into."""
_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
_FIXED = 16
"""Bytes of a value of fixed width, or of a string's place in a column."""


@contextmanager
def damage(source: Source) -> Iterator[None]:
    """Turn what Arrow says of broken data into an InputError."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, RuntimeError) as error:
        raise InputError(
            f"the Parquet data is damaged or cut off: {ascii(str(error)[:200])[1:-1]}",
            file=source.name,
            hint="Copy or export the file again.",
        ) from error


def claimed(source: Source) -> list[Struct]:
    """Return the row groups that a file's footer describes.

    Raises:
        InputError: it is damaged.
    """
    with damage(source), source.path.open("rb") as raw:
        return footer(raw, source.size)


def _opened(source: Source, groups: list[Struct]) -> pq.ParquetFile:
    """Open a file so that texts of few distinct values stay dictionaries: each is then looked at once."""
    few = [name for name, (size, values) in texts(groups).items() if size < _FEW * values]
    return pq.ParquetFile(source.path, read_dictionary=few, pre_buffer=False, buffer_size=1 << 20)


def gathered(
    file: pq.ParquetFile, groups: list[Struct], names: list[str], source: Source, limits: Limits
) -> Iterator[pa.Table]:
    """Yield the rows in order, a batch at a time."""
    _require_plausible(file.metadata.num_rows, source, limits)
    if len(groups) != file.metadata.num_row_groups:
        with damage(source):
            raise PageError("the footer is damaged")
    parts: list[pa.RecordBatch] = []
    rows = held = decoded = 0
    for step, part in _steps(file, groups, names, source, limits):
        decoded += part.nbytes
        if decoded > max(limits.decoded_floor, limits.decoded_inflation * source.size):
            raise _bomb(f"holds more than {decoded} bytes of values in {source.size} bytes", source)
        full = rows + step > limits.rows or held >= limits.batch_bytes
        if parts and (full or part.schema != parts[0].schema):
            yield pa.Table.from_batches(parts)
            parts, rows, held = [], 0, 0
        parts.append(part)
        rows, held = rows + part.num_rows, held + part.nbytes
    if parts:
        yield pa.Table.from_batches(parts)


def _steps(
    file: pq.ParquetFile, groups: list[Struct], names: list[str], source: Source, limits: Limits
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield small batches, and at most how many rows they have."""
    kept = {field.name for field in file.schema_arrow if pa.types.is_dictionary(field.type)}
    with source.path.open("rb") as raw, _probe(source, file, names) as probe:
        for index, group in enumerate(groups):
            with damage(source):
                claims = chunks(raw, source.size, group, set(names), limits)
                claims = [replace(claim, dictionary=0) if claim.column in kept else claim for claim in claims]
                step = _step(claims, partial(_widest, probe, index), limits)
                batches = file.iter_batches(step, row_groups=[index], columns=names)
            while (part := _next(batches, source)) is not None:
                for rows in _in_full(part, limits):
                    yield step, rows


def _step(claims: list[Chunk], widest: Callable[[Chunk], int], limits: Limits) -> int:
    """Return how many rows of a row group to decode at once.

    A value that a dictionary holds once takes its full length in every row, and so does one that is spelt as an
    addition to its predecessor: where all rows could be the longest value, few are decoded at a time.
    """
    mean = sum(claim.mean for claim in claims)
    step = max(1, min(_STEP, limits.rows, limits.batch_bytes // max(mean, 1)))
    repeated = {claim.column: max(claim.dictionary, claim.page * claim.prefixed) for claim in claims}
    for claim in sorted(claims, key=lambda claim: -repeated[claim.column]):
        if sum(repeated.values()) * step <= _REPEATED * limits.batch_bytes:
            return step
        if not claim.prefixed:
            repeated[claim.column] = widest(claim)
    return max(1, min(step, limits.batch_bytes // max(sum(repeated.values()), 1)))


def _probe(source: Source, file: pq.ParquetFile, names: list[str]) -> pq.ParquetFile:
    """Open a file once more so that every dictionary can be looked at as such, and little is read for it."""
    flat = [field.name for field in file.schema_arrow if field.name in names and not pa.types.is_nested(field.type)]
    with damage(source):
        return pq.ParquetFile(
            source.path, metadata=file.metadata, read_dictionary=flat, pre_buffer=False, buffer_size=1 << 20
        )


def _widest(probe: pq.ParquetFile, group: int, claim: Chunk) -> int:
    """Return the length of the longest value in a column's dictionary, or of the dictionary where it cannot be had."""
    part = next(probe.iter_batches(1, row_groups=[group], columns=[claim.column]), None)
    if part is None or pa.types.is_nested(part.column(0).type):
        return claim.dictionary
    if not pa.types.is_dictionary(part.column(0).type):
        return _FIXED
    return _longest(part.column(0)) + _FIXED


def _longest(column: pa.DictionaryArray) -> int:
    if not any(test(column.type.value_type) for test in _TEXTS):
        return _FIXED
    return int(pc.max(pc.binary_length(column.dictionary)).as_py() or 0)


def _next(batches: Iterator[pa.RecordBatch], source: Source) -> pa.RecordBatch | None:
    with damage(source):
        batch = next(batches, None)
        if batch is not None:
            batch.validate()
        return batch


def _in_full(batch: pa.RecordBatch, limits: Limits) -> Iterator[pa.RecordBatch]:
    """Yield the rows, long texts in full: their dictionary's size says nothing of what it stands for."""
    dictionaries = [column for column in batch.columns if pa.types.is_dictionary(column.type)]
    wide = sum(length for length in map(_longest, dictionaries) if length > _SHORT)
    if not wide:
        yield batch
        return
    step = max(1, limits.batch_bytes // wide)
    for begin in range(0, batch.num_rows, step):
        columns = [_without_dictionary(column) for column in batch.slice(begin, step).columns]
        yield pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _without_dictionary(column: pa.Array) -> pa.Array:
    long = pa.types.is_dictionary(column.type) and _longest(column) > _SHORT
    return column.dictionary_decode() if long else column


def _known(found: list[str], source: Source, spec: TableSpec, limits: Limits) -> list[str]:
    """Return the contract's columns that the file holds, in contract order."""
    require_distinct(found, source.name, limits.columns)
    require(found, spec, source.name)
    warn_unknown(unknown(found, spec), source, spec)
    return [column.name for column in spec.columns if column.name in set(found)]


def _require_plausible(rows: int, source: Source, limits: Limits) -> None:
    """Raise if the file claims more rows than its bytes can honestly hold; each has an id of its own."""
    if rows > max(limits.row_floor, limits.row_inflation * source.size):
        raise _bomb(f"claims {rows} rows in {source.size} bytes", source)


def _bomb(what: str, source: Source) -> InputError:
    return InputError(
        f"{what}, as a decompression bomb does",
        file=source.name,
        hint="If the file is honest, write it again as several files, or without a dictionary.",
    )


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
        groups = claimed(source)
        with damage(source):
            file = _opened(source, groups)
            found = file.schema_arrow.names
        with file:
            known = _known(found, source, spec, limits)
            row = 1
            for table in gathered(file, groups, known, source, limits):
                numbers = np.arange(row, row + table.num_rows, dtype=np.int64)
                columns = {name: table.column(name) for name in known}
                row += table.num_rows
                source.meter.share = (row - 1) / file.metadata.num_rows
                yield settle(Given(columns, numbers, partial(_record, table)), spec, source.name)
