"""``/v1/captured``: calls that somebody else has made, told so that they are kept like those that passed through here.

Whoever tells is a part of the provider's own platform, as with ``/v1/decide``; what a client wrote is read by the same
code as on the way through the proxy, and nothing in it can make the reading fail.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec

from spiritsafe.gateway.asgi import Problem, Receive, Scope, Send, body_of, reply
from spiritsafe.gateway.capture.exchange import Captured
from spiritsafe.gateway.capture.extract import Call, captured

__all__ = ["Telling", "Told"]

_SECONDS = 30.0
_INLINE = 1 << 16
"""Bytes that are read in the event loop; more of them in a thread, for a decision beside must not wait."""
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
_LATEST = 253_402_300_799_000_000
"""The last microsecond of the year 9999."""


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call.

    Attributes:
        account_id: whose it was.
        path: where it went, which says how its bodies are put.
        status: that the client got.
        started_at: microseconds since the epoch, UTC.
        request, response: as JSON, or the text of a stream; None where there was none.
        organization_id, key_id, model, client_ip, user_agent, ja4: where known.
        duration_ms: how long it took.
        decision_id: under which it passed.
    """

    account_id: _Id
    path: str
    status: Annotated[int, msgspec.Meta(ge=100, le=599)]
    started_at: Annotated[int, msgspec.Meta(ge=0, le=_LATEST)]
    request: dict[str, Any] | None = None
    response: dict[str, Any] | str | None = None
    organization_id: _Id | None = None
    key_id: _Id | None = None
    model: str | None = None
    client_ip: str | None = None
    user_agent: str | None = None
    ja4: str | None = None
    duration_ms: Annotated[int, msgspec.Meta(ge=0)] | None = None
    decision_id: _Id | None = None

    def exchange(self, name: str) -> Captured:
        """Return the exchange that it was, under a name for the case that its answer has none."""
        known = {field: getattr(self, field) for field in _KNOWN}
        return captured(Call(exchange_id=self.decision_id or name, channel="api", **known), self.request, self.response)


_KNOWN = sorted(set(Told.__struct_fields__) & set(Call.__struct_fields__))


class Telling:
    """The route.

    Args:
        keep: returns whether an exchange is on the disk.
        name: returns a name that no other exchange has.
        most: bytes that both bodies may have together.
    """

    def __init__(self, keep: Callable[[Captured], Awaitable[bool]], name: Callable[[], str], most: int) -> None:
        self._keep, self._name, self._most = keep, name, most
        self._decoder = msgspec.json.Decoder(Told)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = await body_of(scope, receive, most=self._most, seconds=_SECONDS)
        exchange = self._read(body) if len(body) <= _INLINE else await asyncio.to_thread(self._read, body)
        if not await self._keep(exchange):
            raise Problem(503, "There is no room to keep the call.")
        await reply(send, b'{"captured":true}')

    def _read(self, body: bytes) -> Captured:
        try:
            return self._decoder.decode(body).exchange(self._name())
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            reason = str(error) if isinstance(error, msgspec.MsgspecError) else "not JSON in UTF-8"
            raise Problem(422, f"Not a call to capture: {reason}") from None
