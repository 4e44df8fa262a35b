"""The whole of it: a world replayed through the gateway by real clients, scanned, answered, and the answer undone.

Exchanges happen at the world's times: the gateway runs in this process with a clock that follows them. Once the
policy is made the clock is this machine's, as the rows' expiry is.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import anthropic
import openai
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uvicorn

from spiritsafe.cli.main import main
from spiritsafe.gateway.asgi import Receive, Scope, Send, body_of, reply
from spiritsafe.gateway.server import Listening, bind
from spiritsafe.model.settings import GatewaySettings, load_settings
from spiritsafe.pipeline.serving import gateway_of
from spiritsafe.simulation.worlds import WorldSpec, build, parse_campaign, write

Json = dict[str, Any]


class Served:
    """An ASGI application on a thread of its own."""

    def __init__(self, app: Any, *, lifespan: str = "off") -> None:
        sock = bind(Listening())
        self.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        config = uvicorn.Config(app, ws="none", lifespan=lifespan, log_config=None)  # type: ignore[arg-type]
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self.server.serve(sockets=[sock])))
        self._thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join()


async def model(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the counts that the request's headers ask for, in the dialect of its path."""
    asked = json.loads(await body_of(scope, receive, most=1 << 24, seconds=10))
    told = {name: value.decode() for name, value in scope["headers"]}
    given, made, name = int(told[b"x-input"]), int(told[b"x-output"]), told[b"x-id"]
    if scope["path"] == "/v1/messages":
        answer: Json = {
            "id": name,
            "type": "message",
            "role": "assistant",
            "model": asked["model"],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "content": [{"type": "text", "text": "Well."}],
            "usage": {"input_tokens": given, "output_tokens": made},
        }
    else:
        choice = {"index": 0, "message": {"role": "assistant", "content": "Well."}, "finish_reason": "stop"}
        usage = {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}
        answer = {
            "id": name,
            "object": "chat.completion",
            "created": 1,
            "model": asked["model"],
            "choices": [choice],
            "usage": usage,
        }
    await reply(send, json.dumps(answer).encode())


class Clock:
    """The world's time while it is replayed, then this machine's."""

    def __init__(self) -> None:
        self.at_us: int | None = None

    def __call__(self) -> int:
        return time.time_ns() // 1_000 if self.at_us is None else self.at_us


class Clients:
    """The clients of OpenAI and Anthropic, calling for whichever account."""

    def __init__(self, url: str) -> None:
        self.openai: Any = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
        self.anthropic: Any = anthropic.Anthropic(base_url=url, api_key="none", max_retries=0)

    def call(self, row: Json) -> None:
        """Make the call of one exchange; half of the accounts speak to either API."""
        headers = {
            "authorization": f"Bearer {key_of(row['account_id'])}",
            "x-api-key": key_of(row["account_id"]),
            "x-forwarded-for": row.get("client_ip") or "192.0.2.1",
            "user-agent": row.get("user_agent") or "client",
            **({"x-ja4": row["ja4"]} if row.get("ja4") else {}),
            "x-input": str(row["input_tokens"]),
            "x-output": str(row["output_tokens"]),
            "x-id": row["exchange_id"],
        }
        system, prompt = row.get("system_prompt"), [{"role": "user", "content": row.get("prompt") or "Hello"}]
        most = row.get("max_tokens") or 1_024
        if sum(row["account_id"].encode()) % 2:
            more = {"system": system} if system else {}
            self.anthropic.messages.create(
                model=row["model"], messages=prompt, max_tokens=most, extra_headers=headers, **more
            )
        else:
            first = [{"role": "system", "content": system}] if system else []
            self.openai.chat.completions.create(
                model=row["model"], messages=[*first, *prompt], max_tokens=most, extra_headers=headers
            )

    def close(self) -> None:
        self.openai.close()
        self.anthropic.close()


def key_of(account: str) -> str:
    return f"sk-{sha256(account.encode()).hexdigest()[:32]}"


def exchanges(world: Path) -> list[Json]:
    table = pa.concat_tables([pq.read_table(file) for file in sorted((world / "exchanges").iterdir())])
    us = table.column("started_at").cast(pa.int64())
    at = table.column_names.index("started_at")
    rows: list[Json] = table.set_column(at, "started_at", us).sort_by("started_at").to_pylist()
    return rows


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days with one campaign of two dozen accounts among eighty honest ones: each exchange is a real call."""
    folder = tmp_path_factory.mktemp("world")
    spec = WorldSpec(accounts=80, days=3, campaigns=(parse_campaign("C3:24"),), seed=7, exchanges_target=800)
    write(build(spec), folder)
    return folder


@pytest.fixture(scope="module")
def place(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the operator's map of keys."""
    place = tmp_path_factory.mktemp("gateway")
    accounts = pq.read_table(world / "accounts.parquet", columns=["account_id", "organization_id"]).to_pylist()
    rows = [{"key_sha256": sha256(key_of(row["account_id"]).encode()).hexdigest(), **row} for row in accounts]
    (place / "keys.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return place


@pytest.fixture(scope="module")
def replayed(world: Path, place: Path) -> Iterator[tuple[Clients, Clock, list[Json]]]:
    """A gateway through which the world has gone; it goes on serving."""
    told = GatewaySettings(keys=place / "keys.jsonl", trusted_peers=("127.0.0.1",), appeal="mailto:appeal@example.com")
    settings = load_settings().model_copy(update={"gateway": told})
    settings = settings.model_copy(update={"capture": settings.capture.model_copy(update={"file_seconds": 1})})
    clock, upstream = Clock(), Served(model)
    gateway = Served(gateway_of(place / "store", settings, upstream.url, clock=clock), lifespan="on")
    clients, rows = Clients(gateway.url), exchanges(world)
    try:
        for row in rows:
            clock.at_us = row["started_at"]
            clients.call(row)
        clock.at_us = None
        yield clients, clock, rows
    finally:
        clients.close()
        gateway.stop()
        upstream.stop()


def test_a_campaign_is_found_limited_and_let_go_again(
    world: Path, place: Path, replayed: tuple[Clients, Clock, list[Json]], capsys: pytest.CaptureFixture[str]
) -> None:
    clients, _, rows = replayed
    store, found = place / "store", place / "found"

    def spiritsafe(*words: object, status: int = 0) -> str:
        assert main([*map(str, words)]) == status, capsys.readouterr().err
        return capsys.readouterr().out

    _eventually(lambda: _captured(store) == len(rows))
    spiritsafe(
        "scan", store / "captured", "--accounts", world / "accounts.parquet", "--store", store, "--out", found, status=4
    )
    findings = json.loads((found / "findings.json").read_bytes())
    assert findings["scanned"]["exchanges"] == len(rows)
    labels = {row["account_id"]: row["campaign"] for row in pq.read_table(world / "labels.parquet").to_pylist()}
    named = {item["account_id"] for item in findings["accounts"] if item["tier"] != "linked"}
    assert len(named) >= 20
    assert all(labels[account] for account in named)

    spiritsafe(
        "policy", "from-findings", found / "findings.json", "--store", store, "--requests", "2/d", "--out", place / "p"
    )
    spiritsafe("policy", "apply", place / "p", "--store", store, "--reason", "a campaign")
    member = next(row for row in rows if row["account_id"] in named)
    honest = next(row for row in rows if labels[row["account_id"]] is None)
    _eventually(lambda: _limited(clients, member))
    problem = _problem(clients, member)
    assert (problem["status"], problem["appeal"]) == (429, "mailto:appeal@example.com")
    assert not {"reason", "campaign", "case", "evidence", "row"} & problem.keys()
    for _ in range(5):
        clients.call(honest | {"exchange_id": "later"})

    _eventually(lambda: problem["decision_id"] in spiritsafe("receipts", "--store", store))
    receipt = spiritsafe("receipts", "--store", store, "--decision", problem["decision_id"])
    assert f"account {member['account_id']}  rate_limit  status 429  campaign " in receipt
    assert honest["account_id"] not in spiritsafe("receipts", "--store", store)

    spiritsafe("policy", "undo", "--store", store, "--reason", "an appeal was upheld")
    _eventually(lambda: not _limited(clients, member))


def _captured(store: Path) -> int:
    files = [
        file for file in (store / "captured").iterdir() if file.suffix == ".jsonl" and not file.name.startswith(".")
    ]
    return sum(file.read_bytes().count(b"\n") for file in files)


def _limited(clients: Clients, row: Json) -> bool:
    return bool(_problem(clients, row))


def _problem(clients: Clients, row: Json) -> Json:
    """Return what a client is told if its call is stopped, nothing if it passes."""
    try:
        clients.call(row | {"exchange_id": "later"})
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        told: Json = error.response.json()
        return told
    return {}


def _eventually(check: Any) -> None:
    for _ in range(300):
        if check():
            return
        time.sleep(0.1)
    raise AssertionError("never came")
