"""What a call's bodies say is what a log of the same bodies says; whatever is sent, an exchange comes of it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.gateway.capture import Call, Captured, captured
from spiritsafe.ingest.readers.pairexamples import EXAMPLES
from spiritsafe.ingest.readers.pairs import Pairs
from spiritsafe.wire.bodies import is_answer, is_request, request_of
from tests.gateway.capture.exchanges import START

CHAT = {
    "model": "m-1",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is draff?"}],
    "max_completion_tokens": 50,
    "temperature": 0.5,
    "tools": [{}, {}],
    "n": 2,
    "user": "u-1",
}
ANSWER = {
    "id": "r-1",
    "object": "chat.completion",
    "model": "m-1-0101",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Spent grain."}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 20,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 3},
    },
}


def call(path: str = "/v1/chat/completions", **changes: Any) -> Call:
    fields = {"exchange_id": "g-1", "started_at": START, "account_id": "a", "status": 200, **changes}
    return Call(path=path, **fields)


def told(said: Captured, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(said, name) for name in names)


def _bytes(body: object) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def _stream(*events: object) -> str:
    return "".join(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in events)


def test_a_chat_completion() -> None:
    said = captured(call(client_ip="192.0.2.1", decision_id="d-1", duration_ms=7), _bytes(CHAT), _bytes(ANSWER))
    assert told(said, "exchange_id", "model", "client_ip", "decision_id", "duration_ms", "status") == (
        *("r-1", "m-1", "192.0.2.1", "d-1", 7),
        200,
    )
    assert told(said, "prompt", "system_prompt", "response") == ("What is draff?", "Be brief.", "Spent grain.")
    assert told(said, "input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens") == (20, 9, 8, 3)
    assert told(said, "max_tokens", "temperature", "tool_count", "n", "message_count") == (50, 0.5, 2, 2, 2)
    assert told(said, "stream", "operation", "finish_reason", "end_user_id") == (False, "chat", "stop", "u-1")


def _pairs() -> list[dict[str, Any]]:
    """The readers' own examples whose bodies lie open: chats, responses, messages, completions; streamed, refused."""
    records = []
    for line in (line for example in EXAMPLES for line in example.splitlines() if line.startswith(b'{"')):
        try:
            record = json.loads(line)
        except ValueError:
            continue  # the first line of a document
        asked, answered = _asked_and_answered(record)
        if is_request(request_of(asked)) and (isinstance(answered, str) or is_answer(request_of(answered))):
            records.append(record)
    return records


def _asked_and_answered(record: dict[str, Any]) -> tuple[object, object]:
    request, response = record.get("request"), record.get("response")
    asked = request.get("body", request) if isinstance(request, dict) else request
    return asked, response.get("body", response) if isinstance(response, dict) else response


PAIRS = _pairs()


@pytest.mark.parametrize("record", PAIRS)
def test_bodies_say_what_a_log_of_them_says(record: dict[str, Any]) -> None:
    row = Pairs().row(record)
    assert row
    asked, answered = _asked_and_answered(record)
    said = captured(call(status=row["status"] or 200), _bytes(asked), _bytes(answered))
    of_bodies = set(Captured.__struct_fields__) & set(row) - set(Call.__struct_fields__)
    assert {name: getattr(said, name) for name in of_bodies} == {name: row[name] for name in of_bodies}
    assert said.model == row["model"]


def test_enough_examples_are_held_against_the_log() -> None:
    assert len(PAIRS) >= 5
    assert sum(isinstance(_asked_and_answered(record)[1], str) for record in PAIRS) >= 1


def test_messages_with_a_cache() -> None:
    request = {"model": "c", "system": "Be brief.", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
    usage = {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 5}
    response = {"id": "msg", "type": "message", "content": [{"type": "text", "text": "Hi"}], "usage": usage}
    said = captured(call("/v1/messages"), _bytes(request), _bytes(response | {"stop_reason": "end_turn"}))
    assert told(said, "input_tokens", "cached_input_tokens", "output_tokens") == (100, 90, 5)
    assert told(said, "prompt", "system_prompt", "response", "finish_reason") == ("Hello", "Be brief.", "Hi", "stop")


def test_responses() -> None:
    request = {"model": "r", "instructions": "Be brief.", "input": "Hello", "conversation": "c-1"}
    output = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}]
    usage = {"input_tokens": 4, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}}
    response = {"id": "resp", "object": "response", "status": "completed", "output": output, "usage": usage}
    said = captured(call("/v1/responses"), _bytes(request), _bytes(response))
    assert told(said, "prompt", "system_prompt", "response", "conversation_id") == ("Hello", "Be brief.", "Hi", "c-1")
    assert told(said, "input_tokens", "cached_input_tokens", "output_tokens", "finish_reason") == (4, 1, 2, "stop")


@pytest.mark.parametrize(
    ("inputs", "prompt", "messages"),
    [("one", "one", 1), (["one", "two"], "two", 2), ([1, 2, 3], None, 1), ([[1], [2]], None, 1)],
)
def test_embeddings(inputs: object, prompt: str | None, messages: int) -> None:
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    response = {"object": "list", "data": [{"embedding": [0.5] * 3}], "model": "e", "usage": usage}
    said = captured(call("/v1/embeddings?x=1"), _bytes({"model": "e", "input": inputs}), _bytes(response))
    assert told(said, "operation", "prompt", "message_count", "response") == ("embeddings", prompt, messages, None)
    assert told(said, "input_tokens", "output_tokens") == (8, 0)


def test_a_completion() -> None:
    response = {"object": "text_completion", "choices": [{"text": " it is"}], "usage": {"prompt_tokens": 3}}
    said = captured(call("/v1/completions"), _bytes({"model": "m", "prompt": "So"}), _bytes(response))
    assert told(said, "operation", "prompt", "response", "output_tokens") == ("text_completion", "So", " it is", 2)


def test_a_stream_to_its_end_and_one_that_breaks_off() -> None:
    pieces = [{"id": "s", "choices": [{"index": 0, "delta": {"content": "Spent grain, wet."}}]}] * 2
    end = {"id": "s", "choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 9}}
    whole = captured(call(), _bytes(CHAT), _stream(*pieces, end, "[DONE]"))
    assert told(whole, "exchange_id", "response", "output_tokens") == ("s", "Spent grain, wet." * 2, 9)
    left = captured(call(), _bytes(CHAT), _stream(*pieces) + 'data: {"id": "s", "cho')
    assert told(left, "stream", "response", "output_tokens") == (True, "Spent grain, wet." * 2, 9)
    assert left.input_tokens > 0
    uncounted = captured(call(estimate=False), _bytes(CHAT), _stream(*pieces))
    assert told(uncounted, "input_tokens", "output_tokens") == (0, 0)


def test_a_failed_call_has_used_nothing_and_answered_nothing() -> None:
    said = captured(call(status=429), _bytes(CHAT), _bytes({"error": {"message": "Slow down"}}))
    assert told(said, "exchange_id", "status", "input_tokens", "output_tokens", "response") == ("g-1", 429, 0, 0, None)


def test_an_answer_that_never_came_leaves_what_was_asked() -> None:
    said = captured(call(), _bytes(CHAT), None)
    assert told(said, "prompt", "output_tokens", "response") == ("What is draff?", 0, None)
    assert said.input_tokens > 0


NAMES = ("id", "model", "messages", "role", "content", "usage", "choices", "input", "prompt_tokens", "type", "text")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "model",
                    "messages",
                    "role",
                    "content",
                    "usage",
                    "choices",
                    "input",
                    "prompt_tokens",
                    "type",
                    "data",
                    "text",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    JSON.map(json.dumps) | st.text() | st.binary(),
    JSON.map(json.dumps) | JSON.map(lambda value: _stream(value, value)) | st.text() | st.binary() | st.none(),
    st.sampled_from(["/v1/chat/completions", "/v1/embeddings", "/v1/messages", ""]),
    st.sampled_from([0, 200, 499, 500]),
)
def test_whatever_is_sent_an_exchange_of_the_right_types_comes_of_it(
    request: str | bytes, response: str | bytes | None, path: str, status: int
) -> None:
    said = captured(call(path, status=status), request, response)
    msgspec.convert(msgspec.to_builtins(said), Captured)
    assert said.account_id == "a"
