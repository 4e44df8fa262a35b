"""The real Envoy asks, over HTTP and over gRPC: who passes, what the stopped are told, what a word is worth."""

import contextlib
import http.client
from collections.abc import Iterator

import pytest

from spiritsafe.gateway.envoy.config import Check, Place, envoy_config
from tests.gateway.envoy.conftest import GRPC, KEYS
from tests.gateway.envoy.servers import CHAT, ask, envoy, free_port
from tests.gateway.model_server import INPUT, OUTPUT, ModelServer
from tests.gateway.process import Gateway, eventually


@pytest.fixture(scope="module", params=list(Check))
def port(
    request: pytest.FixtureRequest, decider: Gateway, model: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    port = free_port()
    config = envoy_config(
        listen=Place("127.0.0.1", port),
        model=Place.parse(model.url),
        gateway=Place.parse(decider.url),
        grpc=Place("127.0.0.1", GRPC) if request.param is Check.GRPC else None,
        check=request.param,
    )
    with envoy(tmp_path_factory.mktemp("envoy"), config, port):
        yield port


def test_a_call_passes_with_its_decision(port: int, model: ModelServer) -> None:
    answer = ask(port, KEYS["free"])
    assert (answer.status, answer.json["usage"]["total_tokens"]) == (200, INPUT + OUTPUT)
    _, headers, body = model.requests[-1]
    assert body == CHAT
    assert len(headers["x-spiritsafe-decision"]) > 8
    assert (headers["x-spiritsafe-home"], headers["x-spiritsafe-withhold"]) == ("free", "0")


def test_the_model_is_told_what_to_withhold(port: int, model: ModelServer) -> None:
    assert ask(port, KEYS["withheld"]).status == 200
    assert model.requests[-1][1]["x-spiritsafe-withhold"] == "1"


def test_a_stopped_account_is_told_what_to_do(port: int, model: ModelServer, decider: Gateway) -> None:
    before = len(model.requests)
    answer = ask(port, KEYS["blocked"])
    assert (answer.status, answer.headers["content-type"]) == (403, "application/problem+json")
    assert set(answer.json) == {"title", "status", "type", "decision_id", "appeal"}
    assert answer.headers["x-spiritsafe-decision"] == answer.json["decision_id"]
    assert len(model.requests) == before
    eventually(lambda: any(one["decision_id"] == answer.json["decision_id"] for one in decider.receipts()))


def test_a_limit_reaches_the_client(port: int, request: pytest.FixtureRequest) -> None:
    key = KEYS[f"limited-{request.node.callspec.params['port']}"]
    assert [ask(port, key).status for _ in range(2)] == [200, 200]
    answer = ask(port, key)
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 43_200
    assert answer.headers["ratelimit-policy"] == '"requests";q=2;w=86400'
    assert answer.headers["ratelimit"].startswith('"requests";r=0;t=')


def test_without_a_key_nobody_passes(port: int) -> None:
    assert ask(port, None).status == 401


def test_an_address_cannot_be_put_on_or_taken_off(port: int) -> None:
    forged = {"x-forwarded-for": "127.0.0.66", "x-real-ip": "127.0.0.66", "forwarded": "for=127.0.0.66"}
    assert ask(port, KEYS["spoofer"], headers=forged).status == 200
    assert ask(port, KEYS["spoofer"], source="127.0.0.66").status == 403
    forged = {"x-forwarded-for": "127.0.0.9", "x-envoy-external-address": "127.0.0.9"}
    assert ask(port, KEYS["spoofer"], source="127.0.0.66", headers=forged).status == 403


def test_an_account_cannot_be_put_on(port: int, model: ModelServer) -> None:
    forged = {
        "x-spiritsafe-account": "free",
        "X-SpiritSafe-Decision": "mine",
        "x-spiritsafe-withhold": "0",
        "x-spiritsafe-anything": "1",
        "x-ja4": "t13d1516h2_8daaf6152771_b186095e22b6",
    }
    assert ask(port, KEYS["blocked"], headers=forged).status == 403
    assert ask(port, KEYS["withheld"], headers=forged).status == 200
    headers = model.requests[-1][1]
    assert (headers["x-spiritsafe-home"], headers["x-spiritsafe-withhold"]) == ("withheld", "1")
    assert headers["x-spiritsafe-decision"] != "mine"
    assert not {"x-spiritsafe-account", "x-spiritsafe-anything", "x-ja4"} & headers.keys()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1%2fchat/completions", {}, 400),
        ("/v1/../admin/policy", {}, 404),
        ("/admin/policy", {}, 404),
        ("/v1/chat/completions", {"x_forwarded_for": "127.0.0.66"}, 400),
        ("/v1/chat/completions", {"content-encoding": "gzip"}, 415),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(port: int, path: str, headers: dict[str, str], status: int) -> None:
    assert ask(port, KEYS["free"], path=path, headers=headers).status == status


def test_two_spellings_of_a_path_are_one(port: int, model: ModelServer) -> None:
    assert ask(port, KEYS["free"], path="/v1//chat/./completions").status == 200
    assert model.requests[-1][0] == "/v1/chat/completions"


def test_a_body_too_large_to_be_decided_about_is_refused(port: int) -> None:
    assert ask(port, KEYS["free"], b" " * (4 << 20) + b"{}").status == 413


def test_two_keys_are_none(port: int) -> None:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(line):
        line.putrequest("POST", "/v1/chat/completions")
        for account in ("blocked", "free"):
            line.putheader("authorization", f"Bearer {KEYS[account]}")
        line.putheader("content-length", "2")
        line.endheaders(b"{}")
        assert line.getresponse().status == 400
    assert ask(port, KEYS["free"], headers={"x-api-key": KEYS["blocked"]}).status == 400
