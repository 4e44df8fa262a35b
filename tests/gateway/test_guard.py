"""Connections that are held open, and requests that servers read differently, against the real server."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from spiritsafe.gateway.asgi import Receive, Scope, Send, reply
from spiritsafe.gateway.guard import Patience, guarded
from spiritsafe.gateway.server import Listening, bind

PATIENCE = Patience(head_s=0.5, stall_s=0.5, head_bytes=4_096, headers=20)
GET = b"GET / HTTP/1.1\r\nhost: a\r\n"
POST = b"POST / HTTP/1.1\r\nhost: a\r\n"
FLOOD = 8 << 20


class _Served:
    """An application that notes what it was asked, in a server on a thread."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, bytes]] = []
        self.sent = threading.Event()
        sock = bind(Listening())
        self.port = sock.getsockname()[1]
        config = uvicorn.Config(
            self, http=guarded(PATIENCE), ws="none", lifespan="off", log_config=None, timeout_keep_alive=5
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server.serve(sockets=[sock])))
        self.thread.start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.requests.append((scope["path"], body))
        if scope["path"] == "/flood":
            await reply(send, bytes(FLOOD))
            self.sent.set()
        else:
            await reply(send, b"ok")

    def exchange(self, *parts: bytes, wait_s: float = 10.0) -> bytes:
        """Return all that comes back for what is sent until the server closes, or nothing came for a while."""
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            client.settimeout(wait_s)
            for part in parts:
                client.sendall(part)
            answer = b""
            try:
                while piece := client.recv(65_536):
                    answer += piece
            except TimeoutError:
                answer += b"(still open)"
            except ConnectionResetError:
                pass
            return answer


@pytest.fixture(scope="module")
def served() -> Iterator[_Served]:
    served = _Served()
    yield served
    served.server.should_exit = True
    served.thread.join()


def test_a_request_is_answered_and_the_connection_kept(served: _Served) -> None:
    again = served.exchange(GET + b"\r\n", GET + b"connection: close\r\n\r\n")
    assert again.count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize("begun", [b"", b"G", b"GET / HTTP/1.1\r\n", GET, GET + b"\r\n" + GET])
def test_a_head_that_does_not_end_is_not_waited_for(served: _Served, begun: bytes) -> None:
    answer = served.exchange(begun)
    assert answer.endswith(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    assert answer.count(b"200 OK") == begun.count(b"\r\n\r\n")


@pytest.mark.parametrize("head", [b"x: " + b"a" * 5_000, b"\r\n".join(b"x: a" for _ in range(25))])
def test_a_head_that_is_too_large_is_refused(served: _Served, head: bytes) -> None:
    before = len(served.requests)
    assert served.exchange(GET + head + b"\r\n\r\n").startswith(b"HTTP/1.1 431 ")
    assert len(served.requests) == before


def test_a_large_body_behind_a_small_head_is_no_large_head(served: _Served) -> None:
    body = b"b" * 100_000
    request = POST + b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body
    assert served.exchange(request).startswith(b"HTTP/1.1 200 OK")
    assert served.requests[-1] == ("/", body)


def test_an_answer_that_nobody_reads_is_cut(served: _Served) -> None:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    with client:
        client.connect(("127.0.0.1", served.port))
        client.sendall(b"GET /flood HTTP/1.1\r\nhost: a\r\n\r\n")
        assert served.sent.wait(20)  # the application is not held by it
        for _ in range(400):
            if not served.server.server_state.connections:
                break
            time.sleep(0.05)
        client.settimeout(20)
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while piece := client.recv(65_536):
                received += len(piece)
    assert received < FLOOD


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        b"content-length: 5\r\ncontent-length: 6\r\n",
        b"content-length: 5, 5\r\n",
        b"content-length: +5\r\n",
        b"content-length: 0x5\r\n",
        b"content-length: 5 5\r\n",
        b"content-length: -1\r\n",
        b"transfer-encoding: identity, chunked, identity\r\n",
        b"transfer-encoding: xchunked\r\n",
        b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        b"transfer-encoding : chunked\r\n",
        b" transfer-encoding: chunked\r\n",
        b"transfer-encoding:\x0bchunked\r\n",
        b"x: a\rtransfer-encoding: chunked\r\n",
        b"x: a\ntransfer-encoding: chunked\r\n",
        b"x: a\x00b\r\n",
        b"x y: a\r\n",
        b"x: a\r\n folded: b\r\n",
    ],
)
def test_a_length_that_can_be_read_in_two_ways_is_refused(served: _Served, head: bytes) -> None:
    before = len(served.requests)
    answer = served.exchange(POST + head + b"\r\n0\r\n\r\n" + SMUGGLED)
    assert b"200 OK" not in answer
    assert answer.startswith(b"HTTP/1.1 400 ") or answer == b""
    assert ("/smuggled", b"") not in served.requests[before:]


@pytest.mark.parametrize(
    "chunk", [b"5\n12345\r\n0\r\n\r\n", b"0x5\r\n12345\r\n0\r\n\r\n", b"5 \r\n12345\r\n0\r\n\r\n", b"-1\r\n", b"f" * 17]
)
def test_a_chunk_that_can_be_read_in_two_ways_is_refused(served: _Served, chunk: bytes) -> None:
    before = len(served.requests)
    answer = served.exchange(POST + b"transfer-encoding: chunked\r\n\r\n" + chunk + SMUGGLED)
    assert b"200 OK" not in answer
    assert ("/smuggled", b"") not in served.requests[before:]


def test_bytes_behind_a_request_that_closes_are_no_request(served: _Served) -> None:
    before = len(served.requests)
    served.exchange(GET + b"connection: close\r\n\r\n" + SMUGGLED)
    assert ("/smuggled", b"") not in served.requests[before:]
