"""Events are cut where they end, however the stream is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.gateway.asgi import Problem
from spiritsafe.gateway.proxy.sse import Events, data_of, with_data

LINES = st.sampled_from([b"data: 1", b"event: a", b"data:", b": comment", b"id: 7", b'data: {"a": "\\n"}'])


@given(
    st.lists(st.lists(LINES, min_size=1, max_size=3), max_size=6), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.data()
)
def test_a_stream_is_the_same_events_however_it_is_cut(
    events: list[list[bytes]], end: bytes, data: st.DataObject
) -> None:
    whole = [b"".join(line + end for line in event) + end for event in events]
    stream = b"".join(whole)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader, told = Events(), []
    for begin, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        told += reader.feed(stream[begin:stop])
    rest = reader.rest()
    if end == b"\r" and whole:  # the last one might go on with a newline
        told, rest = [*told, rest], b""
    assert (told, rest) == (whole, b"")


@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_byte_is_lost(stream: bytes, cut: int) -> None:
    reader = Events()
    assert b"".join([*reader.feed(stream[:cut]), *reader.feed(stream[cut:]), reader.rest()]) == stream


def test_an_event_without_an_end_is_refused() -> None:
    reader = Events(longest=100)
    assert reader.feed(b"data: abc" * 11) == []
    with pytest.raises(Problem) as caught:
        reader.feed(b"de")
    assert caught.value.status == 502


@given(st.lists(LINES, min_size=1, max_size=4), st.sampled_from([b"1", b'{"a": 2}', b"a\nb"]))
def test_other_data_is_read_back_and_the_rest_is_kept(lines: list[bytes], data: bytes) -> None:
    event = b"\n".join(lines) + b"\n\n"
    changed = with_data(event, data)
    assert data_of(changed) == data
    assert [line for line in changed.split(b"\n") if line and not line.startswith(b"data")] == [
        line for line in lines if not line.startswith(b"data")
    ]
    assert Events().feed(changed) == [changed]
