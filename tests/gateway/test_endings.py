"""However a call ends, what was reserved for it is settled by what was used, and the exchange is kept.

Each test has an account whose tokens nobody else takes, and reads from the limits' headers what is left of them.
"""

import json
import re
import socket
import time
from http.client import IncompleteRead
from typing import Any

import pytest

from tests.gateway.model_server import ANSWER, INPUT, OUTPUT, ModelServer
from tests.gateway.process import KEYS, Gateway, eventually

TOKENS = 100_000
BIG = 50_000
"""Tokens of output that a request asks for; an eighth of the limit is reserved for it."""


def ask(gateway: Gateway, account: str, model: str, **more: object) -> tuple[int, dict[str, str], bytes]:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": BIG, **more}
    return gateway.fetch("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {KEYS[account]}"})


def left(gateway: Gateway, account: str) -> int:
    """Return how many tokens an account has left, by asking for more than there are."""
    status, headers, _ = gateway.fetch(
        "POST", "/v1/chat/completions", {"model": "m", "pad": "x" * 5 * TOKENS}, {"x-api-key": KEYS[account]}
    )
    assert status == 429
    found = re.fullmatch(r'"tokens";r=(\d+);t=\d+', headers["ratelimit"])
    assert found, headers
    return int(found[1])


def used(gateway: Gateway, account: str, tokens: int, *, about: int = 3) -> bool:
    """Return whether so many tokens are gone; a few drain back while the test runs."""
    return abs(TOKENS - left(gateway, account) - tokens) <= about


def rows(gateway: Gateway, account: str) -> list[dict[str, Any]]:
    """Return what was captured of an account, files still written included."""
    lines = [line for file in (gateway.store / "captured").iterdir() for line in file.read_bytes().splitlines()]
    found = [json.loads(line) for line in lines if line.endswith(b"}")]
    return [row for row in found if row["account_id"] == account]


def slowly(account: str) -> bytes:
    """Return the request for a stream that waits for the test between its events."""
    asked = {"model": "slow", "messages": [], "stream": True, "stream_options": {"include_usage": True}}
    body = json.dumps({**asked, "max_tokens": BIG}).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1",
        "host: a",
        f"x-api-key: {KEYS[account]}",
        f"content-length: {len(body)}",
    )
    return "\r\n".join([*head, "", ""]).encode() + body


def test_an_answer_settles_what_the_model_counted(gateway: Gateway) -> None:
    assert ask(gateway, "patient", "m-1")[0] == 200
    eventually(lambda: used(gateway, "patient", INPUT + OUTPUT))
    eventually(lambda: len(rows(gateway, "patient")) == 1)
    (row,) = rows(gateway, "patient")
    assert (row["input_tokens"], row["output_tokens"], row["reasoning_tokens"], row["status"]) == (21, 34, 13, 200)
    assert row["exchange_id"] == "chatcmpl-9"


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_breaks_off_is_seen_to_and_settled_by_an_estimate(gateway: Gateway, stream: bool) -> None:
    ends = 'spiritsafe_calls_total{end="broken"}'
    before = gateway.metric(ends)
    if stream:
        with pytest.raises(IncompleteRead):
            ask(gateway, "broken", "breaks", stream=True)
    else:
        assert ask(gateway, "broken", "breaks")[0] == 502
    eventually(lambda: gateway.metric(ends) == before + 1)
    assert left(gateway, "broken") > TOKENS - 200


def test_a_model_that_says_nothing_more_is_not_waited_for(gateway: Gateway, model: ModelServer) -> None:
    status, _, body = ask(gateway, "silent", "silent")
    assert (status, json.loads(body)["title"]) == (504, "The model did not answer in time.")
    assert used(gateway, "silent", 0)  # nothing came of it
    gone = model.gone
    with pytest.raises(IncompleteRead):
        ask(gateway, "silent", "silent", stream=True)
    eventually(lambda: model.gone == gone + 1)
    eventually(lambda: left(gateway, "silent") > TOKENS - 200)


def test_a_client_that_leaves_takes_the_model_with_it(gateway: Gateway, model: ModelServer) -> None:
    host, port = gateway.url.removeprefix("http://").split(":")
    gone, ends = model.gone, gateway.metric('spiritsafe_calls_total{end="left"}')
    with socket.create_connection((host, int(port))) as client:
        client.sendall(slowly("left"))
        received = b""
        for _ in range(6):
            model.go_on.release()
        while ANSWER[:2].encode() not in received:
            received += client.recv(65_536)
    model.go_on.release()
    eventually(lambda: gateway.metric('spiritsafe_calls_total{end="left"}') == ends + 1)
    for _ in range(200):
        if model.gone > gone:
            break
        model.go_on.release()
        time.sleep(0.02)
    assert model.gone == gone + 1
    eventually(lambda: left(gateway, "left") > TOKENS - 200)
    eventually(lambda: len(rows(gateway, "left")) == 1)
    (row,) = rows(gateway, "left")
    assert row["status"] == 499
    assert row["output_tokens"] > 0
    while model.go_on.acquire(blocking=False):
        pass


def test_an_answer_that_nobody_counted_is_estimated(gateway: Gateway) -> None:
    assert ask(gateway, "uncounted", "uncounted", stream=True)[0] == 200
    eventually(lambda: len(rows(gateway, "uncounted")) == 1)
    (row,) = rows(gateway, "uncounted")
    assert 0 < row["output_tokens"] < 100
    assert used(gateway, "uncounted", row["input_tokens"] + row["output_tokens"])


def test_events_come_one_by_one(gateway: Gateway, model: ModelServer) -> None:
    """Each is passed on before the model is allowed to say the next."""
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.settimeout(30)
        client.sendall(slowly("unread"))
        received, seen = b"", 0
        while not received.endswith(b"0\r\n\r\n"):
            piece = client.recv(65_536)
            assert piece, received
            received += piece
            if received.count(b"\n\n") > seen:
                seen = received.count(b"\n\n")
                model.go_on.release()
    assert b"[DONE]" in received
    while model.go_on.acquire(blocking=False):
        pass


def test_the_last_call_before_the_end_is_kept(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> None:
    place = tmp_path_factory.mktemp("ending")
    with Gateway(place, model.url) as alone:
        body = {"model": "m-1", "messages": [{"role": "user", "content": "Hello"}]}
        assert alone.fetch("POST", "/v1/chat/completions", body, {"x-api-key": "sk-anybody-0123456789"})[0] == 200
        assert alone.stop() == 0
    (file,) = (alone.store / "captured").iterdir()
    assert file.suffix == ".jsonl"
    assert not file.name.startswith(".")
    assert json.loads(file.read_bytes())["exchange_id"] == "chatcmpl-9"


def test_a_model_that_is_not_there_costs_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        limits = '[limits]\naccount_tokens = "100k/d"\naccount_requests = "3/d"\n'
        with Gateway(tmp_path_factory.mktemp("unreachable"), url, limits) as alone:
            for _ in range(6):
                body = {"model": "m-1", "messages": [], "max_tokens": BIG}
                status, _, content = alone.fetch(
                    "POST", "/v1/chat/completions", body, {"x-api-key": "sk-anybody-0123456789"}
                )
                assert (status, json.loads(content)["title"]) == (502, "The model cannot be reached.")
            assert alone.metric('spiritsafe_calls_total{end="unreachable"}') == 6
