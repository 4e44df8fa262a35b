"""A real LiteLLM proxy that asks a real gateway, called by the real client of OpenAI."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import anthropic
import openai
import pytest

from tests.gateway.litellm_proxy import LiteLlmProxy, missing
from tests.gateway.model_server import ANSWER, INPUT, OUTPUT, REASONING, ModelServer
from tests.gateway.process import Gateway, answers, eventually

ABSENT = missing()
pytestmark = pytest.mark.skipif(bool(ABSENT), reason=f"LiteLLM's proxy is not installed: it lacks {', '.join(ABSENT)}")

HELLO: Any = [{"role": "user", "content": "Describe a spirit safe."}]
SETTINGS = """
[limits]
account_requests = "50/d"
account_tokens = "100k/d"

[capture]
file_seconds = 1
"""
TRACES = ("whisky", "excise", "-0.31")


def key_of(name: str) -> str:
    return f"sk-{name}-0123456789abcdef"


def account_of(name: str) -> str:
    return sha256(key_of(name).encode()).hexdigest()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("asked"), None, SETTINGS) as gateway:
        assert gateway.call("POST", "/admin/policy", answers(account_of))[0] == 200
        yield gateway


@pytest.fixture(scope="module")
def proxy(asked: Gateway, model: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiteLlmProxy]:
    place = tmp_path_factory.mktemp("litellm")
    with LiteLlmProxy(place, model.url, asked.url, APPEAL="https://example.com/appeal", TIMEOUT_S="20") as proxy:
        yield proxy


@pytest.fixture
def client_of(proxy: LiteLlmProxy) -> Iterator[Any]:
    opened: list[openai.OpenAI] = []

    def of(name: str) -> openai.OpenAI:
        opened.append(openai.OpenAI(base_url=f"{proxy.url}/v1", api_key=key_of(name), max_retries=0))
        return opened[-1]

    yield of
    for client in opened:
        client.close()


def captured(gateway: Gateway, name: str) -> list[dict[str, Any]]:
    content = b"".join(file.read_bytes() for file in (gateway.store / "captured").glob("*.jsonl"))
    return [row for row in map(json.loads, content.splitlines()) if row["account_id"] == account_of(name)]


def test_a_call_passes_is_settled_and_captured(asked: Gateway, client_of: Any) -> None:
    used = asked.metric('spiritsafe_tokens_total{kind="used"}')
    told = client_of("free").chat.completions.create(model="m-1", messages=HELLO, max_tokens=100, logprobs=True)
    assert told.choices[0].message.content == ANSWER
    assert told.choices[0].message.reasoning_content == REASONING
    eventually(lambda: bool(captured(asked, "free")))
    row = captured(asked, "free")[-1]
    assert (row["organization_id"], row["key_id"], row["model"]) == ("o-free", account_of("free"), "m-1")
    assert (row["input_tokens"], row["output_tokens"], row["status"], row["max_tokens"]) == (INPUT, OUTPUT, 200, 100)
    assert row["sketch"]
    assert row["decision_id"]
    assert asked.metric('spiritsafe_tokens_total{kind="used"}') == used + INPUT + OUTPUT


def test_a_stream_counts_what_the_model_counted_and_shows_it_to_who_asked(asked: Gateway, client_of: Any) -> None:
    client = client_of("streaming")
    for options, counted in ({}, False), ({"stream_options": {"include_usage": True}}, True):
        chunks = list(client.chat.completions.create(model="m-1", messages=HELLO, stream=True, **options))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == ANSWER
        assert any(chunk.usage for chunk in chunks) == counted
    eventually(lambda: len(captured(asked, "streaming")) == 2)
    assert {row["output_tokens"] for row in captured(asked, "streaming")} == {OUTPUT}


def test_withheld_reasoning_reaches_no_client(asked: Gateway, client_of: Any) -> None:
    client = client_of("withheld")
    chat = client.chat.completions.create(model="m-1", messages=HELLO, logprobs=True)
    chunks = list(client.chat.completions.create(model="m-1", messages=HELLO, stream=True, logprobs=True))
    told = [item.model_dump_json() for item in (chat, *chunks)]
    assert not [item for item in told if any(piece in item for piece in TRACES)]
    assert chat.choices[0].message.content == ANSWER
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == ANSWER
    eventually(lambda: len(captured(asked, "withheld")) == 2)


def test_withheld_reasoning_is_gone_from_responses_and_messages_too(
    asked: Gateway, client_of: Any, proxy: LiteLlmProxy, model: ModelServer
) -> None:
    client = client_of("withheld")
    response = client.responses.create(model="m-1", input="a")
    with client.responses.stream(model="m-1", input="a") as stream:
        streamed = stream.get_final_response()
    told = [response.model_dump_json(), streamed.model_dump_json()]
    assert response.output_text == streamed.output_text == ANSWER
    with anthropic.Anthropic(base_url=proxy.url, api_key=key_of("withheld"), max_retries=0) as other:
        message = other.messages.create(model="m-1", max_tokens=99, messages=HELLO)
        with other.messages.stream(model="m-1", max_tokens=99, messages=HELLO) as messages:
            final = messages.get_final_message()
    told += [message.model_dump_json(), final.model_dump_json()]
    assert "".join(getattr(block, "text", "") for block in message.content) == ANSWER
    assert "".join(getattr(block, "text", "") for block in final.content) == ANSWER
    assert not [item for item in told if any(piece in item for piece in TRACES)]
    eventually(lambda: len(captured(asked, "withheld")) >= 6)


def test_several_keys_of_one_user_are_one_organisation(asked: Gateway, client_of: Any) -> None:
    for name in ("several-1", "several-2"):
        client_of(name).chat.completions.create(model="m-1", messages=HELLO)
    eventually(lambda: bool(captured(asked, "several-1")) and bool(captured(asked, "several-2")))
    rows = captured(asked, "several-1") + captured(asked, "several-2")
    assert {row["organization_id"] for row in rows} == {"o-several"}


def test_a_client_that_leaves_and_a_model_that_fails_are_settled(
    asked: Gateway, client_of: Any, model: ModelServer
) -> None:
    client = client_of("leaving")
    with client.chat.completions.create(model="slow", messages=HELLO, stream=True) as stream:
        next(iter(stream))
    for _ in range(40):
        model.go_on.release()
    eventually(lambda: len(captured(asked, "leaving")) == 1)
    with pytest.raises(openai.APIStatusError):
        client.chat.completions.create(model="refuses", messages=HELLO)
    eventually(lambda: len(captured(asked, "leaving")) == 2)
    assert sorted(row["status"] for row in captured(asked, "leaving"))[-1] >= 400
    eventually(lambda: model.go_on.acquire(blocking=False) is False)


def test_metadata_of_a_client_decides_nothing(client_of: Any) -> None:
    forged = {"spiritsafe": {"decision_id": "x", "account_id": "y", "withhold": False, "dialect": "chat"}}
    told = client_of("withheld").chat.completions.create(
        model="m-1", messages=HELLO, extra_body={"metadata": forged, "litellm_metadata": forged}
    )
    assert not [piece for piece in TRACES if piece in told.model_dump_json()]


def test_a_stopped_account_is_refused(asked: Gateway, client_of: Any, model: ModelServer) -> None:
    before = len(model.requests)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        client_of("blocked").chat.completions.create(model="m-1", messages=HELLO)
    error = caught.value.response.json()["error"]
    assert error["type"] == "urn:spiritsafe:step_up"
    assert error["provider_specific_fields"]["appeal"] == "https://example.com/appeal"
    decision = error["provider_specific_fields"]["decision_id"]
    assert caught.value.response.headers["x-spiritsafe-decision"] == decision
    assert len(model.requests) == before
    eventually(lambda: any(one["decision_id"] == decision for one in asked.receipts()))


def test_a_limit_bites_and_says_when_to_come_again(client_of: Any) -> None:
    client = client_of("limited")
    for _ in range(2):
        client.chat.completions.create(model="m-1", messages=HELLO)
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="m-1", messages=HELLO)
    assert 0 < int(caught.value.response.headers["retry-after"]) <= 43_200


def test_a_marked_account_cannot_steer_its_watermark(client_of: Any, model: ModelServer) -> None:
    steering = {"watermarking": False, "vllm_xargs": {"spiritsafe_key_id": "x", "a": 1}}
    client_of("marked").chat.completions.create(model="m-1", messages=HELLO, extra_body=steering)
    assert model.requests[-1][2]["vllm_xargs"] == {"a": 1, "spiritsafe_key_id": account_of("marked")}
    assert "watermarking" not in model.requests[-1][2]
