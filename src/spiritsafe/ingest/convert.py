"""One column as a format gives it becomes one Arrow column of the contract's type.

Optimistic first: Arrow converts the whole column. Only where that fails is it read value by value by
a plain function, the arbiter of what is wrong; so clean logs cost nothing and broken ones get a reason.
Strings that would only differ in NUL or in bytes that are not UTF-8 are repaired (U+FFFD) where the
column is optional - whoever sends a prompt must not be able to stop the scan of everybody's logs - and
refused where it is required, since two ids must not become one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spiritsafe.ingest import instants
from spiritsafe.ingest.values import EXACT, plain, repair, show, spelt
from spiritsafe.model.columns import Column, Kind
from spiritsafe.wire.unfit import Unfit

__all__ = ["ARROW", "Converted", "Fault", "WrongTypeError", "convert"]

ARROW: dict[Kind, pa.DataType] = {
    Kind.STRING: pa.string(),
    Kind.INT64: pa.int64(),
    Kind.DOUBLE: pa.float64(),
    Kind.BOOL: pa.bool_(),
    Kind.TIMESTAMP: instants.MICROSECONDS,
    Kind.BINARY: pa.binary(),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one value.

    Attributes:
        position: zero-based place in the column.
        reason: a sentence without its subject's value where the column is private.
    """

    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class Converted:
    """A typed column; faulty values are null in it."""

    array: pa.ChunkedArray
    faults: tuple[Fault, ...] = ()
    repaired: int = 0


class WrongTypeError(Exception):
    """A whole column is of a type that no row of it can fit."""


_TYPES: dict[Kind, tuple[frozenset[type], ...]] = {
    Kind.STRING: (frozenset({str}),),
    Kind.INT64: (frozenset({int}),),
    Kind.DOUBLE: (frozenset({int, float}),),
    Kind.BOOL: (frozenset({bool}),),
    Kind.TIMESTAMP: (frozenset({str}), frozenset({int}), frozenset({int, float})),
    Kind.BINARY: (),
}
_NUMERIC = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
_TEXTUAL = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_BINARY = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_binary_view,
)
_TAKEN: dict[Kind, tuple[Callable[[pa.DataType], bool], ...]] = {
    Kind.STRING: (*_TEXTUAL, *_BINARY),
    Kind.INT64: _NUMERIC,
    Kind.DOUBLE: _NUMERIC,
    Kind.BOOL: (pa.types.is_boolean,),
    Kind.TIMESTAMP: (
        *_TEXTUAL,
        pa.types.is_timestamp,
        pa.types.is_date,
        pa.types.is_integer,
        pa.types.is_floating,
    ),
    Kind.BINARY: (*_BINARY, *_TEXTUAL),
}


def convert(given: pa.ChunkedArray | list[object], column: Column, *, text: bool = False) -> Converted:
    """Return a column in the contract's type.

    Args:
        given: an Arrow column, or Python values (None is null).
        column: what the contract says of it.
        text: True where numbers, truth values and times are spelt as text, and '' is null.

    Raises:
        WrongTypeError: an Arrow column of a type that holds no such values.
    """
    if text:
        given = pc.if_else(pc.equal(given, ""), None, given)
    elif isinstance(given, pa.ChunkedArray):
        given = _taken(given, column)
    try:
        return Converted(_whole(given, column, text=text))
    except (pa.ArrowException, UnicodeError, OverflowError):
        return _one_by_one(given, column, text=text)


def _taken(array: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    kind = array.type
    if pa.types.is_dictionary(kind) and column.kind is Kind.STRING and kind.value_type == pa.string():
        return array  # few distinct texts stay as they are: what follows looks at each of them once
    if pa.types.is_dictionary(kind):
        array, kind = array.cast(kind.value_type), kind.value_type
    if pa.types.is_null(kind):
        return array.cast(ARROW[column.kind])
    if not any(test(kind) for test in _TAKEN[column.kind]):
        raise WrongTypeError(f"holds {kind} where the contract wants {column.kind}")
    return array


def _whole(given: pa.ChunkedArray | list[object], column: Column, *, text: bool) -> pa.ChunkedArray:
    array = _of_list(given, column.kind) if isinstance(given, list) else given
    if column.kind is Kind.TIMESTAMP:
        return instants.parse(array)
    if column.kind is Kind.STRING:
        return _checked_text(array)
    if column.kind is Kind.BINARY and any(test(array.type) for test in _TEXTUAL):
        raise pa.ArrowInvalid("base64 is read value by value")
    if text and column.kind is Kind.INT64 and pc.any(pc.match_substring(array, "x", ignore_case=True)).as_py():
        raise pa.ArrowInvalid("Arrow would read hexadecimal")
    return array.cast(ARROW[column.kind], safe=column.kind is not Kind.DOUBLE)


def _of_list(values: list[object], kind: Kind) -> pa.ChunkedArray:
    """Return Python values as Arrow holds them; a mixture of types is refused, for Arrow would coerce."""
    present = frozenset(map(type, values)) - {type(None)}
    if not present:
        return pa.chunked_array([pa.nulls(len(values), ARROW[kind])])
    if not any(present <= taken for taken in _TYPES[kind]):
        raise pa.ArrowInvalid("mixed types")
    return pa.chunked_array([pa.array(values, pa.float64() if float in present else None)])


def _checked_text(array: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(array.type):
        for chunk in array.chunks:
            chunk.validate(full=True)
            _checked_text(pa.chunked_array([chunk.dictionary]))
        return array
    array = array.cast(pa.string())
    array.validate(full=True)
    if any(map(_has_nul, array.chunks)):
        raise pa.ArrowInvalid("NUL")
    return array


def _has_nul(array: pa.StringArray) -> bool:
    """Return whether a NUL is among the bytes of the texts; looking at all bytes at once costs next to nothing."""
    _, bounds, data = array.buffers()
    if data is None or not len(array):
        return False
    ends = np.frombuffer(bounds, np.int32)
    mine = np.frombuffer(data, np.uint8)[ends[array.offset] : ends[array.offset + len(array)]]
    return bool(len(mine)) and not mine.min()


def _python(given: pa.ChunkedArray | list[object]) -> list[object]:
    if isinstance(given, list):
        return given
    return [value for chunk in given.chunks for value in _chunk(chunk)]


def _chunk(chunk: pa.Array) -> list[object]:
    if not pa.types.is_decimal(chunk.type):
        try:
            values: list[object] = chunk.to_pylist()
        except (ValueError, OverflowError):  # not UTF-8, or a time that Python cannot hold
            pass
        else:
            return values
    return [plain(chunk, position) for position in range(len(chunk))]


def _one_by_one(given: pa.ChunkedArray | list[object], column: Column, *, text: bool) -> Converted:
    exact, faults, repaired = EXACT[column.kind], [], 0
    values: list[object] = []
    for position, value in enumerate(_python(given)):
        fitted = None
        try:
            if value is not None:
                fitted = exact(spelt(column.kind, value) if text else value)
            if isinstance(fitted, str):
                clean = repair(fitted, column)
                repaired += clean is not fitted
                fitted = clean
        except Unfit as unfit:
            faults.append(Fault(position, f"{show(value, column)} {unfit}"))
            fitted = None
        values.append(fitted)
    array = pa.chunked_array([pa.array(values, ARROW[column.kind])])
    return Converted(array, tuple(faults), repaired)
