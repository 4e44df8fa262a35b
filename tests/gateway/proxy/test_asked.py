"""The request as it goes on: what a client may not steer, what is asked for beside, digits kept."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.gateway.asgi import Problem
from spiritsafe.gateway.proxy.asked import KEY_ARGUMENT, Asked
from spiritsafe.gateway.proxy.routes import Dialect

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def _sent(asked: Asked) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(asked.body())
    return body


def _asked(dialect: Dialect = Dialect.CHAT, **more: object) -> Asked:
    return Asked(dialect, json.dumps({**CHAT, **more}).encode())


@pytest.mark.parametrize(
    "steering",
    [
        {"watermarking": False},
        {"watermark": None},
        {KEY_ARGUMENT: "mine"},
        {"vllm_xargs": {KEY_ARGUMENT: "mine", "watermarking": False}},
        {"extra_args": {"watermark_key": 7}},
        {"sampling_params": {"watermarking": False}},
    ],
)
@pytest.mark.parametrize("dialect", [Dialect.CHAT, Dialect.COMPLETIONS, Dialect.RESPONSES, Dialect.MESSAGES])
def test_a_client_cannot_steer_the_watermark(steering: dict[str, object], dialect: Dialect) -> None:
    asked = _asked(dialect, **steering, seed=5)
    assert not {"watermarking", "watermark", KEY_ARGUMENT} & _sent(asked).keys()
    assert "mine" not in asked.body().decode()
    assert b"watermark" not in asked.body()
    assert _sent(asked)["seed"] == 5
    asked.mark("c-7.3")
    assert _sent(asked)["vllm_xargs"] == {KEY_ARGUMENT: "c-7.3"}


def test_a_clients_other_arguments_stay() -> None:
    asked = _asked(vllm_xargs={"top": 3, "watermarking": False})
    asked.mark("k")
    assert _sent(asked)["vllm_xargs"] == {"top": 3, KEY_ARGUMENT: "k"}


def test_a_name_spelt_with_escapes_or_given_twice_is_the_same_name() -> None:
    twice = rb'"vllm_xargs":{"x":1},"vllm_xargs":{"watermark\u005fkey":2}'
    body = rb'{"model":"a","watermar\u006bing":false,"model":"b",' + twice + b"}"
    asked = Asked(Dialect.CHAT, body)
    assert (asked.model, _sent(asked)) == ("b", {"model": "b", "vllm_xargs": {}})
    assert asked.body().count(b"model") == 1


def test_numbers_keep_their_digits() -> None:
    body = b'{"model":"m","temperature":0.70000000000000000001,"seed":123456789012345678901234567890}'
    assert Asked(Dialect.CHAT, body).body() == body


@pytest.mark.parametrize(
    ("dialect", "more", "most"),
    [
        (Dialect.CHAT, {"max_tokens": 7}, 7),
        (Dialect.CHAT, {"max_tokens": 7, "max_completion_tokens": 9}, 9),
        (Dialect.RESPONSES, {"max_output_tokens": 3, "max_tokens": 8}, 3),
        (Dialect.MESSAGES, {"max_tokens": 10**30}, 2**31 - 1),
        (Dialect.MESSAGES, {"max_tokens": True}, None),
        (Dialect.CHAT, {"max_tokens": -1}, None),
        (Dialect.CHAT, {"max_tokens": "7"}, None),
        (Dialect.EMBEDDINGS, {}, None),
    ],
)
def test_the_most_that_an_answer_may_have(dialect: Dialect, more: dict[str, object], most: int | None) -> None:
    assert _asked(dialect, **more).max_tokens == most


def test_a_stream_is_asked_to_count() -> None:
    asked = _asked(stream=True, stream_options={"other": 1})
    asked.ask_for_counts()
    assert (_sent(asked)["stream_options"], asked.counts_unasked) == ({"other": 1, "include_usage": True}, True)
    wanted = _asked(stream=True, stream_options={"include_usage": True})
    wanted.ask_for_counts()
    assert not wanted.counts_unasked
    for other in (_asked(), _asked(Dialect.MESSAGES, stream=True), _asked(stream="true")):
        other.ask_for_counts()
        assert "stream_options" not in _sent(other)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b'{"model":5}', b'{"model":""}', b'{"a":1}', b'{"model":"m"}x', b"\xff"]
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        Asked(Dialect.CHAT, body)
    assert caught.value.status == 400


@given(st.binary(max_size=200) | st.just(b"[" * 100_000) | st.just(b'{"model":' + b'{"a":' * 50_000))
def test_whatever_comes_is_a_request_or_refused(body: bytes) -> None:
    with contextlib.suppress(Problem):
        asked = Asked(Dialect.CHAT, body)
        assert json.loads(asked.body())["model"] == asked.model
