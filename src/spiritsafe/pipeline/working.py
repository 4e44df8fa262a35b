"""A gateway in several processes: what each worker puts together, and what all need before there may be several."""

import socket
from collections.abc import Callable
from pathlib import Path

from spiritsafe.gateway.limiting import check_workers
from spiritsafe.gateway.server import Listening, run
from spiritsafe.gateway.workers import Workers, with_parent
from spiritsafe.ingest.entities import EntityFile
from spiritsafe.model.errors import ConfigError
from spiritsafe.model.settings import Settings
from spiritsafe.pipeline.serving import gateway_of, store_url

__all__ = ["many"]

_MOST = 1_024
_SPARE_S = 15.0
"""Seconds beyond those of draining in which a worker writes what waits."""


def many(
    workers: int, store: Path, settings: Settings, listening: Listening
) -> Callable[[socket.socket, str | None, tuple[str, ...]], None]:
    """Return what runs workers until they are told to stop.

    Args:
        workers: how many.
        store: the gateway's.
        settings: all of them.
        listening: where and how.

    Raises:
        ConfigError: there are none or too many, or they share no store of limits.
    """
    if not 1 <= workers <= _MOST:
        raise ConfigError(f"--workers {workers}: not a number of processes", hint=f"Choose one from 1 to {_MOST:,}.")
    check_workers(workers, store_url(settings.limits))
    # without the store each worker grants by itself: their shares together are this node's
    share = settings.limits.local_share / workers
    limits = settings.limits.model_copy(update={"local_share": share})
    shared = settings.model_copy(update={"limits": limits})

    def serve(sock: socket.socket, upstream: str | None, entities: tuple[str, ...]) -> None:
        args = (sock, store, shared, upstream, entities, listening)
        Workers(workers, _work, args, listening.drain_s + _SPARE_S).run()

    return serve


def _work(  # noqa: PLR0917 - what a fresh interpreter is started with
    sock: socket.socket,
    store: Path,
    settings: Settings,
    upstream: str | None,
    entities: tuple[str, ...],
    listening: Listening,
) -> None:
    """Be one worker."""
    with_parent()
    sock.setblocking(False)  # which a pickled socket has forgotten
    run(gateway_of(store, settings, upstream, tuple(map(EntityFile.parse, entities))), sock, listening)
