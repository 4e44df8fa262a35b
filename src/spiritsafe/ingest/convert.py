"""One column as a format gives it becomes one Arrow column of the contract's type.

Optimistic first: Arrow converts the whole column. Only where that fails is it read value by value by
a plain function, the arbiter of what is wrong; so clean logs cost nothing and broken ones get a reason.
Strings that would only differ in NUL or in bytes that are not UTF-8 are repaired (U+FFFD) where the
column is optional - whoever sends a prompt must not be able to stop the scan of everybody's logs - and
refused where it is required, since two ids must not become one.
"""

import base64
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from spiritsafe.ingest import instants
from spiritsafe.ingest.batch import Unfit
from spiritsafe.model.columns import Column, Kind

__all__ = ["ARROW", "Converted", "Fault", "WrongTypeError", "convert", "plain", "show"]

ARROW: dict[Kind, pa.DataType] = {
    Kind.STRING: pa.string(),
    Kind.INT64: pa.int64(),
    Kind.DOUBLE: pa.float64(),
    Kind.BOOL: pa.bool_(),
    Kind.TIMESTAMP: instants.MICROSECONDS,
    Kind.BINARY: pa.binary(),
}
_REPLACEMENT = "\ufffd"
_INTEGER = re.compile(r"([+-]?\d{1,19})(?:\.0*)?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf)", re.ASCII | re.IGNORECASE)
_SHOWN = 40


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


def plain(array: pa.Array | pa.ChunkedArray, position: int) -> object:
    """Return one Arrow value in plain Python, whatever the file did to it.

    Text that is not UTF-8 keeps its bytes as lone surrogates; what Python cannot hold becomes text.
    """
    scalar = array[position]
    kind = scalar.type
    try:
        if pa.types.is_decimal(kind) and scalar.is_valid:
            return int(scalar.as_py()) if scalar.as_py() % 1 == 0 else float(scalar.as_py())
        return scalar.as_py()
    except UnicodeDecodeError:
        return bytes(scalar.as_buffer()).decode("utf-8", "surrogateescape")
    except (ValueError, OverflowError):
        return f"{kind} out of range"


def show(value: object, column: Column) -> str:
    """Return a value for a message: shortened, escaped, and only its shape where the column is private.

    >>> show("203.0.113.9", Column("client_ip", Kind.STRING, private=True))
    'a str of length 11'
    """
    if column.private or column.kind is Kind.BINARY:
        size = f" of length {len(value)}" if isinstance(value, str | bytes | list | dict) else ""
        return f"a {type(value).__name__}{size}"
    if isinstance(value, list | dict):
        return f"a JSON {'object' if isinstance(value, dict) else 'array'}"
    if isinstance(value, int) and not -(10**30) < value < 10**30:
        return "a huge integer"
    text = ascii(value[: 2 * _SHOWN] if isinstance(value, str | bytes) else value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _exact_string(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if not isinstance(value, str):
        raise Unfit("is not a string; put it in quotes")
    return value


def _exact_int(value: object) -> int:
    if isinstance(value, bool):
        raise Unfit("is a truth value where a whole number belongs")
    if isinstance(value, float) and not value.is_integer():
        raise Unfit("is not a whole number" if math.isfinite(value) else "is not a finite number")
    if not isinstance(value, int | float):
        raise Unfit("is not a whole number; numbers stand without quotes")
    if not -(2**63) <= value < 2**63:
        raise Unfit("does not fit 64 bits")
    return int(value)


def _exact_double(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit("is not a number; numbers stand without quotes")
    try:
        return float(value)
    except OverflowError:
        raise Unfit("does not fit a double") from None


def _exact_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise Unfit("is not true or false")
    return value


def _exact_binary(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise Unfit("is not base64 text")
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise Unfit("is not base64 text") from None


def _number(text: str) -> int | float:
    whole = _INTEGER.fullmatch(text)
    if whole:
        return int(whole[1])
    if _DECIMAL.fullmatch(text):
        return float(text)
    raise Unfit("is not a number")


def _from_text(kind: Kind, value: object) -> object:
    """Return the Python value that a CSV field spells."""
    if not isinstance(value, str) or kind in {Kind.STRING, Kind.TIMESTAMP, Kind.BINARY}:
        return value
    text = value.strip()
    if kind is Kind.BOOL:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    return _number(text)


_EXACT: dict[Kind, Callable[[object], object]] = {
    Kind.STRING: _exact_string,
    Kind.INT64: _exact_int,
    Kind.DOUBLE: _exact_double,
    Kind.BOOL: _exact_bool,
    Kind.TIMESTAMP: instants.exact,
    Kind.BINARY: _exact_binary,
}
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
    array = array.cast(pa.string())
    array.validate(full=True)
    if pc.any(pc.match_substring(array, "\0")).as_py():
        raise pa.ArrowInvalid("NUL")
    return array


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
    exact, faults, repaired = _EXACT[column.kind], [], 0
    values: list[object] = []
    for position, value in enumerate(_python(given)):
        fitted = None
        try:
            if value is not None:
                fitted = exact(_from_text(column.kind, value) if text else value)
            if isinstance(fitted, str):
                clean = _repair(fitted, column)
                repaired += clean is not fitted
                fitted = clean
        except Unfit as unfit:
            faults.append(Fault(position, f"{show(value, column)} {unfit}"))
            fitted = None
        values.append(fitted)
    array = pa.chunked_array([pa.array(values, ARROW[column.kind])])
    return Converted(array, tuple(faults), repaired)


def _repair(text: str, column: Column) -> str:
    """Return ``text`` itself if it is clean, else with U+FFFD for what is not.

    Raises:
        Unfit: the column is required.
    """
    if "\0" not in text and text.isascii():
        return text
    clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", _REPLACEMENT)
    if clean == text:
        return text
    if column.required:
        raise Unfit("holds NUL or bytes that are not UTF-8, which no id may")
    return clean
