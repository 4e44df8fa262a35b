"""The gateway as one ASGI application: which route a request takes, and what becomes of what goes wrong in it."""

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol

from spiritsafe.gateway.access import Access
from spiritsafe.gateway.asgi import Problem, Receive, Scope, Send, reply, reply_problem
from spiritsafe.gateway.counts import CONTENT_TYPE, Counts

__all__ = ["App", "Handler", "Part"]

_log = logging.getLogger(__name__)

Handler = Callable[[Scope, Receive, Send], Awaitable[None]]


class Part(Protocol):
    """What is opened before the first request and closed behind the last one."""

    async def open(self) -> None:
        """Begin."""
        ...

    async def close(self) -> None:
        """End; what is under way has ended before."""
        ...


class App:
    """Routes requests.

    Args:
        guarded: (method, path) -> handler, for the operator alone.
        open_to_all: handler of everything else, which knows its callers itself; raises 404 where there is none.
        access: who may use the guarded routes.
        counts: shown at ``/metrics``.
        parts: in the order in which they are opened.
    """

    def __init__(
        self,
        guarded: Mapping[tuple[str, str], Handler],
        open_to_all: Handler,
        access: Access,
        counts: Counts,
        parts: tuple[Part, ...] = (),
    ) -> None:
        self._guarded = {**guarded, ("GET", "/metrics"): self._metrics}
        self._open, self._access, self._counts, self._parts = open_to_all, access, counts, parts
        self.ready = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the application's life (ASGI 3.0, lifespan 2.0)."""
        if scope["type"] != "http":
            await self._live(receive, send)
            return
        handler = self._guarded.get((scope["method"], scope["path"]))
        if handler is not None:
            try:
                self._access.check(scope)
                await handler(scope, receive, send)
            except Problem as problem:  # before the answer has begun: these answer in one piece, at their end
                await reply_problem(send, problem)
            except Exception as error:  # noqa: BLE001 - see _bug
                await reply_problem(send, _bug(error, scope))
            return
        sent = _Noting(send)
        try:
            await self._handle(scope, receive, sent)
        except Problem as problem:
            if not sent.started:
                await reply_problem(send, problem)
        except Exception as error:  # noqa: BLE001 - see _bug
            told = _bug(error, scope)
            if not sent.started:
                await reply_problem(send, told)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = scope["method"], scope["path"]
        if place == ("GET", "/healthz"):
            await reply(send, b'{"status":"ok"}')
        elif place == ("GET", "/readyz"):
            await reply(send, b'{"ready":%s}' % str(self.ready).lower().encode(), status=200 if self.ready else 503)
        else:
            await self._open(scope, receive, send)

    async def _metrics(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - a handler's shape
        await reply(send, self._counts.page(), headers=[(b"content-type", CONTENT_TYPE)])

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    for part in self._parts:
                        await part.open()
                except Exception as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    raise
                self.ready = True
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.ready = False
                for part in reversed(self._parts):
                    await part.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _bug(error: Exception, scope: Scope) -> Problem:
    """Tell of a bug by its type alone, since its message may hold a request, and return what the client is told."""
    _log.error("a request has met a bug", extra={"kind": type(error).__name__, "path": scope["path"]})
    return Problem(500, "The gateway has met a bug; the request was not answered.")


class _Noting:
    """Sends on, and remembers whether an answer has begun."""

    __slots__ = ("_send", "started")

    def __init__(self, send: Send) -> None:
        self._send, self.started = send, False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        self.started = True
        await self._send(message)
