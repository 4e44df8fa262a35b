"""JSON objects from text, and cautious looks into them.

Every format that carries JSON decodes it here, so that a lone surrogate or a stray byte has one fate. What a
log's writer states (ids, times, counts of tokens) is handed on as it is and judged by column; what a client
merely *asked for* is taken only where it is of its type, because whoever sends a request must not be able to
stop the reading of everybody's log. Source: RFC 8259.
"""

import json
from typing import Any

import msgspec

from spiritsafe.wire.unfit import Unfit

__all__ = [
    "Record",
    "among",
    "array",
    "as_number",
    "as_text",
    "as_truth",
    "as_whole",
    "asked",
    "clean",
    "crowded",
    "decoded",
    "first",
    "inner",
    "record",
    "text",
    "textual",
    "truth",
    "whole",
]

Record = dict[str, Any]
"""A JSON object, as a format holds one."""

_MOST = 2**63
_LONG = 16 << 20
"""Bytes of a text above which its values are counted before they are made."""
_CROWD = 1_000_000
"""Objects and arrays that a long text may hold: each takes up to a hundred times its three bytes."""


def textual(line: bytes) -> str:
    """Return bytes as text; those that are not UTF-8 travel on as lone surrogates."""
    return line.decode("utf-8", "surrogateescape")


def crowded(text: bytes | str) -> bool:
    """Tell a JSON text that is long and holds more objects and arrays than memory should be made of."""
    if len(text) <= _LONG:
        return False
    text = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if text.count(b"{") + text.count(b"[") <= _CROWD:
        return False
    from spiritsafe.wire.brackets import opening  # noqa: PLC0415 - loads the compiler

    return opening(text) > _CROWD


def decoded(line: bytes) -> dict[str, Any]:
    """Return one text's object; lone surrogates and stray bytes come through, to be judged by column.

    Raises:
        Unfit: the text is no JSON object, or one of too many values.
    """
    if crowded(line):
        raise Unfit(f"is JSON of more than {_CROWD} objects and arrays, and no exchange has so many")
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            value = json.loads(textual(line), strict=False)
        except json.JSONDecodeError as error:
            raise Unfit(f"is not JSON: {error.msg} at character {error.pos + 1}") from None
        except (ValueError, RecursionError):
            raise Unfit("is not JSON that can be read: nested too deeply, or a number too long") from None
    if not isinstance(value, dict):
        raise Unfit("is JSON, but not an object with the columns as names")
    return value


def inner(value: object) -> object:
    """Return what a text that is itself JSON says; anything else, and text that is none or too much, as it is.

    >>> inner('{"a": 1}'), inner("hello"), inner([2])
    ({'a': 1}, 'hello', [2])
    """
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    if crowded(value):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:
        return json.loads(value, strict=False)  # lone surrogates come through, as they do in decoded
    except (ValueError, RecursionError):
        return value


def record(value: object) -> Record:
    """Return an object, the one that a text spells, or an empty one."""
    value = inner(value)
    return value if isinstance(value, dict) else {}


def array(value: object) -> list[Any]:
    """Return an array, the one that a text spells, or an empty one."""
    value = inner(value)
    return value if isinstance(value, list) else []


def among(holder: object, path: str) -> object:
    """Return what lies at a dotted path, None where there is nothing; '' counts as nothing.

    >>> among({"metadata": {"user": "a"}}, "metadata.user")
    'a'
    """
    for name in path.split("."):
        if not isinstance(holder, dict):
            return None
        holder = holder.get(name)
    return None if holder == "" else holder


def first(holder: object, *paths: str) -> object:
    """Return what lies at the first dotted path that leads anywhere, else None."""
    if not isinstance(holder, dict):
        return None
    for path in paths:
        value = among(holder, path) if "." in path else holder.get(path)
        if value is not None and value != "":
            return value
    return None


def as_number(value: object) -> int | float | None:
    """Return a client's number as it is if it is finite and not negative, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value < _MOST else None


def as_whole(value: object) -> int | None:
    """Return a client's whole number that is not negative, else None."""
    number = as_number(value)
    return int(number) if number is not None and number == int(number) else None


def as_truth(value: object) -> bool | None:
    """Return a client's truth value, else None."""
    return value if isinstance(value, bool) else None


def as_text(value: object) -> str | None:
    """Return a client's text, else None; a number becomes its digits, as clients send ids either way."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _MOST:
        return str(value)
    return value if isinstance(value, str) and value else None


def asked(holder: object, *paths: str) -> object:
    """Return a client's number at the first path that leads anywhere, else None."""
    return as_number(first(holder, *paths))


def whole(holder: object, *paths: str) -> int | None:
    """Return a client's whole number at the first path that leads anywhere, else None."""
    return as_whole(first(holder, *paths))


def truth(holder: object, *paths: str) -> bool | None:
    """Return a client's truth value at the first path that leads anywhere, else None."""
    return as_truth(first(holder, *paths))


def text(holder: object, *paths: str) -> str | None:
    """Return a client's text at the first path that leads anywhere, else None."""
    return as_text(first(holder, *paths))


def clean(value: object) -> object:
    """Return a required text that a client wrote without what no id may hold; anything else as it is."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
