"""The real clients of OpenAI and Anthropic through the gateway, against a model on loopback."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.gateway.model_server import ANSWER, INPUT, OUTPUT, REASONING, ModelServer
from tests.gateway.process import KEYS, Gateway, eventually

OPENED: list[Any] = []


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    """Close the clients that a test has opened."""
    yield
    while OPENED:
        OPENED.pop().close()


def of_openai(gateway: Gateway, account: str = "free") -> Any:
    OPENED.append(openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEYS[account], max_retries=0))
    return OPENED[-1]


def of_anthropic(gateway: Gateway, account: str = "free") -> Any:
    OPENED.append(anthropic.Anthropic(base_url=gateway.url, api_key=KEYS[account], max_retries=0))
    return OPENED[-1]


HELLO: Any = [{"role": "user", "content": "Describe a spirit safe."}]


def test_chat_completions(gateway: Gateway, model: ModelServer) -> None:
    client = of_openai(gateway)
    told = client.chat.completions.create(model="m-1", messages=HELLO, logprobs=True)
    assert (told.choices[0].message.content, told.usage.total_tokens) == (ANSWER, INPUT + OUTPUT)
    assert told.choices[0].message.reasoning_content == REASONING
    assert told.choices[0].logprobs.content[0].logprob == -0.31
    path, headers, asked = model.requests[-1]
    assert (path, headers["authorization"]) == ("/v1/chat/completions", f"Bearer {KEYS['free']}")
    assert (asked["messages"], asked["logprobs"]) == (HELLO, True)
    assert not [name for name in headers if name.startswith("x-spiritsafe")]


def test_a_chat_that_is_streamed_is_the_same_whether_it_counts_or_not(gateway: Gateway) -> None:
    client = of_openai(gateway)
    for options, counted in ({}, False), ({"stream_options": {"include_usage": True}}, True):
        chunks = list(client.chat.completions.create(model="m-1", messages=HELLO, stream=True, **options))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == ANSWER
        assert any(chunk.usage for chunk in chunks) == counted
        assert all(chunk.choices for chunk in chunks) != counted


def test_responses_embeddings_and_models(gateway: Gateway) -> None:
    client = of_openai(gateway)
    told = client.responses.create(model="m-1", input="Describe a spirit safe.")
    assert (told.output_text, told.usage and told.usage.output_tokens) == (ANSWER, OUTPUT)
    assert told.output[0].summary[0].text == REASONING
    with client.responses.stream(model="m-1", input="Describe a spirit safe.") as stream:
        assert stream.get_final_response().output_text == ANSWER
    assert client.embeddings.create(model="e-1", input=["a", "b"], encoding_format="float").data[0].embedding == [
        0.25,
        -0.5,
    ]
    assert [item.id for item in client.models.list()] == ["m-1"]


def test_messages(gateway: Gateway, model: ModelServer) -> None:
    client = of_anthropic(gateway)
    told = client.messages.create(model="m-1", max_tokens=100, messages=HELLO)
    assert [block.type for block in told.content] == ["thinking", "text"]
    assert told.content[0].thinking == REASONING
    with client.messages.stream(model="m-1", max_tokens=100, messages=HELLO) as stream:
        assert stream.get_final_text() == ANSWER
    assert any(KEYS["free"] in value for value in model.requests[-1][1].values())


def test_withheld_reasoning_reaches_no_client(gateway: Gateway) -> None:
    client, other = of_openai(gateway, "withheld"), of_anthropic(gateway, "withheld")
    chat = client.chat.completions.create(model="m-1", messages=HELLO, logprobs=True)
    chunks = list(client.chat.completions.create(model="m-1", messages=HELLO, stream=True))
    response = client.responses.create(model="m-1", input="a")
    with client.responses.stream(model="m-1", input="a") as stream:
        streamed = stream.get_final_response()
    message = other.messages.create(model="m-1", max_tokens=9, messages=HELLO)
    with other.messages.stream(model="m-1", max_tokens=9, messages=HELLO) as messages:
        final = messages.get_final_message()
    told = [item.model_dump_json() for item in (chat, *chunks, response, streamed, message, final)]
    assert not [item for item in told if any(piece in item for piece in ("whisky", "excise", "-0.31"))]
    assert chat.choices[0].message.content == ANSWER == response.output_text == streamed.output_text
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == ANSWER
    assert [(block.type, getattr(block, "signature", None)) for block in final.content] == [
        ("thinking", "c2lnbmVk"),
        ("text", None),
    ]
    assert message.content[1].text == ANSWER
    eventually(lambda: sum(one["action"] == "withhold" and one["cut"] > 0 for one in gateway.receipts()) == 6)


def test_a_marked_account_cannot_steer_its_watermark(gateway: Gateway, model: ModelServer) -> None:
    client = of_openai(gateway, "marked")
    client.chat.completions.create(
        model="m-1",
        messages=HELLO,
        extra_body={"watermarking": False, "vllm_xargs": {"spiritsafe_key_id": "x", "a": 1}},
    )
    assert model.requests[-1][2]["vllm_xargs"] == {"a": 1, "spiritsafe_key_id": "marked"}
    assert "watermarking" not in model.requests[-1][2]
    eventually(lambda: any(one.get("marked") == "marked" for one in gateway.receipts()))


def test_a_stopped_account_is_told_what_to_do_and_nothing_else(gateway: Gateway, model: ModelServer) -> None:
    before = len(model.requests)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        of_openai(gateway, "blocked").chat.completions.create(model="m-1", messages=HELLO)
    problem = caught.value.response.json()
    assert caught.value.response.headers["content-type"] == "application/problem+json"
    assert set(problem) == {"title", "status", "type", "decision_id", "appeal"}
    assert (problem["type"], problem["appeal"]) == ("urn:spiritsafe:step_up", "https://example.com/appeal")
    with pytest.raises(anthropic.PermissionDeniedError):
        of_anthropic(gateway, "blocked").messages.create(model="m-1", max_tokens=9, messages=HELLO)
    assert len(model.requests) == before
    eventually(lambda: any(one["decision_id"] == problem["decision_id"] for one in gateway.receipts()))
    receipt = next(one for one in gateway.receipts() if one["decision_id"] == problem["decision_id"])
    assert (receipt["case"], receipt["status"], receipt["version"], receipt["row"]) == ("case-7", 403, 1, "blocked")


def test_a_limit_bites_and_says_when_to_come_again(gateway: Gateway) -> None:
    client = of_openai(gateway, "limited")
    for _ in range(2):
        client.chat.completions.create(model="m-1", messages=HELLO)
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="m-1", messages=HELLO)
    headers = caught.value.response.headers
    assert headers["ratelimit-policy"] == '"requests";q=2;w=86400'
    assert headers["ratelimit"].startswith('"requests";r=0;t=')
    assert 0 < int(headers["retry-after"]) <= 43_200


def test_a_refusal_of_the_models_is_passed_on(gateway: Gateway) -> None:
    with pytest.raises(openai.RateLimitError, match="busy"):
        of_openai(gateway).chat.completions.create(model="refuses", messages=HELLO)


def test_a_huge_max_tokens_reserves_no_more_than_a_share(gateway: Gateway) -> None:
    client = of_openai(gateway, "greedy")
    for _ in range(5):
        client.chat.completions.create(model="m-1", messages=HELLO, max_tokens=10**12)


def test_what_was_captured_holds_no_text_and_no_address(gateway: Gateway) -> None:
    told = [{"role": "user", "content": "Tell nobody of the locked cellar."}]
    of_openai(gateway).chat.completions.create(model="m-1", messages=told)
    folder = gateway.store / "captured"
    eventually(lambda: bool(list(folder.glob("*.jsonl"))))
    content = b"".join(file.read_bytes() for file in folder.iterdir())
    assert b"cellar" not in content
    assert b"127.0.0.1" not in content
    assert b"glass" not in content
    row = json.loads(next(line for line in content.splitlines() if b'"free"' in line))
    assert row["pseudonymised"] is True
    for key in KEYS.values():
        assert key.encode() not in content
        assert key not in gateway.log()
