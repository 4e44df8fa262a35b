"""What passes between a reader and the rest of ingest: columns as given, typed rows, rejected rows, limits.

They sit apart from readers and validation because both speak in them; everything here is data.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["Batch", "Given", "Limits", "Rejected"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a reader's memory and time, whatever the input claims.

    Attributes:
        rows: most rows in one batch.
        batch_bytes: a batch is closed once its records hold this many bytes.
        record_bytes: longest JSONL line or CSV record.
        columns: most columns that a table may have, those that the contract does not know included.
        page_bytes: longest page of a Parquet file, decoded.
        pages_bytes: the longest pages of all columns of a row group together, for a decoder holds one of each.
        inflation: most bytes that one byte of gzip may become, once ``inflation_floor`` is passed.
        inflation_floor: bytes that any gzip file may inflate to.
        decoded_inflation: most bytes of values that one byte of Parquet may become, once ``decoded_floor`` is passed.
        decoded_floor: bytes of values that any Parquet file may hold; a system prompt that a dictionary holds once
            and every row repeats is honest.
        row_inflation: most rows that one byte of Parquet may hold, once ``row_floor`` is passed.
        row_floor: rows that any Parquet file may hold.
    """

    rows: int = 200_000
    batch_bytes: int = 32 << 20
    record_bytes: int = 64 << 20
    columns: int = 10_000
    page_bytes: int = 256 << 20
    pages_bytes: int = 512 << 20
    inflation: int = 200
    inflation_floor: int = 256 << 20
    decoded_inflation: int = 1_000
    decoded_floor: int = 2 << 30
    row_inflation: int = 100
    row_floor: int = 10_000_000


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that the contract does not take.

    Attributes:
        file: the source's name.
        row: one-based record number in the file, header and blank lines not counted.
        column: the column to blame, '' where the record as a whole is broken.
        reason: what is wrong and what to do; never the value of a private column.
        record: the record as given (text, list of fields or mapping), for the quarantine file only.
    """

    file: str
    row: int
    column: str
    reason: str
    record: object = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Given:
    """Records of one stretch of a file, column by column, as the format holds them.

    Attributes:
        columns: name -> an Arrow array, or a list of Python values where the format has no types.
        row_numbers: int64, shape (rows,), one-based.
        record: position in this stretch -> the record as given.
        rejected: records too broken to have columns.
        text: True where every value is text to be parsed (CSV).
    """

    columns: Mapping[str, pa.ChunkedArray | list[object]]
    row_numbers: NDArray[np.int64]
    record: Callable[[int], object]
    rejected: tuple[Rejected, ...] = ()
    text: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Typed rows that keep the contract.

    Attributes:
        table: contract columns in contract order; an optional column that the file lacks is absent.
        row_numbers: int64, shape (table.num_rows,), one-based record numbers in the file.
        rejected: the records left out, by row.
        repaired: strings in which NUL or bytes that are not UTF-8 became U+FFFD.
        passed: records that are no exchanges, such as a trace's other spans.
        estimated: exchanges whose tokens nobody counted.
    """

    table: pa.Table
    row_numbers: NDArray[np.int64]
    rejected: tuple[Rejected, ...] = ()
    repaired: int = 0
    passed: int = 0
    estimated: int = 0
