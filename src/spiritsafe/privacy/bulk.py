"""HMAC-SHA256 of a million short messages under one key, in a compiled loop.

The standard library makes one digest a call, which costs three times what the digest does; a log of twenty million
exchanges has millions of addresses. The two blocks that depend on the key alone are hashed once, and several messages
go through SHA-256 side by side, one in each lane of the processor's vectors.
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
_LANES = 8
"""Messages that are hashed side by side: as many 32-bit words as a vector of AVX2 holds."""
_WORD = 8 * _LANES
"""Where the eight next words of the blocks lie, in a memory that begins with eight words of the states."""


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
    return np.asarray(_heads(padded, messages, lengths))


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
_INITIAL = np.array(_roots(0.5)[:8], np.uint32)
_INNER, _OUTER = np.uint32(0x36363636), np.uint32(0x5C5C5C5C)
_ENDED = np.uint32(0x80)


@inlined
def _turn(word: Word, by: int) -> Word:
    return np.uint32((word >> np.uint32(by)) | (word << np.uint32(32 - by)))


@inlined
def _round(  # noqa: PLR0917 - the names of FIPS 180-4
    a: Word, b: Word, c: Word, d: Word, e: Word, f: Word, g: Word, h: Word, word: Word
) -> tuple[Word, Word]:
    """Return the two words of the state that change; the others only change their names."""
    s1 = _turn(e, 6) ^ _turn(e, 11) ^ _turn(e, 25)
    t1 = np.uint32(h + s1 + (g ^ (e & (f ^ g))) + word)
    s0 = _turn(a, 2) ^ _turn(a, 13) ^ _turn(a, 22)
    return np.uint32(t1 + s0 + ((a & b) | (c & (a | b)))), np.uint32(d + t1)


@kernel
def _compress(memory: Array, words: Array) -> None:
    """Mix one block into the state, in every lane.

    Args:
        memory: uint32 [24, _LANES], flat: the states, changed, room for eight words of the blocks, room for the
            states as they were.
        words: uint32 [64, _LANES], flat: sixteen words of the blocks, and room for those made of them.
    """
    for at in range(16 * _LANES, 64 * _LANES):
        early, late = words[at - 15 * _LANES], words[at - 2 * _LANES]
        s0 = _turn(early, 7) ^ _turn(early, 18) ^ (early >> np.uint32(3))
        s1 = _turn(late, 17) ^ _turn(late, 19) ^ (late >> np.uint32(10))
        words[at] = words[at - 16 * _LANES] + s0 + words[at - 7 * _LANES] + s1
    for at in range(_WORD):
        memory[2 * _WORD + at] = memory[at]
    for first in range(0, 64, 8):
        for step in range(8):
            for lane in range(_LANES):
                word = words[(first + step) * _LANES + lane]
                memory[_WORD + step * _LANES + lane] = word + _CONSTANTS[first + step]
        _eight_rounds(memory)
    for at in range(_WORD):
        memory[at] += memory[2 * _WORD + at]


@kernel
def _eight_rounds(memory: Array) -> None:
    """Take the next eight words into the states.

    The compiler makes one vector of all lanes, because states and words are in one array at distances that it knows:
    else it would have to ask at every turn whether they overlap, and does not think that worth it.
    """
    for at in range(_LANES):
        a, b, c, d = memory[at], memory[at + _LANES], memory[at + 2 * _LANES], memory[at + 3 * _LANES]
        e, f, g = memory[at + 4 * _LANES], memory[at + 5 * _LANES], memory[at + 6 * _LANES]
        h = memory[at + 7 * _LANES]
        h, d = _round(a, b, c, d, e, f, g, h, memory[at + 8 * _LANES])
        g, c = _round(h, a, b, c, d, e, f, g, memory[at + 9 * _LANES])
        f, b = _round(g, h, a, b, c, d, e, f, memory[at + 10 * _LANES])
        e, a = _round(f, g, h, a, b, c, d, e, memory[at + 11 * _LANES])
        d, h = _round(e, f, g, h, a, b, c, d, memory[at + 12 * _LANES])
        c, g = _round(d, e, f, g, h, a, b, c, memory[at + 13 * _LANES])
        b, f = _round(c, d, e, f, g, h, a, b, memory[at + 14 * _LANES])
        a, e = _round(b, c, d, e, f, g, h, a, memory[at + 15 * _LANES])
        memory[at], memory[at + _LANES], memory[at + 2 * _LANES], memory[at + 3 * _LANES] = a, b, c, d
        memory[at + 4 * _LANES], memory[at + 5 * _LANES], memory[at + 6 * _LANES] = e, f, g
        memory[at + 7 * _LANES] = h


@kernel
def _heads(key: Array, messages: Array, lengths: Array) -> Array:
    memory, words = np.zeros(24 * _LANES, np.uint32), np.zeros(64 * _LANES, np.uint32)
    inner, outer = _keyed(memory, words, key, _INNER), _keyed(memory, words, key, _OUTER)
    digest = np.zeros(_WORD, np.uint32)  # the end of the second block: what pads a digest
    digest[:_LANES], digest[7 * _LANES :] = _ENDED << np.uint32(24), 8 * (_BLOCK + 32)
    out = np.empty(len(messages), np.uint64)
    for begin in range(0, len(messages), _LANES):
        count = min(_LANES, len(messages) - begin)
        words[: 16 * _LANES] = 0
        for lane in range(count):
            _put(words, lane, messages[begin + lane], lengths[begin + lane])
        for at in range(_WORD):
            memory[at] = inner[at]
        _compress(memory, words)
        for at in range(_WORD):
            words[at], words[_WORD + at], memory[at] = memory[at], digest[at], outer[at]
        _compress(memory, words)
        for lane in range(count):
            out[begin + lane] = (np.uint64(memory[lane]) << np.uint64(32)) | np.uint64(memory[_LANES + lane])
    return out


@kernel
def _keyed(memory: Array, words: Array, key: Array, pad: Word) -> Array:
    """Return the states, alike in every lane, after the block that depends on the key alone."""
    words[: 16 * _LANES] = pad
    for lane in range(_LANES):
        for word in range(8):
            memory[word * _LANES + lane] = _INITIAL[word]
        for at in range(_BLOCK):
            words[at // 4 * _LANES + lane] ^= np.uint32(key[at]) << np.uint32(24 - 8 * (at % 4))
    _compress(memory, words)
    return memory[:_WORD].copy()


@inlined
def _put(words: Array, lane: int, message: Array, length: int) -> None:
    """Write a message and its padding into one lane, which is zero so far."""
    for at in range(length):
        words[at // 4 * _LANES + lane] |= np.uint32(message[at]) << np.uint32(24 - 8 * (at % 4))
    words[length // 4 * _LANES + lane] |= _ENDED << np.uint32(24 - 8 * (length % 4))
    words[15 * _LANES + lane] = 8 * (_BLOCK + length)


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
