"""Streams become events, whichever way a proxy wrote them down, or are refused by the event to blame."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.wire.events import events
from spiritsafe.wire.unfit import Unfit

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=2))
EVENTS = st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=3), min_size=1, max_size=5)


def _sse(held: list[dict[str, object]], end: str) -> str:
    return "".join(f"event: x{end}data: {json.dumps(event)}{end}{end}" for event in held)


@settings(deadline=None)
@given(EVENTS, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_text_lists_and_lists_of_text_hold_the_same(held: list[dict[str, object]], end: str, trimmed: bool) -> None:
    text = _sse(held, end) + f"data: [DONE]{end}{end}"
    assert events(text.rstrip() if trimmed else text) == held
    assert events(held) == held
    assert events([f"data: {json.dumps(event)}" for event in held]) == held


def test_data_over_several_lines_is_one_event_and_comments_are_none() -> None:
    assert events(': hello\nid: 7\ndata: {"a":\ndata:  1}\n\n:\n\ndata:[DONE]') == [{"a": 1}]


def test_a_line_separator_inside_a_text_ends_no_line() -> None:
    assert events('data: {"a": "x\u2028y\u0085z"}\n\n') == [{"a": "x\u2028y\u0085z"}]


def test_a_lone_surrogate_comes_through() -> None:
    assert events('data: {"a": "\ud83d"}\n\n') == [{"a": "\ud83d"}]
    assert events('data: {"a": "\\ud83d"}\n\n') == [{"a": "\ud83d"}]


@pytest.mark.parametrize("body", [None, 7, "", "Hello: you", '{"data": 1}', {}, [], {"data": "x"}])
def test_what_is_no_stream_is_none(body: object) -> None:
    assert events(body) is None


@pytest.mark.parametrize("broken", ['{"b": 2', "nonsense", "[" * 100_000])
def test_an_event_that_is_no_json_is_named(broken: str) -> None:
    with pytest.raises(Unfit, match="event 2 is not JSON"):
        events(f'data: {{"a": 1}}\n\ndata: {broken}\n\ndata: {{"c": 3}}\n\n')


@pytest.mark.parametrize("end", ['{"b": 2', '{"b"', '{"b": "\\'])
def test_an_event_in_which_the_stream_breaks_off_is_left_out(end: str) -> None:
    assert events(f'data: {{"a": 1}}\n\ndata: {end}') == [{"a": 1}]
    with pytest.raises(Unfit, match="event 1 is not JSON"):
        events(f"data: {end}")
    with pytest.raises(Unfit, match="event 2 is not JSON"):
        events(f'data: {{"a": 1}}\n\ndata: {end}\n\n')
