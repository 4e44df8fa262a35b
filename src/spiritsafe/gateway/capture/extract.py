"""What a request and its answer say, as an exchange: the same reading that logs of such calls get (``wire``).

Nothing here raises. A client may send anything and an upstream may break off anywhere; what cannot be read is left
out, and tokens that nobody counted are estimated from the bytes that went in and came out, as they are in a log.
Sources: https://platform.openai.com/docs/api-reference (chat, responses, completions, embeddings),
https://docs.anthropic.com/en/api/messages.
"""

from typing import Any

import msgspec

from spiritsafe.gateway.capture.exchange import Captured
from spiritsafe.wire.bodies import Bodies, plain_name, request_of
from spiritsafe.wire.estimate import BYTES_PER_TOKEN, ESTIMATED, asked_tokens
from spiritsafe.wire.objects import Record, array, as_whole, text, textual
from spiritsafe.wire.unfit import Unfit

__all__ = ["Call", "captured"]

_EMBEDDINGS = "embeddings"
_UNKNOWN = "unknown"
Body = bytes | str | Record | None
"""A body as it went over the wire, the text of a stream, or what it was decoded to."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway knows of a call beside its bodies.

    Attributes:
        exchange_id: of the gateway's own; the response's id takes its place where there is one, as in a log.
        started_at: when the request came in, microseconds since the epoch, UTC.
        account_id: whom it is billed to.
        path: of the request, such as ``/v1/chat/completions``.
        status: that the client got.
        model: for a request that names none.
        estimate: whether tokens that nobody counted are estimated; else they are 0.
    """

    exchange_id: str
    started_at: int
    account_id: str
    path: str
    status: int
    organization_id: str | None = None
    key_id: str | None = None
    model: str | None = None
    duration_ms: int | None = None
    channel: str | None = None
    client_ip: str | None = None
    asn: int | None = None
    country: str | None = None
    user_agent: str | None = None
    ja4: str | None = None
    decision_id: str | None = None
    estimate: bool = True


def captured(call: Call, request: Body, response: Body = None) -> Captured:
    r"""Return the exchange that a call was.

    Args:
        call: what the gateway knows of it.
        request: the client's body.
        response: the answer's body, or a stream's text as far as it came; None if there was none.

    >>> call = Call(exchange_id="g-1", started_at=0, account_id="a", path="/v1/messages", status=200)
    >>> said = captured(call, b'{"model": "m", "messages": [{"role": "user", "content": "Hello"}]}',
    ...     'data: {"type": "message_start", "message": {"id": "r-1", "usage": {"input_tokens": 9}}}\n\n')
    >>> said.exchange_id, said.prompt, said.input_tokens, said.stream
    ('r-1', 'Hello', 9, True)
    """
    bodies = _bodies(request, response)
    failed = bodies.failed(call.status)
    row = bodies.row(failed=failed, estimate=call.estimate)
    row.pop(ESTIMATED, None)
    if call.path.partition("?")[0].rstrip("/").endswith(f"/{_EMBEDDINGS}"):
        row |= _embedded(bodies.request)
    elif call.estimate and not failed:
        row |= _counted(row, bodies.request)
    said: dict[str, Any] = {name: value for name, value in row.items() if name in _FIELDS and value is not None}
    said |= {name: as_whole(said.get(name)) for name in _COUNTED}
    said |= {name: said[name] or 0 for name in _COUNTED[:2]}
    said["model"] = said.get("model") or plain_name(call.model) or _UNKNOWN
    known = {name: getattr(call, name) for name in _KNOWN}
    known["exchange_id"] = text(bodies.response, "id") or call.exchange_id
    return Captured(**said, **known)


_FIELDS = frozenset(Captured.__struct_fields__)
_KNOWN = sorted(_FIELDS & set(Call.__struct_fields__) - {"model"})
_COUNTED = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")
"""Counts that the upstream states; the first two are required."""


def _bodies(request: Body, response: Body) -> Bodies:
    """Decode both; an answer that cannot be read is none."""
    asked, answered = _said(request), _said(response)
    try:
        return Bodies.of(asked, answered)
    except Unfit:
        return Bodies(request_of(asked), streamed=isinstance(answered, str) and not answered.lstrip().startswith("{"))


def _said(body: Body) -> object:
    return textual(bytes(body)) if isinstance(body, bytes | bytearray | memoryview) else body


def _embedded(request: Record) -> dict[str, Any]:
    """Return what differs where texts are embedded: none is answered, and each is as good as a message."""
    inputs = [item for item in array(request.get("input")) if isinstance(item, str)]
    return {
        "operation": _EMBEDDINGS,
        "message_count": len(inputs) or 1,
        "prompt": inputs[-1] if inputs else text(request, "input"),
        "response": None,
        "output_tokens": 0,
        "stream": None,
    }


def _counted(row: dict[str, Any], request: Record) -> dict[str, int]:
    """Return estimates of what an answer that was no stream leaves uncounted."""
    spoken = len((row.get("response") or "").encode("utf-8", "surrogatepass"))
    guesses = {"output_tokens": -(-spoken // BYTES_PER_TOKEN)}
    if as_whole(row.get("input_tokens")) is None:
        guesses["input_tokens"] = asked_tokens(request)
    return {name: guess for name, guess in guesses.items() if as_whole(row.get(name)) is None}
