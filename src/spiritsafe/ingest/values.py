"""One value at a time: what a column takes, what it refuses and why, and how a message may show it.

These plain functions are the arbiters that :mod:`~spiritsafe.ingest.convert` turns to when a whole column does
not convert; a value that is refused raises :class:`~spiritsafe.ingest.batch.Unfit` with the reason.
"""

import base64
import math
import re
from collections.abc import Callable, Iterable

import pyarrow as pa

from spiritsafe.ingest import instants
from spiritsafe.model.columns import Column, Kind
from spiritsafe.wire.unfit import Unfit

__all__ = ["EXACT", "named", "plain", "repair", "show", "spelt"]

_REPLACEMENT = "\ufffd"
_INTEGER = re.compile(r"([+-]?\d{1,19})(?:\.0*)?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf)", re.ASCII | re.IGNORECASE)
_SHOWN = 40
_NAMED, _NAME = 20, 60


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
    except (ValueError, ArithmeticError):  # a time beyond the calendar, a decimal beyond the context
        return f"{kind} out of range"


def named(names: Iterable[str]) -> list[str]:
    r"""Return names of columns for a message: escaped, each shortened, the first twenty and how many more.

    >>> named(["a\x1b[31m", "b"])
    ['a\\x1b[31m', 'b']
    """
    found = list(names)
    more = [f"and {len(found) - _NAMED} more"] if len(found) > _NAMED else []
    return [ascii(name[:_NAME])[1:-1] for name in found[:_NAMED]] + more


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


def spelt(kind: Kind, value: object) -> object:
    """Return the Python value that a CSV field spells."""
    if not isinstance(value, str) or kind in {Kind.STRING, Kind.TIMESTAMP, Kind.BINARY}:
        return value
    text = value.strip()
    if kind is Kind.BOOL:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    return _number(text)


EXACT: dict[Kind, Callable[[object], object]] = {
    Kind.STRING: _exact_string,
    Kind.INT64: _exact_int,
    Kind.DOUBLE: _exact_double,
    Kind.BOOL: _exact_bool,
    Kind.TIMESTAMP: instants.exact,
    Kind.BINARY: _exact_binary,
}


def repair(text: str, column: Column) -> str:
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
