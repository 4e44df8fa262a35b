"""The words of a request and of its answer, in every provider's shape, and nothing that a client could break."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.wire.messages import Answer, Asked, answer, asked_of, count

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.sampled_from(["user", "system", "text", "tool_use", "image", "assistant", '{"role": "user"}', "[1]", "{"])
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "content",
                    "text",
                    "type",
                    "parts",
                    "choices",
                    "message",
                    "output",
                    "tool_calls",
                    "function_call",
                    "candidates",
                    "messages",
                    "image",
                    "finish_reason",
                    "stop_reason",
                    "status",
                    "inlineData",
                    "modality",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("messages", "system", "expected"),
    [
        ("Hello", None, Asked("Hello", None, 1, 0)),
        (
            [{"role": "system", "content": "S"}, {"role": "user", "content": "A"}, {"role": "user", "content": "B"}],
            None,
            Asked("B", "S", 3, 0),
        ),
        (
            [{"role": "user", "content": [{"type": "text", "text": "Look"}, IMAGE, {"type": "text", "text": "here"}]}],
            None,
            Asked("Look\nhere", None, 1, 1),
        ),
        (  # OpenAI responses
            [{"role": "user", "content": [{"type": "input_text", "text": "A"}, {"type": "input_image"}]}],
            "I",
            Asked("A", "I", 2, 1),
        ),
        (  # Anthropic: the result of a tool is no user's word
            [
                {"role": "user", "content": [{"type": "image", "source": {}}, {"type": "text", "text": "A"}]},
                {"role": "assistant", "content": [{"type": "tool_use", "name": "f"}]},
                {"role": "user", "content": [{"type": "tool_result", "content": "42"}]},
            ],
            [{"type": "text", "text": "S1"}, {"type": "text", "text": "S2", "cache_control": {}}],
            Asked("A", "S1\nS2", 4, 1),
        ),
        (  # Gemini
            {"contents": [{"parts": [{"text": "A"}, {"inlineData": {"mimeType": "image/png"}}]}]},
            {"parts": [{"text": "S"}]},
            Asked("A", "S", 2, 1),
        ),
        (  # OpenTelemetry
            [
                {"role": "system", "parts": [{"type": "text", "content": "S"}]},
                {"role": "user", "parts": [{"type": "text", "content": "A"}, {"type": "uri", "modality": "image"}]},
            ],
            None,
            Asked("A", "S", 2, 1),
        ),
        ([{"role": "user", "content": [{"text": "A"}, {"image": {"format": "png"}}]}], None, Asked("A", None, 1, 1)),
        (json.dumps([{"role": "user", "content": "A"}]), None, Asked("A", None, 1, 0)),
        (None, None, Asked()),
        ({}, None, Asked()),
        ([], "", Asked()),
        (7, None, Asked()),
    ],
)
def test_requests(messages: object, system: object, expected: Asked) -> None:
    assert asked_of(messages, system) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"choices": [{"message": {"content": "Hi"}, "finish_reason": "length"}]}, Answer("Hi", 0, "length")),
        (
            {"choices": [{"message": {"content": None, "tool_calls": [{}, {}]}, "finish_reason": "tool_calls"}]},
            Answer(None, 2, "tool_calls"),
        ),
        ({"choices": [{"text": "once", "finish_reason": "stop"}]}, Answer("once", 0, "stop")),
        ({"choices": [{"message": {"content": "first"}}, {"message": {"content": "2"}}]}, Answer("first", 0, None)),
        (
            {"content": [{"type": "text", "text": "Hi"}, {"type": "tool_use"}], "stop_reason": "tool_use"},
            Answer("Hi", 1, "tool_calls"),
        ),
        (
            {
                "status": "completed",
                "output": [
                    {"type": "reasoning", "summary": []},
                    {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]},
                    {"type": "function_call", "name": "f"},
                ],
            },
            Answer("Hi", 1, "stop"),
        ),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []},
            Answer(None, 0, "length"),
        ),
        (
            {"candidates": [{"content": {"parts": [{"text": "Hi"}, {"functionCall": {}}]}, "finishReason": "STOP"}]},
            Answer("Hi", 1, "stop"),
        ),
        (
            {"output": {"message": {"content": [{"text": "Hi"}, {"toolUse": {}}]}}, "stopReason": "end_turn"},
            Answer("Hi", 1, "stop"),
        ),
        (
            [{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}], "finish_reason": "stop"}],
            Answer("Hi", 0, "stop"),
        ),
        ({"role": "assistant", "content": "Hi"}, Answer("Hi", 0, None)),
        ("Hi", Answer("Hi")),
        ('{"content": "Hi"}', Answer("Hi", 0, None)),
        ({"error": {"message": "no"}}, Answer()),
        (None, Answer()),
    ],
)
def test_answers(body: object, expected: Answer) -> None:
    assert answer(body) == expected


@given(ANYTHING, ANYTHING)
def test_no_shape_is_beyond_it(one: object, other: object) -> None:
    value: object
    for value in (one, json.dumps(one)):
        asked = asked_of(value, other)
        assert asked.message_count is None or asked.message_count >= 1
        assert all(text is None or text for text in (asked.prompt, asked.system_prompt, answer(value).response))
        assert (answer(value).tool_call_count or 0) >= 0


@pytest.mark.parametrize("words", ["[1, 2, 3]", '{"task": "grade"}', '[{"q": 1}]', "[", "{}", "[]", '"quoted"', "null"])
def test_words_that_are_json_stay_words(words: str) -> None:
    said = [{"role": "user", "content": words}]
    assert asked_of(words).prompt == asked_of(said).prompt == asked_of(json.dumps(said)).prompt == words
    assert answer(words).response == answer({"choices": [{"message": {"content": words}}]}).response == words


def test_counting() -> None:
    assert list(map(count, ([1, 2], "[1]", [], "x", {}, None))) == [2, 1, 0, None, None, None]
