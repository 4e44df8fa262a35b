"""Words that this scan has met before: a line of a cache each, with everything that is known of the word.

Language repeats itself - a few thousand words make nine tenths of any text - while three keyed hashes and two
look-ups a word are most of what reading costs. A line holds the word's bytes themselves, so a word that is
found is the word: the answer never depends on what was there before. Words share a line by chance only; whoever
aims words at one line makes himself slow to the pace of a scan without a memory, and nobody else.
"""

import numpy as np

from spiritsafe.model.kernel import Array, Word, inlined
from spiritsafe.sketch.characters import ASCII_ROLES, DIGIT, LETTER

__all__ = ["LONGEST", "fresh_memory", "line_of", "plain_word"]

LONGEST = 16
"""Bytes of the longest word that is remembered: two machine words."""

_LINES = 1 << 14
_SHIFT = np.uint64(50)
_EIGHT = np.uint64(8)
_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


def fresh_memory() -> Array:
    """Return uint64[lines, 8], nothing remembered.

    A line is 64 bytes, as a line of the processor's cache is: the word (two), its keyed hash, its public hash,
    its stem, its term, and weight, languages and concept in one.
    """
    return np.zeros((_LINES, 8), np.uint64)


@inlined
def plain_word(text: Array, at: int, end: int) -> tuple[int, Word, Word]:
    """Return the end of a word of ASCII letters alone at ``at``, and its bytes as two uint64.

    The end is 0 where the word is longer than `LONGEST`, goes on with a digit or beyond ASCII, or may be the
    beginning of an address or an identifier.
    """
    low, high = np.uint64(0), np.uint64(0)
    begin, stop, shift = at, min(end, at + 8), np.uint64(0)
    while at < stop and text[at] < 0x80 and ASCII_ROLES[text[at]] == LETTER:
        low |= np.uint64(text[at]) << shift
        shift += _EIGHT
        at += 1
    if at == begin + 8:
        stop, shift = min(end, at + 8), np.uint64(0)
        while at < stop and text[at] < 0x80 and ASCII_ROLES[text[at]] == LETTER:
            high |= np.uint64(text[at]) << shift
            shift += _EIGHT
            at += 1
    if at < end:
        after = text[at]
        if after >= 0x80 or ASCII_ROLES[after] == LETTER or ASCII_ROLES[after] == DIGIT:
            return 0, low, high
        if (after == 46 and at == begin + 3) or (after == 58 and at <= begin + 5) or (after == 45 and at == begin + 8):
            return 0, low, high  # www. http: https: and the first part of a UUID
    return at, low, high


@inlined
def line_of(low: Word, high: Word) -> Word:
    """Return the line on which a word lies, if it is remembered."""
    return np.int64((low * _FIRST ^ (high + low) * _SECOND) >> _SHIFT)
