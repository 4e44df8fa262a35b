"""How many messages a request of OTLP protobuf holds, counted on the wire before any of them is made.

A message of two bytes becomes an object of nearly two hundred, so a request's length says nothing of the memory that
it takes. Only the messages of a trace are followed, by the numbers of their fields; everything else is stepped over.
Sources: https://protobuf.dev/programming-guides/encoding/, opentelemetry/proto/trace/v1/trace.proto.
"""

import numpy as np

from spiritsafe.model.kernel import Array, kernel

__all__ = ["MOST_MESSAGES", "messages"]

MOST_MESSAGES = 1_000_000
"""Messages that a request may hold; a hundred thousand spans of ten attributes have two million and come in parts."""
(
    _REQUEST,
    _RESOURCE_SPANS,
    _RESOURCE,
    _SCOPE_SPANS,
    _SCOPE,
    _SPAN,
    _EVENT,
    _LINK,
    _PAIR,
    _VALUE,
    _ARRAY,
    _LIST,
    _OTHER,
) = range(13)
_INSIDE = {
    _REQUEST: {1: _RESOURCE_SPANS},
    _RESOURCE_SPANS: {1: _RESOURCE, 2: _SCOPE_SPANS},
    _RESOURCE: {1: _PAIR, 3: _OTHER},
    _SCOPE_SPANS: {1: _SCOPE, 2: _SPAN},
    _SCOPE: {3: _PAIR},
    _SPAN: {9: _PAIR, 11: _EVENT, 13: _LINK, 15: _OTHER},
    _EVENT: {3: _PAIR},
    _LINK: {4: _PAIR},
    _PAIR: {2: _VALUE},
    _VALUE: {5: _ARRAY, 6: _LIST},
    _ARRAY: {1: _VALUE},
    _LIST: {1: _PAIR},
    _OTHER: {1: _OTHER, 2: _OTHER, 3: _OTHER, 4: _OTHER},
}
"""Message -> number of a field -> the message that it holds; what repeats in others counts as if it were one."""
_FIELDS = 16
_TABLE = np.full((len(_INSIDE), _FIELDS), -1)
for _outer, _held in _INSIDE.items():
    for _number, _inner in _held.items():
        _TABLE[_outer, _number] = _inner
_DEEPEST = 128
"""Beyond protobuf's own bound of a hundred."""
_STRANGE = -1


@kernel
def _varint(data: Array, at: int, end: int) -> tuple[int, int]:
    """Return a varint and the place behind it, which is 0 where there is none."""
    value, shift = np.uint64(0), np.uint64(0)
    while at < end and shift < 64:
        byte = data[at]
        at += 1
        value |= np.uint64(byte & 127) << shift
        shift += np.uint64(7)
        if byte < 128:
            return np.int64(value), at  # type: ignore[return-value]  # numba returns an int
    return 0, 0


@kernel
def _field(data: Array, at: int, end: int, wire: int) -> tuple[int, int]:
    """Step over a number, giving -1 for its size, or up to what has a length; the place is 0 where nothing can be."""
    if at == 0 or wire in (3, 4, 6, 7):
        return 0, -1
    if wire in (1, 5):
        return at + (8 if wire == 1 else 4), -1
    value, at = _varint(data, at, end)
    if wire == 0 or at == 0:
        return at, -1
    return (at, value) if 0 <= value <= end - at else (0, -1)


@kernel
def _messages(data: Array, table: Array, most: int) -> int:
    ends, kinds = np.zeros(_DEEPEST, np.int64), np.zeros(_DEEPEST, np.int64)
    ends[0] = len(data)
    depth, at, count = 0, 0, 0
    while count <= most:
        while at >= ends[depth]:
            if depth == 0:
                return count
            depth -= 1
        tag, at = _varint(data, at, ends[depth])
        at, size = _field(data, at, ends[depth], tag & 7)
        if at == 0 or depth + 1 == _DEEPEST:
            return _STRANGE
        held = table[kinds[depth], tag >> 3] if size >= 0 and 0 < tag >> 3 < _FIELDS else -1
        if held < 0:
            at += max(size, 0)
            continue
        count += 1
        depth += 1
        ends[depth], kinds[depth] = at + size, held
    return count


def messages(request: bytes) -> int | None:
    r"""Return how many messages a request holds, or one more than may be; None for what no exporter writes.

    >>> messages(b"\x0a\x04\x12\x02\x12\x00"), messages(b"\x0a\x05\x12\x00"), messages(b"\x0b\x0c")
    (3, None, None)
    """
    count = int(_messages(np.frombuffer(request, np.uint8), _TABLE, MOST_MESSAGES))
    return None if count == _STRANGE else count
