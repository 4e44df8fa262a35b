"""What events add up to is what the API says when it does not stream; no count comes of a stream that was cut."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.ingest.readers.pairexamples import EXAMPLES
from spiritsafe.wire.bodies import Bodies
from spiritsafe.wire.messages import answer
from spiritsafe.wire.streams import folded
from spiritsafe.wire.unfit import Unfit
from spiritsafe.wire.usage import usage

RECORDS = [json.loads(line) for line in EXAMPLES[0].splitlines()]
STREAMS = [body for record in RECORDS if isinstance(body := record["response"]["body"], str) and body[0] in "de"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["type", "index", "delta", "message", "content_block", "usage", "choices", "response", "error", "text", "content"]
)
KINDS = st.sampled_from(
    ["message_start", "content_block_start", "content_block_delta", "message_delta", "error", "response.x"]
)
EVENTS = st.lists(
    st.dictionaries(
        NAMES,
        st.recursive(
            JSON | KINDS,
            lambda inner: st.dictionaries(NAMES, inner, max_size=3) | st.lists(inner, max_size=2),
            max_leaves=6,
        ),
        max_size=5,
    ),
    max_size=6,
)


def _choice(place: int, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": place, "delta": delta, "finish_reason": finish}]}


def test_choices_and_their_calls_are_put_together_by_their_places() -> None:
    body = folded(
        [
            _choice(1, content="b"),
            _choice(0, content="a", role="assistant"),
            _choice(0, tool_calls=[{"index": 0, "function": {"name": "f", "arguments": ""}}]),
            _choice(0, tool_calls=[{"index": 0, "function": {"arguments": "{}"}}]),
            _choice(0, tool_calls=[{"index": 1, "function": {"name": "g", "arguments": "{}"}}]),
            _choice(0, finish="tool_calls"),
            _choice(1, finish="stop"),
        ]
    )
    said = answer(body)
    assert (said.response, said.tool_call_count, said.finish_reason) == ("a", 2, "tool_calls")
    assert body["choices"][1]["message"]["content"] == "b"


def test_the_last_count_of_a_chat_is_the_whole_one() -> None:
    counts = [{"prompt_tokens": 5, "completion_tokens": made} for made in (1, 2, 3)]
    events = [_choice(0, content="x") | {"usage": count} for count in counts]
    assert usage(folded(events)["usage"]).output_tokens == 3
    assert usage(folded([_choice(0), {"choices": [], "x_groq": {"usage": counts[0]}}])["usage"]).output_tokens == 1


@pytest.mark.parametrize(("kind", "reason"), [("incomplete", "length"), ("completed", "stop")])
def test_a_response_is_what_its_last_event_holds(kind: str, reason: str) -> None:
    whole = {"id": "r", "status": kind, "output": [], "usage": {"input_tokens": 1, "output_tokens": 2}}
    details = {"incomplete_details": {"reason": "max_output_tokens"} if kind == "incomplete" else None}
    body = folded(
        [
            {"type": "response.created", "response": {"id": "r"}},
            {"type": f"response.{kind}", "response": whole | details},
        ]
    )
    assert usage(body["usage"]).output_tokens == 2
    assert answer(body).finish_reason == reason


def test_a_response_without_an_end_keeps_its_words_and_no_counts() -> None:
    deltas = [{"type": "response.output_text.delta", "delta": piece} for piece in ("A ", "still.")]
    body = folded([{"type": "response.created", "response": {"id": "r", "output": []}}, *deltas])
    assert answer(body).response == "A still."
    assert usage(body.get("usage")).output_tokens is None


def test_blocks_of_a_message_stand_in_their_places() -> None:
    blocks = [{"type": "thinking", "thinking": ""}, {"type": "text", "text": ""}, {"type": "tool_use", "input": {}}]
    starts = [{"type": "content_block_start", "index": at, "content_block": block} for at, block in enumerate(blocks)]
    deltas: list[dict[str, Any]] = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "A vessel."}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{"}},
    ]
    begun = {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 1, "output_tokens": 1}}}
    ended = {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use"},
        "usage": {"input_tokens": 9, "output_tokens": 7},
    }
    said = answer(folded([begun, *starts, *deltas, ended]))
    assert (said.response, said.tool_call_count, said.finish_reason) == ("A vessel.", 1, "tool_calls")
    assert usage(folded([begun, ended])["usage"]).input_tokens == 9
    assert usage(folded([begun, *starts])["usage"]).output_tokens is None


@settings(deadline=None)
@given(EVENTS)
def test_no_events_break_it(events: list[dict[str, Any]]) -> None:
    body = folded(events)
    answer(body)
    usage(body.get("usage"))


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(STREAMS), st.floats(0, 1))
def test_a_stream_cut_anywhere_has_its_own_counts_or_none(stream: str, share: float) -> None:
    whole = usage(Bodies.of({}, stream).response["usage"])
    try:
        cut = usage(Bodies.of({}, stream[: int(share * len(stream))]).response.get("usage"))
    except Unfit:
        return
    assert cut.output_tokens in {None, whole.output_tokens}
    assert cut.output_tokens is None or cut.input_tokens == whole.input_tokens


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(RECORDS), st.lists(st.tuples(st.floats(0, 1), st.text(max_size=3), st.integers(0, 9)), max_size=4)
)
def test_a_body_changed_anywhere_is_read_or_refused(
    record: dict[str, Any], edits: list[tuple[float, str, int]]
) -> None:
    body = record["response"]["body"]
    text = body if isinstance(body, str) else json.dumps(body)
    for place, put, cut in edits:
        at = int(place * len(text))
        text = text[:at] + put + text[at + cut :]
    try:
        bodies = Bodies.of(record["request"].get("body"), text)
    except Unfit:
        return
    assert bodies.row(failed=bodies.failed()).keys() >= {"model", "input_tokens", "output_tokens", "prompt"}
