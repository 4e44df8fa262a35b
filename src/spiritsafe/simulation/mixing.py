"""Deterministic mixing: 64-bit hashes of integer arrays, random streams and opaque names.

A hash instead of a draw wherever a value belongs to a thing (this account's second word, that
wording's synonym), so that it stays the same however many other things are made before it.
"""

import zlib

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

__all__ = ["Ints", "hexes", "mix", "rank", "stream", "unit"]

Ints = NDArray[np.int64]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mix(*parts: ArrayLike) -> NDArray[np.uint64]:
    """Return splitmix64 (Steele et al. 2014) over the broadcast parts, taken in order.

    >>> int(mix(1, 2)[()]) == int(mix(1, 2)[()]), int(mix(1, 2)[()]) == int(mix(2, 1)[()])
    (True, False)
    """
    with np.errstate(over="ignore"):
        state = np.zeros((), np.uint64)
        for part in parts:
            z = (state ^ np.asarray(part).astype(np.int64).view(np.uint64)) + _GOLDEN
            z = (z ^ (z >> np.uint64(30))) * _A
            z = (z ^ (z >> np.uint64(27))) * _B
            state = z ^ (z >> np.uint64(31))
    return np.asarray(state)


def unit(*parts: ArrayLike) -> NDArray[np.float64]:
    """Return ``mix(*parts)`` as floats in [0, 1)."""
    return (mix(*parts) >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the random stream of one named part of a world, independent of all other parts."""
    keys = [zlib.crc32(name.encode()) if isinstance(name, str) else name for name in names]
    return np.random.default_rng(np.random.SeedSequence([seed, *keys]))


def hexes(prefix: str, values: ArrayLike) -> pa.Array:
    """Return ``prefix`` plus 16 hexadecimal digits per value, as opaque identifiers look."""
    return pa.array([f"{prefix}{value:016x}" for value in np.asarray(values).astype(np.uint64).tolist()], pa.string())


def rank(values: Ints) -> Ints:
    """Return how many equal values came before each, shape (n,).

    >>> rank(np.array([5, 7, 5, 5])).tolist()
    [0, 0, 1, 2]
    """
    order = np.argsort(values, kind="stable")
    before = np.empty(len(values), np.int64)
    before[order] = np.arange(len(values)) - np.searchsorted(values[order], values[order])
    return before
