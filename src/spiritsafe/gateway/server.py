"""Runs an ASGI application until it is told to stop, and lets what has begun come to its end.

uvicorn on libuv's loop, without what a gateway must not have: no web sockets, no headers of a proxy believed by the
server itself, no access log with addresses in it.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvicorn
import uvloop

from spiritsafe.gateway.asgi import App
from spiritsafe.gateway.guard import Patience, guarded
from spiritsafe.model.errors import ConfigError

__all__ = ["Listening", "bind", "run"]


@dataclass(frozen=True, slots=True)
class Listening:
    """Where and how a server listens.

    Attributes:
        host: an address; loopback unless told otherwise.
        port: 0 for any that is free.
        patience: with slow clients.
        idle_s: seconds that a connection may lie between two requests.
        drain_s: seconds that requests under way have once it is told to stop.
        connections: at the most; further ones are answered 503.
    """

    host: str = "127.0.0.1"
    port: int = 0
    patience: Patience = field(default_factory=Patience)
    idle_s: int = 30
    drain_s: int = 30
    connections: int = 10_000


def bind(listening: Listening) -> socket.socket:
    """Return a socket that listens.

    Raises:
        ConfigError: it cannot.
    """
    family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # headers and body are two writes, and Nagle's algorithm would hold the second for forty milliseconds
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind((listening.host, listening.port))
        sock.listen(2_048)
    except OSError as error:
        sock.close()
        where = f"{listening.host}, port {listening.port}"
        raise ConfigError(
            f"{where}: cannot listen there: {error.strerror}", hint="Choose another with --port."
        ) from error
    sock.setblocking(False)
    return sock


def run(app: App, sock: socket.socket, listening: Listening) -> None:
    """Serve until SIGTERM or SIGINT; returns once all is finished and closed.

    Args:
        app: with a lifespan.
        sock: from :func:`bind`.
        listening: the same.
    """
    config = uvicorn.Config(
        app,
        http=guarded(listening.patience),
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=listening.idle_s,
        timeout_graceful_shutdown=listening.drain_s,
        limit_concurrency=listening.connections,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_Server(config).serve(sockets=[sock]))


class _Server(uvicorn.Server):
    """uvicorn's, but that it ends without raising the signal again: to be told to stop is no failure."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT; a second SIGINT does not wait for what is under way."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
