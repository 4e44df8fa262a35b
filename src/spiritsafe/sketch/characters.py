"""What a character does in a text: word, unspaced word, stop, colon, quote, gap or plain separator.

Hand-written ranges instead of ``unicodedata``: the tables of two Python versions differ, and a sketch
made by one process must equal the sketch made by another.
"""

import numpy as np

from spiritsafe.model.kernel import Array, Word, inlined

__all__ = [
    "ASCII_ROLES",
    "COLON",
    "DIGIT",
    "LETTER",
    "NEWLINE",
    "OTHER",
    "QUOTE",
    "SPACE",
    "STOP",
    "UNSPACED",
    "read_char",
    "role",
    "stem_length",
]

OTHER, LETTER, DIGIT, UNSPACED, SPACE, NEWLINE, STOP, COLON, QUOTE = range(9)

ASCII_ROLES = np.full(128, OTHER, np.uint8)
ASCII_ROLES[[ord(c) for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"]] = LETTER
ASCII_ROLES[[ord(c) for c in "0123456789"]] = DIGIT
ASCII_ROLES[ord(" ")] = SPACE
ASCII_ROLES[ord("\n")] = NEWLINE
ASCII_ROLES[[ord(c) for c in ".!?"]] = STOP
ASCII_ROLES[ord(":")] = COLON
ASCII_ROLES[ord('"')] = QUOTE


@inlined
def role(char: int) -> Word:
    """Return the role of a code point of normalised text."""
    if char < 0x80:
        return np.int64(ASCII_ROLES[char])
    if char < 0x2000:
        return _alphabetic(char)
    if 0x3040 <= char <= 0x30FF or 0x3400 <= char <= 0x9FFF or 0x20000 <= char <= 0x3FFFF:
        return UNSPACED
    return _symbolic(char)


@inlined
def _alphabetic(char: int) -> int:
    """Scripts below U+2000; Thai, Lao, Tibetan, Myanmar and Khmer write without spaces."""
    if char in (0xAB, 0xBB):
        return QUOTE
    if char in (0x61F, 0x6D4, 0x964, 0x965):
        return STOP
    if char <= 0xBF or char in (0xD7, 0xF7, 0x60C, 0x61B):
        return OTHER
    if 0xE00 <= char <= 0xEFF or 0xF00 <= char <= 0xFFF or 0x1000 <= char <= 0x109F or 0x1780 <= char <= 0x17FF:
        return UNSPACED
    return LETTER


@inlined
def _symbolic(char: int) -> int:
    """From U+2000 up, ideographs and kana aside: punctuation and pictures, then the rarer alphabets."""
    if char in (0x3002, 0x203C, 0x2047):
        return STOP
    if 0x201C <= char <= 0x201F or 0x300C <= char <= 0x300F or 0x3010 <= char <= 0x3011:
        return QUOTE
    if char <= 0x2BFF or 0x3000 <= char <= 0x303F or 0x1F000 <= char <= 0x1FAFF:
        return OTHER
    if 0xFE10 <= char <= 0xFE6F or 0xE000 <= char <= 0xF8FF or char in (0xFFFC, 0xFFFD):
        return OTHER
    return UNSPACED if 0xF900 <= char <= 0xFAFF else LETTER


@inlined
def read_char(data: Array, at: int, end: int) -> tuple[Word, Word]:
    """Return the code point at ``at`` in valid UTF-8 and its length in bytes."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, 1
    if first < 0xE0 and at + 1 < end:
        return (first & 0x1F) << 6 | np.int64(data[at + 1]) & 0x3F, 2
    if first < 0xF0 and at + 2 < end:
        return (first & 0xF) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6 | np.int64(data[at + 2]) & 0x3F, 3
    if at + 3 < end:
        return (
            (first & 7) << 18
            | (np.int64(data[at + 1]) & 0x3F) << 12
            | (np.int64(data[at + 2]) & 0x3F) << 6
            | np.int64(data[at + 3]) & 0x3F
        ), 4
    return first, 1


@inlined
def stem_length(text: Array, length: int) -> int:
    """Return the bytes of a word's first five characters, or of the first two where a character is a syllable."""
    at, chars = 0, 0
    while at < length and chars < 5:
        char, size = read_char(text, at, length)
        if 0xAC00 <= char <= 0xD7A3 and chars >= 2:
            break
        at += size
        chars += 1
    return at
