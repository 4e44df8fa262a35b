"""An application with the gateway around it, called as a server calls it."""

import asyncio
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from spiritsafe.gateway.asgi import Receive, Scope, Send, reply
from spiritsafe.gateway.middleware import Spiritsafe
from spiritsafe.model.settings import CaptureSettings, GatewaySettings, LimitSettings, Settings
from spiritsafe.model.words import Step, Subject
from spiritsafe.pipeline.policies import policy_folder
from spiritsafe.pipeline.serving import guarded_by
from spiritsafe.policy.file import encode
from spiritsafe.policy.lines import Rows
from spiritsafe.policy.versions import Versions
from tests.gateway.model_server import ANSWER, INPUT, OUTPUT, ModelServer

NAMES = ("free", "withheld", "marked", "blocked", "limited", "failing")


class Serving:
    """Runs the application's life, and calls it."""

    def __init__(self, app: Spiritsafe, runner: asyncio.Runner) -> None:
        self.app, self._runner = app, runner
        self.called: set[str] = set()
        self._heard: asyncio.Queue[Any] = asyncio.Queue()
        self._told: asyncio.Queue[Any] = asyncio.Queue()

    def begin(self) -> None:
        self._runner.run(self._begin())

    async def _begin(self) -> None:
        self._life = asyncio.create_task(self.app({"type": "lifespan"}, self._heard.get, self._told.put))
        await self._heard.put({"type": "lifespan.startup"})
        assert (await self._told.get())["type"] == "lifespan.startup.complete"

    def end(self) -> None:
        self._runner.run(self._end())

    async def _end(self) -> None:
        await self._heard.put({"type": "lifespan.shutdown"})
        assert (await self._told.get())["type"] == "lifespan.shutdown.complete"
        await self._life

    def call(self, name: str, path: str = "/v1/chat/completions", method: str = "POST", **body: Any) -> Any:
        """Return status, headers and content."""
        sent: list[Any] = []
        self.called.add(name)

        async def receive() -> Any:
            return {"type": "http.request", "body": json.dumps(body).encode()}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"authorization", f"Bearer sk-{name}".encode())]
        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
        self._runner.run(self.app(scope | {"headers": headers, "client": ("127.0.0.1", 1)}, receive, send))
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], dict(sent[0]["headers"]), content


class Model:
    """A raw ASGI application that knows no lifespan: the tests' model, and what it was asked."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self.failing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "no lifespan here"
        if scope["path"] == "/elsewhere":
            await reply(send, b'{"reasoning":"whisky"}')
            return
        if self.failing:
            raise ValueError("a bug of the application")
        read = False

        async def once() -> Any:
            nonlocal read
            if read:
                await asyncio.sleep(3_600)
            read = True
            return await receive()

        await self._server(scope, once, send)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("middleware") / "store"


@pytest.fixture(scope="module")
def inner(model: ModelServer) -> Model:
    return Model(model)


@pytest.fixture(scope="module")
def served(store: Path, inner: Model) -> Iterator[Serving]:
    keys = [{"key_sha256": sha256(f"sk-{name}".encode()).hexdigest(), "account_id": name} for name in NAMES]
    (store.parent / "keys.jsonl").write_text("\n".join(map(json.dumps, keys)))
    settings = Settings(
        gateway=GatewaySettings(keys=store.parent / "keys.jsonl", appeal="https://example.com/appeal"),
        limits=LimitSettings(account_tokens="1k/d"),
        capture=CaptureSettings(file_seconds=1),
    )
    steps = {"withheld": Step.WITHHOLD, "marked": Step.WATERMARK, "blocked": Step.STEP_UP, "limited": Step.RATE_LIMIT}
    lines = [
        Rows(
            subject=Subject.ACCOUNT,
            ids=(name,),
            step=step,
            requests="1/d" if step is Step.RATE_LIMIT else None,
            reason="a test",
            version=1,
            expires_at="2036-01-01T00:00:00Z",
        )
        for name, step in steps.items()
    ]
    content = encode(lines, version=1, created_at="2026-01-01T00:00:00Z")
    now_us = 1_796_000_000_000_000
    Versions(policy_folder(store)).apply(content, trusted=(), now_us=now_us, who="a test", why="a test")
    app = guarded_by(inner, store, settings)
    with asyncio.Runner() as runner:
        serving = Serving(app, runner)
        serving.begin()
        yield serving
        assert serving.call("free", model="m-1", messages=HELLO)[0] == 200
        serving.end()
    rows = [
        json.loads(line) for file in (store / "captured").glob("*.jsonl") for line in file.read_bytes().splitlines()
    ]
    answered = {row["account_id"] for row in rows if row["output_tokens"] == OUTPUT}
    assert answered == serving.called - {"blocked"}  # of what this process of the tests has called
    failed = {row["account_id"] for row in rows if row["status"] == 500}
    assert failed == serving.called & {"failing"}


HELLO = [{"role": "user", "content": "Describe a spirit safe."}]


def test_a_call_passes_and_is_settled_by_what_it_used(served: Serving) -> None:
    counts = served.app._gate.counts.tokens
    asked: list[tuple[dict[str, Any], str]] = [({}, ANSWER), ({"stream": True}, "glass ")]
    for more, content in asked:
        used = counts["used"]
        status, headers, told = served.call("free", model="m-1", messages=HELLO, max_tokens=50, **more)
        assert (status, counts["used"] - used) == (200, INPUT + OUTPUT)
        assert content in told.decode()
        assert headers[b"x-model"] == b"yes"
        assert len(headers[b"x-spiritsafe-decision"]) == 24
        assert b'"usage"' in told or more  # the count in a stream was not asked for
    assert b'"usage"' not in told


def test_what_is_withheld_is_gone_and_the_rest_is_whole(served: Serving) -> None:
    status, headers, told = served.call("withheld", model="m-1", messages=HELLO)
    assert (status, int(headers[b"content-length"])) == (200, len(told))
    assert json.loads(told)["choices"][0]["message"]["content"] == ANSWER
    _, _, streamed = served.call("withheld", model="m-1", messages=HELLO, stream=True)
    assert b"[DONE]" in streamed
    assert not [piece for piece in (b"whisky", b"excise", b"-0.31") if piece in told + streamed]


def test_a_refusal_is_a_problem(served: Serving, model: ModelServer) -> None:
    before = len(model.requests)
    status, headers, told = served.call("blocked", model="m-1", messages=HELLO)
    assert (status, headers[b"content-type"]) == (403, b"application/problem+json")
    assert json.loads(told)["appeal"] == "https://example.com/appeal"
    assert len(model.requests) == before
    assert served.call("limited", model="m-1", messages=HELLO)[0] == 200
    status, headers, _ = served.call("limited", model="m-1", messages=HELLO)
    assert (status, int(headers[b"retry-after"]) > 0) == (429, True)


def test_a_marked_account_cannot_steer_its_watermark(served: Serving, model: ModelServer) -> None:
    served.call("marked", model="m-1", messages=HELLO, watermarking=False, vllm_xargs={"spiritsafe_key_id": "x"})
    assert model.requests[-1][2]["vllm_xargs"] == {"spiritsafe_key_id": "marked"}
    assert "watermarking" not in model.requests[-1][2]


def test_other_paths_go_by_untouched(served: Serving) -> None:
    status, headers, told = served.call("free", "/elsewhere", method="GET")
    assert (status, told) == (200, b'{"reasoning":"whisky"}')
    assert b"x-spiritsafe-decision" not in headers


def test_an_application_that_fails_gives_back_what_was_reserved(served: Serving, inner: Model) -> None:
    inner.failing = True
    try:
        for _ in range(5):  # each would reserve a share of the day's thousand tokens
            with pytest.raises(ValueError, match="a bug"):
                served.call("failing", model="m-1", messages=HELLO, max_tokens=900)
    finally:
        inner.failing = False
    assert served.call("failing", model="m-1", messages=HELLO, max_tokens=900)[0] == 200


def test_a_frameworks_application_is_guarded_too(store: Path, served: Serving, model: ModelServer) -> None:
    applications = pytest.importorskip("starlette.applications", reason="Starlette is not installed")
    routing = pytest.importorskip("starlette.routing")
    guarded = Spiritsafe(
        applications.Starlette(routes=[routing.Mount("/", app=Model(model))]), served.app._gate, served.app._identities
    )
    app, served.app = served.app, guarded
    try:
        assert served.call("free", model="m-1", messages=HELLO)[0] == 200
        assert served.call("blocked", model="m-1", messages=HELLO)[0] == 403
    finally:
        served.app = app
