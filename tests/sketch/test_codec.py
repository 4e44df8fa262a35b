from dataclasses import fields

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.model.errors import InputError
from spiritsafe.sketch.codec import decode, decode_public, encode, encode_public
from spiritsafe.sketch.sketches import Sketches
from tests.sketch.sketching import KEY, sketch

SKETCHES = sketch(["One. Two 3.", None, "中文。很好", "word. " * 200], system="You are kind.")
RECORD: bytes = encode(SKETCHES, KEY)[0].as_py()


def test_a_round_trip_loses_nothing() -> None:
    back = decode(encode(SKETCHES, KEY), KEY)
    for field in fields(Sketches):
        before, after = getattr(SKETCHES, field.name), getattr(back, field.name)
        assert before.dtype == after.dtype
        assert np.array_equal(before, after)


def test_a_null_is_an_exchange_without_text() -> None:
    back = decode(pa.array([None, RECORD], pa.binary()), KEY)
    empty = sketch([None])
    for field in fields(Sketches):
        assert np.array_equal(getattr(back.take(np.array([0])), field.name), getattr(empty, field.name))
    assert back.segment_hash.tolist() == SKETCHES.take(np.array([0])).segment_hash.tolist()


def test_no_records() -> None:
    assert len(decode(pa.array([], pa.binary()), KEY)) == 0


def test_another_key_is_named() -> None:
    with pytest.raises(InputError, match=r"row 12, column 'sketch'.*another key"):
        decode(pa.array([None, RECORD], pa.binary()), b"other", first_row=11)


@given(st.binary(max_size=1200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(InputError):
        decode(pa.array([noise], pa.binary()), KEY)


@given(st.integers(0, len(RECORD) - 1), st.integers(1, 255))
def test_every_changed_byte_is_noticed(at: int, change: int) -> None:
    broken = bytearray(RECORD)
    broken[at] ^= change
    with pytest.raises(InputError):
        decode(pa.array([bytes(broken)], pa.binary()), KEY)


@given(st.integers(0, len(RECORD) - 1))
def test_every_missing_end_is_noticed(length: int) -> None:
    with pytest.raises(InputError):
        decode(pa.array([RECORD[:length]], pa.binary()), KEY)


@given(st.lists(st.integers(0, 2**16 - 1), min_size=64, max_size=64))
def test_public_sketches_travel_as_text(values: list[int]) -> None:
    public = np.array(values, np.uint16)
    assert decode_public(encode_public(public)).tolist() == values


@given(st.text(max_size=200) | st.text("ssp1:AZaz-_", max_size=200))
def test_other_text_is_not_a_public_sketch(text: str) -> None:
    with pytest.raises(InputError):
        decode_public(text)
