"""HMAC-SHA256 of a million short messages under one key, in a compiled loop.

The standard library makes one digest a call, which costs three times what the digest does; a log of twenty million
exchanges has millions of addresses. The two blocks that depend on the key alone are hashed once.
``tests/privacy/test_bulk.py`` holds every digest against ``hmac``. Sources: RFC 2104, FIPS 180-4.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, Word, inlined, kernel

__all__ = ["LONGEST", "heads", "ipv4"]

LONGEST = 55
"""Bytes of the longest message: with its padding it fills one block."""
_BLOCK = 64


def heads(key: bytes, messages: NDArray[np.uint8], lengths: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the first eight bytes of each message's HMAC-SHA256, big-endian, uint64 [n].

    Args:
        key: of any length.
        messages: uint8 [n, width], padded; width is at most ``LONGEST``.
        lengths: bytes of each message, int64 [n].
    """
    if messages.shape[1] > LONGEST:
        raise ValueError(f"a message of {messages.shape[1]} bytes takes more than one block")
    short = hashlib.sha256(key).digest() if len(key) > _BLOCK else key
    padded = np.frombuffer(short.ljust(_BLOCK, b"\0"), np.uint8)
    return np.asarray(_heads(padded, messages, lengths, _CONSTANTS))


def ipv4(data: NDArray[np.uint8], bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return dotted-quad addresses as numbers, int64 [n]; -1 for any text that is not exactly one.

    Args:
        data: the texts, one after the other.
        bounds: where each begins, and the end, int64 [n + 1].
    """
    return np.asarray(_ipv4(data, bounds))


def _roots(power: float) -> list[int]:
    """Fractional bits of roots of the first primes, from which SHA-256 takes its constants."""
    primes = [n for n in range(2, 312) if all(n % p for p in range(2, n))]
    digits = 1 << 32
    exact = {0.5: 2, 1 / 3: 3}[power]
    return [_root(prime * digits**exact, exact) % digits for prime in primes[:64]]


def _root(value: int, degree: int) -> int:
    low, high = 0, 1 << 40
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**degree <= value else (low, middle)
    return low


_CONSTANTS = np.array(_roots(1 / 3), np.uint32)
_INITIAL = tuple(np.uint32(root) for root in _roots(0.5)[:8])
_H0, _H1, _H2, _H3, _H4, _H5, _H6, _H7 = _INITIAL


@inlined
def _turn(word: Word, by: int) -> Word:
    return np.uint32((word >> np.uint32(by)) | (word << np.uint32(32 - by)))


@kernel
def _compress(state: Array, words: Array, constants: Array) -> None:
    """Mix one block, ``words[:16]``, into the state; ``words`` has room for 64."""
    for i in range(16, 64):
        early, late = words[i - 15], words[i - 2]
        s0 = _turn(early, 7) ^ _turn(early, 18) ^ (early >> np.uint32(3))
        s1 = _turn(late, 17) ^ _turn(late, 19) ^ (late >> np.uint32(10))
        words[i] = words[i - 16] + s0 + words[i - 7] + s1
    a, b, c, d, e, f, g, h = state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]
    for i in range(64):
        s1 = _turn(e, 6) ^ _turn(e, 11) ^ _turn(e, 25)
        t1 = np.uint32(h + s1 + ((e & f) ^ (~e & g)) + constants[i] + words[i])
        s0 = _turn(a, 2) ^ _turn(a, 13) ^ _turn(a, 22)
        t2 = np.uint32(s0 + ((a & b) ^ (a & c) ^ (b & c)))
        h, g, f, e, d, c, b, a = g, f, e, np.uint32(d + t1), c, b, a, np.uint32(t1 + t2)
    state[0] += a
    state[1] += b
    state[2] += c
    state[3] += d
    state[4] += e
    state[5] += f
    state[6] += g
    state[7] += h


@inlined
def _begin(state: Array) -> None:
    state[0], state[1], state[2], state[3] = _H0, _H1, _H2, _H3
    state[4], state[5], state[6], state[7] = _H4, _H5, _H6, _H7


@kernel
def _heads(key: Array, messages: Array, lengths: Array, constants: Array) -> Array:
    words, inner, outer, state = (
        np.empty(64, np.uint32),
        np.empty(8, np.uint32),
        np.empty(8, np.uint32),
        np.empty(8, np.uint32),
    )
    for pad, side in ((np.uint32(0x36363636), inner), (np.uint32(0x5C5C5C5C), outer)):
        _begin(side)
        for i in range(16):
            word = np.uint32(0)
            for j in range(4):
                word = (word << np.uint32(8)) | np.uint32(key[4 * i + j])
            words[i] = word ^ pad
        _compress(side, words, constants)
    out = np.empty(len(messages), np.uint64)
    for row in range(len(messages)):
        words[:16] = 0
        for i in range(lengths[row]):
            words[i // 4] |= np.uint32(messages[row, i]) << np.uint32(24 - 8 * (i % 4))
        end = lengths[row]
        words[end // 4] |= np.uint32(0x80) << np.uint32(24 - 8 * (end % 4))
        words[15] = np.uint32(8 * (64 + end))
        state[:] = inner
        _compress(state, words, constants)
        words[:8] = state
        words[8] = np.uint32(0x80000000)
        words[9:15] = 0
        words[15] = np.uint32(8 * (64 + 32))
        state[:] = outer
        _compress(state, words, constants)
        out[row] = (np.uint64(state[0]) << np.uint64(32)) | np.uint64(state[1])
    return out


@kernel
def _ipv4(data: Array, bounds: Array) -> Array:
    out = np.full(len(bounds) - 1, -1, np.int64)
    for row in range(len(out)):
        address, part, digits, parts = 0, 0, 0, 0
        fine = bounds[row + 1] - bounds[row] <= 15
        for at in range(bounds[row], bounds[row + 1]):
            byte = data[at]
            if 48 <= byte <= 57 and not (digits and part == 0):
                part = part * 10 + (byte - 48)
                digits += 1
                fine &= part <= 255
            elif byte == 46 and digits:
                address, part, digits, parts = address * 256 + part, 0, 0, parts + 1
            else:
                fine = False
            if not fine:
                break
        if fine and digits and parts == 3:
            out[row] = address * 256 + part
    return out
