"""Event times of any spelling become int64 microseconds since the epoch, UTC.

Arrow parses whole columns of one spelling; a column it cannot take as a whole is read value by value,
which is slower and says exactly what is wrong. A time without a zone is UTC, as the contract says.
Source: RFC 3339 and ISO 8601 as ``datetime.fromisoformat`` reads them.
"""

import re
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from spiritsafe.wire.unfit import Unfit

__all__ = ["EARLIEST_US", "LATEST_US", "MICROSECONDS", "elapsed_ms", "exact", "parse"]

MICROSECONDS = pa.timestamp("us", "UTC")
EARLIEST_US = 946_684_800_000_000
"""2000-01-01: older than any model API, so an earlier time is a broken clock or a wrong unit."""
LATEST_US = 4_102_444_800_000_000
"""2100-01-01, exclusive."""

_HUGE = 1e19  # beyond nanoseconds, the largest unit that is worth a hint
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?\d{1,20}(?:\.\d{0,20})?", re.ASCII)
_UNITS = ((1_000, "milliseconds"), (1_000_000, "microseconds"), (1_000_000_000, "nanoseconds"))
_SPELLINGS = (MICROSECONDS, pa.timestamp("us"), pa.timestamp("ns", "UTC"), pa.timestamp("ns"))


def _from_seconds(seconds: float) -> int:
    if seconds != seconds:  # noqa: PLR0124 - NaN, told without a float that a huge integer overflows
        raise Unfit("is not a number of seconds")
    if abs(seconds) > _HUGE:
        raise Unfit("is outside the years 2000 to 2099; epoch times are in seconds")
    micros = seconds * 1_000_000 if isinstance(seconds, int) else round(seconds * 1_000_000)
    if EARLIEST_US <= micros < LATEST_US:
        return micros
    for unit, name in _UNITS:
        if EARLIEST_US * unit <= micros < LATEST_US * unit:
            raise Unfit(f"looks like {name}; epoch times are in seconds, so divide by {unit}")
    raise Unfit("is outside the years 2000 to 2099; epoch times are in seconds")


def _from_text(text: str) -> int:
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return _from_seconds(float(text) if "." in text else int(text))
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise Unfit("is not an ISO 8601 time such as 2026-01-31T12:00:00Z") from None


def exact(value: object) -> int:
    """Return one value as microseconds since the epoch.

    Raises:
        Unfit: the value is no time, or one that no log of a model API can hold.

    >>> exact("2026-01-31T12:00:00+02:00") == exact(1769853600)
    True
    """
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _from_seconds(value)
    raise Unfit("is not a time; write ISO 8601 or epoch seconds")


def elapsed_ms(start: object, end: object) -> int | None:
    """Return the milliseconds between two times of any spelling, None where that is no duration.

    >>> elapsed_ms("2026-01-01T00:00:00Z", 1767225601.5)
    1500
    """
    try:
        micros = exact(end) - exact(start)
    except Unfit:
        return None
    return micros // 1000 if micros >= 0 else None


def parse(array: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a whole column as timestamps (microseconds, UTC).

    Raises:
        pa.ArrowInvalid: some value needs :func:`exact`, or is no time at all.
        pa.ArrowNotImplementedError: the column's type is not a time.
    """
    kind = array.type
    if pa.types.is_timestamp(kind):
        return _to_micros(array)
    if pa.types.is_date(kind):
        return _to_micros(array.cast(pa.timestamp("ms" if pa.types.is_date64(kind) else "s")))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _parse_epoch(array)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _parse_text(array)
    raise pa.ArrowNotImplementedError(f"{kind} is not a time")


def _to_micros(array: pa.ChunkedArray) -> pa.ChunkedArray:
    unit = array.type.unit
    counts = array.cast(pa.timestamp(unit)).cast(pa.int64())
    if unit in {"s", "ms"}:
        # Times that overflow microseconds are drawn to just outside the legal range, where they are refused.
        per = 1_000_000 if unit == "s" else 1_000
        counts = pc.max_element_wise(counts, EARLIEST_US // per - 1, skip_nulls=False)
        counts = pc.min_element_wise(counts, LATEST_US // per, skip_nulls=False)
    return counts.cast(pa.timestamp(unit)).cast(pa.timestamp("us"), safe=False).cast(MICROSECONDS)


def _parse_epoch(array: pa.ChunkedArray) -> pa.ChunkedArray:
    micros = pc.round(pc.multiply(array.cast(pa.float64()), 1e6))
    bounds = pc.min_max(micros).as_py()
    outside = bounds["min"] is not None and not EARLIEST_US <= bounds["min"] <= bounds["max"] < LATEST_US
    if outside or pc.any(pc.is_nan(micros)).as_py():
        raise pa.ArrowInvalid("epoch seconds outside the years 2000 to 2099")
    return micros.cast(pa.int64()).cast(MICROSECONDS)


def _parse_text(array: pa.ChunkedArray) -> pa.ChunkedArray:
    for spelling in _SPELLINGS:
        try:
            parsed = array.cast(spelling)
        except pa.ArrowInvalid:
            continue
        return _to_micros(parsed)
    return _parse_epoch(array.cast(pa.float64()))
