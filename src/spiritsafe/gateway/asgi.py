"""The little of HTTP that every route needs: a body within bounds, an answer, a problem.

Raw ASGI and no framework: a decision takes a few microseconds, and a framework's routing, request and
response objects take more than that. Sources: ASGI 3.0; RFC 9110; RFC 9457 (problem details).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

import msgspec

__all__ = ["App", "Headers", "Problem", "Receive", "Scope", "Send", "body_of", "disconnected", "reply", "reply_problem"]

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]

_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")


class Problem(Exception):  # noqa: N818 - what the RFC calls it
    """A request that is answered with a problem instead of what it asked for.

    Args:
        status: of the answer.
        title: a sentence without anything of the request in it.
        headers: further ones.
        more: further members of the problem (RFC 9457, 3.2).
    """

    def __init__(
        self, status: int, title: str, *, headers: Iterable[tuple[bytes, bytes]] = (), **more: str | int | None
    ) -> None:
        super().__init__(title)
        self.status, self.title, self.headers = status, title, list(headers)
        self.more = {name: value for name, value in more.items() if value is not None}

    def body(self) -> bytes:
        """Return the problem as JSON."""
        return msgspec.json.encode({"title": self.title, "status": self.status, **self.more})


async def body_of(scope: Scope, receive: Receive, *, most: int, seconds: float) -> bytes:
    """Return the body of a request.

    Args:
        scope: of the request.
        receive: the request's.
        most: bytes beyond which it is refused.
        seconds: after which a sender who is still not done is refused.

    Raises:
        Problem: 413, 408, 415 (a body that would have to be decompressed), or 499 for a client that went away.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > most:  # the parser lets digits through only
            raise Problem(
                413, f"The request's body is larger than {most:,} bytes.", headers=[(b"connection", b"close")]
            )
        if name == b"content-encoding" and value.strip().lower() not in {b"", b"identity"}:
            raise Problem(415, "Compressed request bodies are not taken; send it as it is.")
    message = await receive()
    if not message.get("more_body"):
        return _checked(message, most)
    try:
        async with asyncio.timeout(seconds):
            return await _collected(message, receive, most)
    except TimeoutError:
        raise Problem(408, "The request's body did not arrive in time.", headers=[(b"connection", b"close")]) from None


async def _collected(message: MutableMapping[str, Any], receive: Receive, most: int) -> bytes:
    parts, size = [_checked(message, most)], len(message.get("body", b""))
    while message.get("more_body"):
        message = await receive()
        parts.append(_checked(message, most))
        size += len(parts[-1])
        if size > most:
            raise Problem(
                413, f"The request's body is larger than {most:,} bytes.", headers=[(b"connection", b"close")]
            )
    return b"".join(parts)


def _checked(message: MutableMapping[str, Any], most: int) -> bytes:
    if message["type"] == "http.disconnect":
        raise Problem(499, "The client went away.")
    body: bytes = message.get("body", b"")
    if len(body) > most:
        raise Problem(413, f"The request's body is larger than {most:,} bytes.", headers=[(b"connection", b"close")])
    return body


async def disconnected(receive: Receive) -> None:
    """Return once the client is gone; only after the whole body was read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def reply(
    send: Send, body: bytes, *, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = (_JSON,)
) -> None:
    """Send a whole answer."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def reply_problem(send: Send, problem: Problem) -> None:
    """Send a problem as an answer."""
    await reply(send, problem.body(), status=problem.status, headers=[_PROBLEM, *problem.headers])
