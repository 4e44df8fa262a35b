"""The real Envoy tells beside the answer what was used, over gRPC, and asks over gRPC too."""

import json
import socket
from collections.abc import Iterator

import pytest

from spiritsafe.gateway.envoy.config import Check, Place, envoy_config
from tests.gateway.envoy.conftest import GRPC, KEYS
from tests.gateway.envoy.servers import CHAT, ask, envoy, free_port
from tests.gateway.model_server import ANSWER, INPUT, OUTPUT, REASONING, TRACE, ModelServer
from tests.gateway.process import Gateway, eventually

USED = 'spiritsafe_tokens_total{kind="used"}'


@pytest.fixture(scope="module", params=list(Check))
def port(
    request: pytest.FixtureRequest, decider: Gateway, model: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    port = free_port()
    config = envoy_config(
        listen=Place("127.0.0.1", port),
        model=Place.parse(model.url),
        gateway=Place.parse(decider.url),
        grpc=Place("127.0.0.1", GRPC),
        check=request.param,
    )
    with envoy(tmp_path_factory.mktemp("envoy"), config, port):
        yield port


def _settles(decider: Gateway, before: float, tokens: int) -> None:
    eventually(lambda: decider.metric(USED) - before >= tokens, 8)
    assert decider.metric(USED) - before == tokens


def test_an_answer_is_settled_by_its_count(port: int, decider: Gateway) -> None:
    before = decider.metric(USED)
    assert ask(port, KEYS["models"]).status == 200
    _settles(decider, before, INPUT + OUTPUT)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses", "/v1/embeddings"])
def test_answers_of_other_apis_are(port: int, decider: Gateway, path: str) -> None:
    before = decider.metric(USED)
    assert ask(port, KEYS["models"], path=path).status == 200
    _settles(decider, before, INPUT + (0 if path.endswith("embeddings") else OUTPUT))


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/v1/chat/completions", {"stream_options": {"include_usage": True}}),
        ("/v1/messages", {}),
        ("/v1/responses", {}),
    ],
)
def test_a_stream_is_settled_by_its_count(port: int, decider: Gateway, path: str, more: dict[str, object]) -> None:
    before = decider.metric(USED)
    answer = ask(port, KEYS["streams"], {**CHAT, "stream": True, **more}, path=path)
    assert answer.headers["content-type"].startswith("text/event-stream")
    _settles(decider, before, INPUT + OUTPUT)


def test_a_stream_that_nobody_counted_is_settled_by_its_bytes(port: int, decider: Gateway) -> None:
    before, body = decider.metric(USED), {**CHAT, "stream": True}
    assert ask(port, KEYS["streams"], body).status == 200
    said = len(ANSWER + REASONING)
    _settles(decider, before, -(-len(json.dumps(body)) // 4) + -(-said // 4))


def test_a_refusal_of_the_models_uses_nothing(port: int, decider: Gateway) -> None:
    before = decider.metric(USED)
    assert ask(port, KEYS["models"], {**CHAT, "model": "refuses"}).status == 429
    assert ask(port, KEYS["models"]).status == 200
    _settles(decider, before, INPUT + OUTPUT)


def _gone(model: ModelServer) -> int:
    """Return how many clients have left; the model looks between two events."""
    model.go_on.release()
    return model.gone


def test_a_client_that_leaves_is_charged_for_what_it_got(port: int, decider: Gateway, model: ModelServer) -> None:
    before, gone = decider.metric(USED), model.gone
    while model.go_on.acquire(blocking=False):
        pass
    body = json.dumps({**CHAT, "stream": True, "model": "slow"}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {KEYS['left']}\r\n"
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        for _ in range(3):
            model.go_on.release()
        got = b""
        while TRACE[1].encode() not in got:
            got += line.recv(65_536)
    eventually(lambda: _gone(model) == gone + 1)
    eventually(lambda: decider.metric(USED) > before, 15)
    assert decider.metric(USED) - before < INPUT + OUTPUT + len(body) // 4


def test_what_was_really_used_is_what_is_left(port: int, decider: Gateway, request: pytest.FixtureRequest) -> None:
    """Of 8,000 tokens a call may reserve 1,000 and its prompt: seven at once, but many more that use 55 each."""
    key = KEYS[f"capped-{request.node.callspec.params['port']}"]
    for _ in range(12):
        before = decider.metric(USED)
        answer = ask(port, key, {**CHAT, "max_tokens": 4_000})
        assert answer.status == 200, answer.content
        _settles(decider, before, INPUT + OUTPUT)
    limit = ask(port, key, {**CHAT, "messages": [{"role": "user", "content": "x" * 32_000}]})
    assert (limit.status, limit.headers["ratelimit-policy"]) == (429, '"tokens";q=8000;w=86400')
    left = int(limit.headers["ratelimit"].split(";")[1].removeprefix("r="))
    assert left == pytest.approx(8_000 - 12 * (INPUT + OUTPUT), abs=12)
