"""Keyed 64-bit hashes of bytes and of sequences: SipHash-1-3 with a key per purpose.

SipHash (Aumasson & Bernstein, 2012) is a keyed pseudo-random function, so somebody who does not hold
the key cannot aim texts at one bucket, and values of two purposes cannot be compared. The reduced
rounds (1 per word, 3 at the end; the variant of the Rust and CPython tables) are chosen against
flooding, not as a message authentication code. 64 bits: 2**32 distinct texts make one chance collision.
"""

from enum import StrEnum
from hashlib import blake2b
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, Word, inlined, kernel

__all__ = [
    "PUBLIC_KEY",
    "Purpose",
    "State",
    "derive",
    "finish",
    "hash_pairs",
    "mix",
    "mix_all",
    "siphash",
    "start",
    "step",
]

State: TypeAlias = tuple[Word, Word, Word, Word]
"""The four 64-bit words that SipHash carries from input word to input word."""

PUBLIC_KEY = b"spiritsafe public sketch 1"
"""The key of everything that is meant to be compared between providers, or shipped (weights)."""

_U8, _U13, _U16, _U17, _U21, _U32 = (np.uint64(n) for n in (8, 13, 16, 17, 21, 32))
_FF = np.uint64(0xFF)
_INIT = tuple(np.uint64(n) for n in (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573))
_V0, _V1, _V2, _V3 = _INIT
_GOLDEN, _M1, _M2 = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_S27, _S30, _S31 = np.uint64(27), np.uint64(30), np.uint64(31)


class Purpose(StrEnum):
    """What a hash is for; each has its own 128-bit key."""

    WORD = "word"
    SEGMENT = "segment"
    INSTANCE = "instance"
    SHINGLE = "shingle"
    BODY = "body"
    TEMPLATE = "template"
    CLUSTER = "cluster"


def derive(key: bytes, purpose: Purpose) -> NDArray[np.uint64]:
    """Return the uint64[2] SipHash key of one purpose, blake2b(key, person=purpose)."""
    material = key if len(key) <= blake2b.MAX_KEY_SIZE else blake2b(key).digest()
    digest = blake2b(key=material, digest_size=16, person=b"sketch:" + purpose.encode()).digest()
    return np.frombuffer(digest, dtype="<u8").astype(np.uint64)


@inlined
def _round(v0: Word, v1: Word, v2: Word, v3: Word) -> State:
    v0 += v1
    v1 = ((v1 << _U13) | (v1 >> np.uint64(51))) ^ v0
    v0 = (v0 << _U32) | (v0 >> _U32)
    v2 += v3
    v3 = ((v3 << _U16) | (v3 >> np.uint64(48))) ^ v2
    v0 += v3
    v3 = ((v3 << _U21) | (v3 >> np.uint64(43))) ^ v0
    v2 += v1
    v1 = ((v1 << _U17) | (v1 >> np.uint64(47))) ^ v2
    v2 = (v2 << _U32) | (v2 >> _U32)
    return v0, v1, v2, v3


@inlined
def start(key: Array) -> State:
    """Return SipHash's initial state for a uint64[2] key."""
    return key[0] ^ _V0, key[1] ^ _V1, key[0] ^ _V2, key[1] ^ _V3


@inlined
def step(state: State, word: Word) -> State:
    """Return the state after one 64-bit word."""
    v0, v1, v2, v3 = state
    v0, v1, v2, v3 = _round(v0, v1, v2, v3 ^ word)
    return v0 ^ word, v1, v2, v3


@inlined
def finish(state: State, length: int) -> Word:
    """Return the hash of a sequence of ``length`` whole words."""
    v0, v1, v2, v3 = step(state, (np.uint64(length) * _U8 & _FF) << np.uint64(56))
    v2 ^= _FF
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@kernel
def siphash(data: Array, begin: int, end: int, key: Array) -> Word:
    """Return SipHash-1-3 of ``data[begin:end]`` (uint8) under a uint64[2] key."""
    v0, v1, v2, v3 = start(key)
    length = end - begin
    whole = begin + (length >> 3 << 3)
    for at in range(begin, whole, 8):
        word = np.uint64(0)
        for i in range(8):
            word |= np.uint64(data[at + i]) << np.uint64(8 * i)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3 ^ word)
        v0 ^= word
    word = (np.uint64(length) & _FF) << np.uint64(56)
    for i in range(end - whole):
        word |= np.uint64(data[whole + i]) << np.uint64(8 * i)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3 ^ word)
    v0 ^= word
    v2 ^= _FF
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


def mix_all(value: Word) -> Word:
    """Return splitmix64's finaliser of uint64 values: a bijection that spreads already secret bits (Steele 2014)."""
    value = value + _GOLDEN
    value = (value ^ (value >> _S30)) * _M1
    value = (value ^ (value >> _S27)) * _M2
    return value ^ (value >> _S31)


mix = inlined(mix_all)
"""`mix_all` of one value, inside a kernel."""


@kernel
def _hash_pairs(first: Array, second: Array, key: Array) -> Array:
    out = np.empty(len(first), np.int64)
    for i in range(len(first)):
        out[i] = np.int64(finish(step(step(start(key), np.uint64(first[i])), np.uint64(second[i])), 2))
    return out


def hash_pairs(first: NDArray[np.integer], second: NDArray[np.integer], key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return int64[N] hashes of ordered pairs of integers, each taken as 64 bits."""
    return np.asarray(_hash_pairs(first, second, key), np.int64)
