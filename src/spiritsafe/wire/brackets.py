"""Where a JSON value ends and how many it holds: brackets counted outside of strings, by a compiled loop.

Apart from the frames that it serves, since whoever writes a log writes its brackets: a step of the interpreter
per bracket would let one megabyte of gzip cost minutes.
"""

from typing import NamedTuple

import numpy as np

from spiritsafe.model.kernel import Array, kernel

__all__ = ["Place", "close", "opening"]

OUTSIDE, STRING, ESCAPE = 0, 1, 2


class Place(NamedTuple):
    """Where the loop stands.

    Attributes:
        at: the next byte to look at.
        depth: brackets that are open.
        inside: whether it is in a string, or behind a backslash in one.
    """

    at: int
    depth: int
    inside: int


@kernel
def _close(data: Array, at: int, depth: int, inside: int) -> tuple[int, int, int]:
    while at < len(data):
        byte = data[at]
        at += 1
        if inside == STRING:
            inside = ESCAPE if byte == 92 else OUTSIDE if byte == 34 else STRING
        elif inside == ESCAPE or byte == 34:
            inside = STRING
        elif byte in (91, 123):
            depth += 1
        elif byte in (93, 125):
            depth -= 1
            if depth <= 0:
                break
    return at, depth, inside


@kernel
def _opening(data: Array) -> int:
    opened, inside = 0, OUTSIDE
    for byte in data:
        if inside == ESCAPE:
            inside = STRING
        elif inside == STRING:
            inside = ESCAPE if byte == 92 else OUTSIDE if byte == 34 else STRING
        elif byte == 34:
            inside = STRING
        elif byte in (91, 123):
            opened += 1
    return opened


def close(buffer: bytearray, place: Place) -> Place:
    """Return the place behind the bracket with which nothing is open any more, or the buffer's end.

    >>> close(bytearray(b'[{"a": "]"}] '), Place(0, 0, 0))
    Place(at=12, depth=0, inside=0)
    """
    at, depth, inside = _close(np.frombuffer(buffer, np.uint8), *place)
    return Place(int(at), int(depth), int(inside))


def opening(text: bytes) -> int:
    r"""Return how many arrays and objects a JSON text, or lines of it, opens.

    >>> opening(b'{"a": [{}, "[[["]}\n{}')
    4
    """
    return int(_opening(np.frombuffer(text, np.uint8)))
