"""What the gateway costs: a decision, its endpoint beside a server that says ok, a call beside a bare pass-through.

    python bench/gateway.py [--requests N] [--streams N] [--seconds S]

Server CPU is read from the kernel's accounts of the server's process, so that what the load costs does not count.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from measure.machine import circumstances
from spiritsafe.policy.decide import Decider, Plan, Question
from spiritsafe.policy.load import no_policy
from spiritsafe.policy.meters import Meters
from spiritsafe.policy.rates import Bounds, Rate

BENCH = Path(__file__).parent
TICK = os.sysconf("SC_CLK_TCK")
BOUNDS = Bounds(Rate.parse("600k/m"), Rate.parse("1000M/m"))
ACCOUNTS = 100_000
CHAT = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-api-key: sk-0123456789abcdef\r\ncontent-length: %d\r\n\r\n%b"
)


def main() -> int:
    asked = _arguments()
    print(f"{circumstances('bench/gateway.py').sentence()}\n")
    decisions(200_000)
    endpoint(asked.requests)
    calls(asked.requests // 10)
    streams(asked.streams, asked.seconds)
    return 0


def decisions(count: int) -> None:
    """Decide in this process, over accounts in no order."""
    draw = random.Random(1)
    names = [draw.randrange(ACCOUNTS) for _ in range(count)]
    questions = [Question(f"a{n}", f"k{n}", f"o{n % 5_000}", "m", "192.0.2.1", 100, 200) for n in names]
    table, now = no_policy(), time.time_ns() // 1_000
    print("decide(), us CPU:")
    for name, plan in {
        "no limits": Plan(),
        "an account's limits": Plan(account=BOUNDS),
        "organisation and account": Plan(organisation=BOUNDS, account=BOUNDS),
        "organisation, account, key, model": Plan(organisation=BOUNDS, account=BOUNDS, key=BOUNDS, model=BOUNDS),
    }.items():
        best = 1e9
        for _ in range(3):
            decider, begun = Decider(plan, Meters(), os.urandom), time.process_time()
            for at, question in enumerate(questions):
                decider.decide(question, table, now + 10 * at)
            best = min(best, (time.process_time() - begun) / count * 1e6)
        print(f"  {name:40}{best:8.2f}")


def endpoint(count: int) -> None:
    """Ask over HTTP, beside a server that only says ok."""
    body = json.dumps(
        {"account_id": "a1", "organization_id": "o1", "model": "m", "input_tokens": 9, "max_tokens": 9}
    ).encode()
    post = b"POST /v1/decide HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )
    told: dict[str, list[float]] = {"ok": [], "decide": []}
    with _floor("ok") as ok, _gateway() as gateway:
        for _ in range(3):
            for name, (pid, port) in (("ok", ok), ("decide", gateway)):
                told[name].append(_loaded(pid, port, post, count)[0])
    floor, ours = min(told["ok"]), min(told["decide"])
    print(f"\nendpoint, us server CPU a request: ok {floor:.1f}, /v1/decide {ours:.1f}, ratio {ours / floor:.2f}")


def calls(count: int) -> None:
    """Call a model through the gateway, through a pass-through that does nothing else, and directly."""
    chat = json.dumps({"model": "m", "messages": [{"role": "user", "content": "word " * 60}]}).encode()
    post = CHAT % (len(chat), chat)
    with _floor("model") as model, _floor("pass", model[1]) as bare, _gateway(model[1]) as gateway:
        print("\na call that is not streamed: us server CPU, p50 and p99 ms")
        for name, (pid, port) in {
            "model alone": model,
            "bare pass-through": bare,
            "gateway, capturing": gateway,
        }.items():
            _loaded(pid, port, post, count // 4)
            cpu, times = _loaded(pid, port, post, count)
            print(f"  {name:20}{cpu:9.0f}{_quantile(times, 50):9.2f}{_quantile(times, 99):9.2f}")


def streams(count: int, seconds: float) -> None:
    """Let many streams run at five events a second each; the time to the first byte, and CPU an event."""
    with _floor("model") as model, _floor("pass", model[1]) as bare, _gateway(model[1]) as gateway:
        print(f"\n{count} streams of 5 events a second: first byte p50 and p99 ms, us server CPU an event")
        for name, (pid, port) in {
            "model alone": model,
            "bare pass-through": bare,
            "gateway, capturing": gateway,
        }.items():
            asyncio.run(_streamed(port, 8, 1.0))
            begun = _cpu(pid)
            firsts, events = asyncio.run(_streamed(port, count, seconds))
            cpu = (_cpu(pid) - begun) / max(events, 1) * 1e6
            print(f"  {name:20}{_quantile(firsts, 50):9.2f}{_quantile(firsts, 99):9.2f}{cpu:9.0f}")


def _quantile(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100)[percent - 1] * 1e3


def _loaded(pid: int, port: int, request: bytes, count: int) -> tuple[float, list[float]]:
    """Return server CPU a request, us, and the time of each."""
    begun = _cpu(pid)
    times = asyncio.run(_clients(port, request, count))
    return (_cpu(pid) - begun) / count * 1e6, times


async def _clients(port: int, request: bytes, count: int, at_once: int = 4) -> list[float]:
    async def client(share: int) -> list[float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        times = []
        for _ in range(share):
            begun = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            times.append(time.perf_counter() - begun)
        writer.close()
        return times

    return [one for times in await asyncio.gather(*(client(count // at_once) for _ in range(at_once))) for one in times]


async def _streamed(port: int, count: int, seconds: float) -> tuple[list[float], int]:
    body = json.dumps({"model": "m", "messages": [], "stream": True, "n_events": int(seconds * 5)}).encode()
    post = CHAT % (len(body), body)

    async def client(at: int) -> tuple[float, int]:
        await asyncio.sleep(at * 0.2 / count)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        begun = time.perf_counter()
        writer.write(post)
        await reader.readuntil(b"data: ")
        first, content = time.perf_counter() - begun, b""
        while not content.endswith(b"0\r\n\r\n"):
            content += await reader.read(65_536)
        writer.close()
        return first, content.count(b"data: ") + 1

    told = await asyncio.gather(*(client(at) for at in range(count)))
    return [first for first, _ in told], sum(events for _, events in told)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


@contextmanager
def _process(words: list[str], port_of: Callable[[str], int | None]) -> Iterator[tuple[int, int]]:
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            words, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": f"{BENCH}:{BENCH.parent / 'src'}"}
        )
        try:
            port = None
            while port is None:
                time.sleep(0.1)
                log.seek(0)
                said = log.read()
                if process.poll() is not None:
                    raise RuntimeError(said)
                port = port_of(said)
            yield process.pid, port
        finally:
            process.terminate()
            process.wait()


@contextmanager
def _floor(kind: str, upstream: int = 0) -> Iterator[tuple[int, int]]:
    words = [sys.executable, str(BENCH / "gateway_floor.py"), kind, str(upstream)]
    with _process(words, lambda said: int(said.partition("port ")[2].split()[0]) if "port " in said else None) as found:
        yield found


@contextmanager
def _gateway(upstream: int = 0) -> Iterator[tuple[int, int]]:
    with tempfile.TemporaryDirectory() as place:
        Path(place, "s.toml").write_text('[limits]\naccount_requests = "600M/m"\naccount_tokens = "90000M/m"\n')
        words = [
            sys.executable,
            "-m",
            "spiritsafe",
            "gateway",
            "--port",
            "0",
            "--store",
            f"{place}/store",
            "--config",
            f"{place}/s.toml",
        ]
        words += ["--upstream", f"http://127.0.0.1:{upstream}"] if upstream else []
        with _process(words, _listening) as found:
            while True:
                try:
                    if urlopen(f"http://127.0.0.1:{found[1]}/readyz").status == 200:
                        break
                except OSError:
                    time.sleep(0.2)
            yield found


def _listening(said: str) -> int | None:
    return int(said.rpartition("Listening: http://127.0.0.1:")[2].split()[0]) if "Listening: " in said else None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=20_000, help="to the endpoint; a tenth of it to the model")
    parser.add_argument("--streams", type=int, default=100, help="at a time")
    parser.add_argument("--seconds", type=float, default=10, help="that each lasts")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
