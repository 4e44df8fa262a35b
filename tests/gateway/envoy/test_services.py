"""The gRPC services as any client meets them: whom they answer, what they make of odd messages, what a bug tells."""

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.gateway.asgi import Headers, Problem
from spiritsafe.gateway.envoy.check import check
from spiritsafe.gateway.envoy.messages import CheckRequest, CheckResponse, ProcessingRequest, ProcessingResponse
from spiritsafe.gateway.envoy.services import Services
from spiritsafe.gateway.envoy.used import Reading, tokens_of
from tests.gateway.envoy.conftest import GRPC, KEYS
from tests.gateway.envoy.servers import free_port
from tests.gateway.process import Gateway

CHECK = "/envoy.service.auth.v3.Authorization/Check"
PROCESS = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"


def _asked(headers: dict[str, str], source: str = "192.0.2.7", body: bytes = b"") -> Any:
    asked = CheckRequest()
    asked.attributes.source.address.socket_address.address = source
    http = asked.attributes.request.http
    http.raw_body = body
    for key, value in headers.items():
        http.headers.add(key=key, value=value)
    return asked


class _Noting:
    """Stands for what decides, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: tuple[Headers, str | None, bytes] = ([], None, b"")

    async def passed(self, headers: Headers, peer: str | None, body: bytes) -> Headers:
        self.asked = headers, peer, body
        raise Problem(429, "Later.", headers=[(b"retry-after", b"3")])


def test_a_clients_own_word_is_dropped_and_its_connection_comes_last() -> None:
    noting, told = _Noting(), {"x-spiritsafe-account": "free", ":path": "/v1/x", "x-forwarded-for": "10.1.1.1"}
    answer = asyncio.run(check(noting, _asked(told, body=b"{}"), "127.0.0.1"))  # type: ignore[arg-type]
    assert noting.asked == (
        [(b"x-forwarded-for", b"10.1.1.1"), (b"x-forwarded-for", b"192.0.2.7")],
        "127.0.0.1",
        b"{}",
    )
    assert (answer.status.code, answer.denied_response.status.code) == (7, 429)
    told = {one.header.key: one.header.value for one in answer.denied_response.headers}
    assert told == {"content-type": "application/problem+json", "retry-after": "3"}


@pytest.fixture
def channel(decider: Gateway) -> Iterator[Any]:
    with grpc.insecure_channel(f"127.0.0.1:{GRPC}") as channel:
        yield channel


def test_check_answers(channel: Any) -> None:
    call = channel.unary_unary(CHECK, CheckRequest.SerializeToString, CheckResponse.FromString)
    passed = call(_asked({"authorization": f"Bearer {KEYS['asked']}"}))
    assert passed.status.code == 0
    told = {one.header.key: one.header.value for one in passed.ok_response.headers}
    assert (told["x-spiritsafe-home"], told["x-spiritsafe-withhold"]) == ("asked", "0")
    assert call(_asked({"authorization": f"Bearer {KEYS['blocked']}"})).denied_response.status.code == 403
    assert call(_asked({"authorization": "Bearer a,Bearer b"})).denied_response.status.code == 400
    assert call(CheckRequest()).denied_response.status.code == 401


class _Authz:
    """Stands for what decides: serves whom it was told to, and has a bug."""

    def __init__(self, *, serving: bool) -> None:
        self.serving = serving

    def serves(self, peer: str) -> bool:
        return self.serving

    async def passed(self, headers: Headers, peer: str | None, body: bytes) -> Headers:
        raise KeyError("sk-secret")


async def _refused(authz: Any, method: str) -> grpc.aio.AioRpcError:
    port = free_port()
    services = Services(authz, None, host="127.0.0.1", port=port, most=1 << 20, drain_s=0)  # type: ignore[arg-type]
    await services.open()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            if method == CHECK:
                await channel.unary_unary(CHECK, CheckRequest.SerializeToString)(CheckRequest())
            else:
                async for _ in channel.stream_stream(PROCESS, ProcessingRequest.SerializeToString)(iter([])):
                    pass
    except grpc.aio.AioRpcError as error:
        return error
    finally:
        await services.close()
    raise AssertionError("it was answered")


@pytest.mark.parametrize("method", [CHECK, PROCESS])
def test_another_peer_is_refused(method: str) -> None:
    error = asyncio.run(_refused(_Authz(serving=False), method))
    assert error.code() == grpc.StatusCode.PERMISSION_DENIED


def test_a_bug_does_not_tell_what_it_met() -> None:
    error = asyncio.run(_refused(_Authz(serving=True), CHECK))
    assert (error.code(), "sk-secret" in error.details()) == (grpc.StatusCode.INTERNAL, False)


def test_without_observability_every_message_is_answered_unchanged(channel: Any) -> None:
    call = channel.stream_stream(PROCESS, ProcessingRequest.SerializeToString, ProcessingResponse.FromString)
    sent = [ProcessingRequest() for _ in range(5)]
    for one, kind in zip(
        sent, ("request_headers", "response_headers", "response_body", "response_trailers"), strict=False
    ):
        getattr(one, kind).SetInParent()
    sent.append(ProcessingRequest())  # of a kind that is not known
    assert [one.ListFields()[0][0].name for one in call(iter(sent))] == [
        *("request_headers", "response_headers", "response_body", "response_trailers"),
    ]


def _message(kind: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Any:
    message = ProcessingRequest()
    place = getattr(message, kind)
    place.SetInParent()
    for key, value in (headers or {}).items():
        place.headers.headers.add(key=key, raw_value=value.encode())
    if body:
        place.body = body
    return message


def test_an_answer_that_cannot_be_read_is_not_settled() -> None:
    packed, endless = Reading(), Reading()
    packed.take("response_headers", _message("response_headers", {":status": "200", "content-encoding": "br"}))
    assert not packed.readable
    head = {":status": "200", "content-type": "text/event-stream"}
    endless.take("response_headers", _message("response_headers", head))
    for _ in range(17):
        endless.take("response_body", _message("response_body", body=b"x" * (1 << 20)))
    assert not endless.readable
    assert len(endless.content()) < 1 << 20
    assert tokens_of(200, b'{"object":"chat.completion","usage":{"prompt_t', 5) is None


@given(st.integers(0, 999), st.binary() | st.text().map(lambda text: b"data: " + text.encode() + b"\n\n"))
def test_whatever_is_answered_gives_a_count_or_none(status: int, content: bytes) -> None:
    used = tokens_of(status, content, 3)
    assert used is None or used >= 0


@given(st.lists(st.tuples(st.sampled_from(["request_headers", "response_headers", "response_body"]), st.binary())))
def test_whatever_envoy_tells_is_read(told: list[tuple[str, bytes]]) -> None:
    reading = Reading()
    for kind, raw in told:
        message = _message(kind)
        if kind == "response_body":
            message.response_body.body = raw
        else:
            for key in (":status", "content-type", "x-spiritsafe-input", "x-spiritsafe-home"):
                getattr(message, kind).headers.headers.add(key=key, raw_value=raw)
        reading.take(kind, message)
    tokens_of(reading.status, reading.content(), reading.guess)
