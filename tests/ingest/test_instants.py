"""Times of every spelling; the whole-column path and the value-by-value path agree."""

from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.ingest import instants
from spiritsafe.wire.unfit import Unfit

ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30), timezones=st.just(UTC) | ZONES)  # noqa: DTZ001


def _micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@settings(deadline=None)
@given(st.lists(MOMENTS, min_size=1))
def test_any_offset_reads_as_utc_on_both_paths(moments: list[datetime]) -> None:
    texts = [moment.isoformat() for moment in moments]
    expected = [_micros(moment) for moment in moments]
    assert [instants.exact(text) for text in texts] == expected
    assert instants.parse(pa.chunked_array([texts])).cast(pa.int64()).to_pylist() == expected


@settings(deadline=None)
@given(st.integers(946_684_800, 4_102_444_799), st.integers(0, 999_999))
def test_epoch_seconds_keep_their_microseconds(seconds: int, micros: int) -> None:
    value = seconds + micros / 1e6
    expected = seconds * 1_000_000 + micros
    assert instants.exact(value) == instants.exact(f"{seconds}.{micros:06d}") == expected
    assert instants.parse(pa.chunked_array([[value]])).cast(pa.int64()).to_pylist() == [expected]


def test_a_time_without_zone_is_utc() -> None:
    assert instants.exact("2026-01-01 00:00:00") == instants.exact("2026-01-01T00:00:00Z")
    naive = pa.chunked_array([pa.array([datetime(2026, 1, 1)], pa.timestamp("ms"))])  # noqa: DTZ001
    assert instants.parse(naive).cast(pa.int64())[0].as_py() == instants.exact("2026-01-01")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_every_arrow_unit_and_zone_is_the_same_instant(unit: str, zone: str | None) -> None:
    count = 1_767_225_600 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    array = pa.chunked_array([pa.array([count, None], pa.timestamp(unit, zone))])
    assert instants.parse(array).cast(pa.int64()).to_pylist() == [1_767_225_600_000_000, None]


@pytest.mark.parametrize("count", [2**62, -(2**62)])
@pytest.mark.parametrize("unit", ["s", "ms"])
def test_times_that_overflow_stay_out_of_range_rather_than_wrap(count: int, unit: str) -> None:
    (micros,) = instants.parse(pa.chunked_array([pa.array([count], pa.timestamp(unit))])).cast(pa.int64())
    assert not instants.EARLIEST_US <= micros.as_py() < instants.LATEST_US


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1_767_225_600_000, "milliseconds; epoch times are in seconds, so divide by 1000"),
        (1_767_225_600_000_000, "microseconds"),
        ("1767225600000000000", "nanoseconds"),
        (12, "outside the years"),
        (float("nan"), "not a number"),
        (10**400, "outside the years"),
        ("2026-02-30", "not an ISO 8601"),
        ("0001-01-01T00:00:00+23:59x", "not an ISO 8601"),
        ("yesterday", "not an ISO 8601"),
        (True, "not a time"),
        ([], "not a time"),
    ],
)
def test_what_is_no_time_says_why(value: object, reason: str) -> None:
    with pytest.raises(Unfit, match=reason):
        instants.exact(value)
