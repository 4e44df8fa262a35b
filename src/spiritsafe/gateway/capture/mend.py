"""Columns of an exchange brought within what the contract takes.

A reader refuses a row with a count below zero or a NUL in an id, and with it, by default, the whole file; but a
gateway's rows come of what strangers send, and none of them must be able to keep everybody's traffic from a scan.
Sources: ``model.columns``; what a reader repairs in a log (``ingest.values``) is repaired here in the same way.
"""

import math
import secrets
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from spiritsafe.gateway.capture.exchange import Captured
from spiritsafe.model.columns import EXCHANGES, Column, Kind
from spiritsafe.wire.objects import clean

__all__ = ["mended", "text"]

_MOST = 2**63 - 1
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, said by the Z
_UNKNOWN = "unknown"


def mended(exchange: Captured, *, without: Collection[str]) -> dict[str, Any]:
    """Return the columns that an exchange says, each as the contract takes it.

    Args:
        exchange: as captured.
        without: columns to leave out.
    """
    row = {}
    for name, value in zip(_NAMES, msgspec.structs.astuple(exchange), strict=True):
        if value is not None and name not in without:
            said = _MENDERS[name](value)
            if said is not None:
                row[name] = said
    row.setdefault("exchange_id", secrets.token_hex(16))  # two without an id are two
    for name in ("account_id", "model"):
        row.setdefault(name, _UNKNOWN)
    return row


def text(value: str | None) -> str | None:
    """Return a text with U+FFFD for NUL and for lone surrogates; None for none."""
    return value if value is None or (value.isascii() and "\0" not in value) else str(clean(value))


def _word(value: str) -> str | None:
    return text(value) or None


def _whole(value: int, *, least: int, most: int) -> int:
    return min(max(int(value), least), most)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) and value >= 0 else None


def _moment(us: int) -> str:
    """Write a time so that every line has it at the same length, which is read fastest."""
    return (_EPOCH + timedelta(microseconds=us)).isoformat(timespec="microseconds") + "Z"


def _mender(column: Column) -> Callable[[Any], Any]:
    if column.kind is Kind.INT64:
        return partial(_whole, least=column.minimum or 0, most=_MOST if column.maximum is None else column.maximum)
    return _BY_KIND[column.kind]


_BY_KIND: dict[Kind, Callable[[Any], Any]] = {
    Kind.STRING: _word,
    Kind.DOUBLE: _number,
    Kind.TIMESTAMP: _moment,
    Kind.BOOL: bool,
}
_NAMES = Captured.__struct_fields__
_MENDERS = {column.name: _mender(column) for column in EXCHANGES.columns if column.name in _NAMES}
