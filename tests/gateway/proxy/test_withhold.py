"""Reasoning and log-probabilities are gone, everything else is as it was, and client libraries still read it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.gateway.proxy.routes import Dialect
from spiritsafe.gateway.proxy.sse import data_of
from spiritsafe.gateway.proxy.withhold import withhold, withhold_event

TRACE = "the trace that is withheld"
LOGPROBS = {"content": [{"token": TRACE, "logprob": -0.1}]}


def _cut(dialect: Dialect, answer: object) -> Any:
    return json.loads(withhold(dialect, json.dumps(answer).encode()))


def _event(dialect: Dialect, answer: dict[str, Any]) -> Any:
    name = f"event: {answer['type']}\n" if "type" in answer else ""
    event = withhold_event(dialect, f"{name}data: {json.dumps(answer)}\n\n".encode())
    return json.loads(data_of(event)) if event else None


@pytest.mark.parametrize(
    "trace", ["reasoning", "reasoning_content", "reasoning_details", "thinking_blocks", "thinking"]
)
@pytest.mark.parametrize("place", ["message", "delta"])
def test_a_choice_loses_its_trace(trace: str, place: str) -> None:
    choice = {"index": 0, place: {"role": "assistant", "content": "42"}, "logprobs": None, "finish_reason": "stop"}
    told = {**choice, place: {"role": "assistant", "content": "42", trace: TRACE}, "logprobs": LOGPROBS}
    assert _cut(Dialect.CHAT, {"id": "c", "choices": [told]}) == {"id": "c", "choices": [choice]}
    assert _event(Dialect.CHAT, {"id": "c", "choices": [told]}) == {"id": "c", "choices": [choice]}


def test_a_response_keeps_its_items_emptied() -> None:
    reasoning = {
        "type": "reasoning",
        "id": "rs",
        "summary": [{"text": TRACE}],
        "content": [{"text": TRACE}],
        "encrypted_content": "E",
    }
    text = {"type": "output_text", "text": "42", "annotations": [], "logprobs": [LOGPROBS]}
    message = {"type": "message", "id": "m", "content": [text]}
    bare = [{**reasoning, "summary": [], "content": []}, {**message, "content": [{**text, "logprobs": []}]}]
    assert _cut(Dialect.RESPONSES, {"output": [reasoning, message]}) == {"output": bare}
    done = {"type": "response.completed", "response": {"output": [reasoning, message]}}
    assert _event(Dialect.RESPONSES, done) == {**done, "response": {"output": bare}}
    added = {"type": "response.output_item.added", "output_index": 0, "item": reasoning}
    assert _event(Dialect.RESPONSES, added) == {**added, "item": bare[0]}
    for name in ("reasoning_text", "reasoning_summary_text"):
        assert _event(Dialect.RESPONSES, {"type": f"response.{name}.delta", "delta": TRACE}) is None
    delta = {"type": "response.output_text.delta", "delta": "42", "logprobs": [LOGPROBS]}
    assert _event(Dialect.RESPONSES, delta) == {**delta, "logprobs": []}


def test_a_message_keeps_its_blocks_and_signatures() -> None:
    thinking = {"type": "thinking", "thinking": TRACE, "signature": "S"}
    others = [{"type": "redacted_thinking", "data": "R"}, {"type": "text", "text": "42"}]
    bare = [{**thinking, "thinking": ""}, *others]
    assert _cut(Dialect.MESSAGES, {"content": [thinking, *others]}) == {"content": bare}
    begun = {"type": "content_block_start", "index": 0, "content_block": thinking}
    assert _event(Dialect.MESSAGES, begun) == {**begun, "content_block": bare[0]}
    delta = {"type": "content_block_delta", "index": 0}
    assert _event(Dialect.MESSAGES, {**delta, "delta": {"type": "thinking_delta", "thinking": TRACE}}) is None
    for kept in ({"type": "signature_delta", "signature": "S"}, {"type": "text_delta", "text": "42"}):
        assert _event(Dialect.MESSAGES, {**delta, "delta": kept}) == {**delta, "delta": kept}


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    "event",
    [b"data: [DONE]\n\n", b": ping\n\n", b'event: ping\ndata: {"type": "ping"}\n\n', b"data: {\n\n", b"data: 1\n\n"],
)
def test_what_holds_nothing_passes_as_it_came(dialect: Dialect, event: bytes) -> None:
    assert withhold_event(dialect, event) == event


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "delta", "message", "logprobs", "type", "content", "output", "item", "response", "part"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(Dialect), JSON)
def test_no_shape_of_an_answer_stops_it(dialect: Dialect, answer: object) -> None:
    body = json.dumps(answer).encode()
    assert withhold(dialect, withhold(dialect, body)) == withhold(dialect, body)
    withhold_event(dialect, b"data: " + body + b"\n\n")
