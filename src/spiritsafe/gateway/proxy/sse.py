"""Server-sent events, cut out of a stream as it arrives and put together again byte for byte.

Source: the WHATWG HTML standard, 9.2 (event streams). An event ends at an empty line, whichever of the three line
ends it uses; what is passed on unchanged is passed on as it came.
"""

import re

from spiritsafe.gateway.asgi import Problem

__all__ = ["Events", "data_of", "with_data"]

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r|\n\r\n|\r\n\n")
_LINE = re.compile(rb"\r\n|\n|\r")
_LONGEST = 16 << 20


class Events:
    """Cuts a stream into events.

    Args:
        longest: bytes that one event may have.
    """

    def __init__(self, longest: int = _LONGEST) -> None:
        self._rest = b""
        self._longest = longest

    def feed(self, chunk: bytes) -> list[bytes]:
        r"""Return the events that are complete now, each with the empty line that ends it.

        >>> events = Events()
        >>> events.feed(b"data: 1\n\ndata:"), events.feed(b" 2\n\n")
        ([b'data: 1\n\n'], [b'data: 2\n\n'])

        Raises:
            Problem: 502 for an event that does not end.
        """
        data = self._rest + chunk if self._rest else chunk
        begin, events = 0, []
        for end in _END.finditer(data, max(len(self._rest) - 3, 0)):
            if end.start() < begin:
                continue
            # a line end that is cut in two: the other half may still come
            if end.end() == len(data) and data.endswith(b"\r"):
                break
            events.append(data[begin : end.end()])
            begin = end.end()
        self._rest = data[begin:]
        if len(self._rest) > self._longest:
            raise Problem(502, "The model's answer holds an event without an end.")
        return events

    def rest(self) -> bytes:
        """Return what is left of a stream that ended without an empty line."""
        rest, self._rest = self._rest, b""
        return rest


def data_of(event: bytes) -> bytes:
    r"""Return an event's data.

    >>> data_of(b'event: ping\ndata: {"a":\ndata: 1}\n\n')
    b'{"a":\n1}'
    """
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2:  # as OpenAI's always are
        return event[6:-2]
    lines = [line[5:] for line in _LINE.split(event) if line.startswith(b"data:")]
    return b"\n".join(line.removeprefix(b" ") for line in lines)


def with_data(event: bytes, data: bytes) -> bytes:
    r"""Return the event with other data, its name and id kept.

    >>> with_data(b"event: ping\ndata: 1\n\n", b"2")
    b'event: ping\ndata: 2\n\n'
    """
    kept = [line for line in _LINE.split(event) if line and not line.startswith(b"data:")]
    return b"\n".join([*kept, *(b"data: " + line for line in data.split(b"\n")), b"", b""])
