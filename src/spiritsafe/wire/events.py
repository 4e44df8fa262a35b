"""A streamed answer as proxies log it, back to its events: server-sent events, or the list of what they held.

The events are all that this file knows; what they add up to is known to the file of each API. An event that is
not JSON refuses the whole stream, unless the text breaks off in it: that is what a client leaves who goes early.
Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, 9.2.6.
"""

import json
import re
from collections.abc import Iterator

import msgspec

from spiritsafe.wire.objects import Record, crowded, inner
from spiritsafe.wire.unfit import Unfit

__all__ = ["events"]

_LINE_END = re.compile(r"\r\n|\r|\n")
_FIELD = re.compile(r"\s*(?:data|event|id|retry)\s*:|\s*:")
_DONE = "[DONE]"
_MOST = 1_000_000
"""Events of one answer; each takes far more room than it has bytes."""


def events(body: object) -> list[Record] | None:
    r"""Return the objects that a stream carried, in order; None if ``body`` is no stream.

    Args:
        body: the text of the stream, the list of its chunks as objects, or the list of its chunks as text.

    Raises:
        Unfit: an event is not JSON.

    >>> events('event: ping\ndata: {"type": "ping"}\n\ndata: [DONE]\n\n')
    [{'type': 'ping'}]
    """
    if isinstance(body, str):
        return list(_objects(body)) if _FIELD.match(body) else None
    if not isinstance(body, list) or not body:
        return None
    if all(isinstance(part, str) for part in body):
        return events("".join(part if part.endswith("\n") else f"{part}\n\n" for part in body))
    return [_held(part) for part in body if isinstance(part, dict)]


def _held(part: Record) -> Record:
    """Return what an event holds that was logged with its name beside it."""
    data = inner(part.get("data")) if "event" in part else None
    return data if isinstance(data, dict) else part


def _objects(text: str) -> Iterator[Record]:
    for number, (data, whole) in enumerate(_data(text), start=1):
        if data.strip() == _DONE:
            continue
        try:
            value = _json(data, number)
        except (ValueError, RecursionError):
            if not whole and number > 1:
                return  # the client had gone, or the log's bound was reached
            what = f"is a stream whose event {number} is not JSON, or too much of it"
            raise Unfit(f"{what}; log streams whole, or not at all") from None
        if isinstance(value, dict):
            yield value


def _json(data: str, number: int) -> object:
    if number > _MOST or crowded(data):
        raise ValueError
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return json.loads(data, strict=False)


def _data(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the data of every event, and whether its end was seen: loggers trim, and streams break off."""
    lines: list[str] = []
    for line in _lines(text):
        name, colon, value = line.partition(":")
        if not line.strip():
            if lines:
                yield "\n".join(lines), True
            lines = []
        elif colon and name.strip() == "data":
            lines.append(value.removeprefix(" "))
    if lines:
        yield "\n".join(lines), False


def _lines(text: str) -> Iterator[str]:
    """Yield the lines one by one: a list of them takes twenty times the room of a text of short ones."""
    at = 0
    for end in _LINE_END.finditer(text):
        yield text[at : end.start()]
        at = end.end()
    yield text[at:]
