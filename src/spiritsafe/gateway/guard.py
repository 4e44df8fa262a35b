"""A connection that may not be held open by sending or reading slowly.

uvicorn bounds how long an idle connection stays open, and nothing else: whoever sends a header a minute, or never
reads an answer, keeps a connection and what waits behind it. The parser is llhttp without any of its leniencies: it
refuses what proxies and servers are known to read differently (RFC 9112, 6.3: two lengths, a length beside chunks).
"""

import asyncio
from asyncio import TimerHandle, Transport
from dataclasses import dataclass
from typing import Any

from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["Patience", "guarded"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take.

    Attributes:
        head_s: seconds for a request's line and headers.
        stall_s: seconds in which an answer may lie unread before the connection is cut.
        head_bytes: of a request's line and headers together.
        headers: how many.
    """

    head_s: float = 10.0
    stall_s: float = 60.0
    head_bytes: int = 65_536
    headers: int = 100


class _Guarded(HttpToolsProtocol):
    """See the module; ``patience`` is set by :func:`guarded`."""

    patience = Patience()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser = HttpRequestParser(self)  # uvicorn lets bytes follow a request that closes its connection
        self._timer: TimerHandle | None = None
        self._since: float | None = None  # when the head began that is not whole yet
        self._stalled: TimerHandle | None = None
        self._head = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Give the first request its time."""
        super().connection_made(transport)
        self._start()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clocks."""
        for timer in (self._timer, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes before a request's headers are whole."""
        if self._since is not None:
            self._head += len(data)
            if self._head > self.patience.head_bytes and not self._complete(data):
                self._refuse(b"431 Request Header Fields Too Large")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Give a further request its time."""
        super().on_message_begin()
        self._start()

    def on_headers_complete(self) -> None:
        """Stop the clock, and refuse a crowd of headers."""
        self._stop()
        if len(self.headers) > self.patience.headers:
            self._refuse(b"431 Request Header Fields Too Large")
            return
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """Start the clock of an answer that is not read."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.patience.stall_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop it."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _complete(self, data: bytes) -> bool:
        """Return whether the headers end in what just came: the rest of it is a body, which has bounds of its own."""
        end = data.find(b"\r\n\r\n")
        return end >= 0 and self._head - len(data) + end <= self.patience.head_bytes

    def _start(self) -> None:
        """Begin a head's time; a timer that is set already is left to find out what is left of it."""
        if self._since is None:
            self._since = self.loop.time()
            if self._timer is None:
                self._timer = self.loop.call_later(self.patience.head_s, self._look)

    def _stop(self) -> None:
        self._head, self._since = 0, None

    def _look(self) -> None:
        self._timer = None
        if self._since is None:
            return
        left = self._since + self.patience.head_s - self.loop.time()
        if left > 0:
            self._timer = self.loop.call_later(left, self._look)
        else:
            self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        self._stop()
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()


def guarded(patience: Patience) -> type[asyncio.Protocol]:
    """Return the protocol class that a server is to speak."""
    return type("Guarded", (_Guarded,), {"patience": patience})
