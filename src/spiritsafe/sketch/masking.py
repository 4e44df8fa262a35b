"""What is masked in a text: addresses, identifiers and numbers, recognised byte by byte.

Apart from the tokeniser because these are questions about bytes alone; which of them a word is, is decided there.
"""

import numpy as np

from spiritsafe.model.kernel import Array, Word, inlined, kernel

__all__ = [
    "ZERO",
    "all_digits",
    "is_digit",
    "is_identifier",
    "mask_digits",
    "url_ahead",
    "url_end",
    "uuid_ahead",
]

ZERO = np.uint8(ord("0"))
"""What every number becomes."""


@inlined
def _is_hex(byte: int) -> bool:
    return 48 <= byte <= 57 or 97 <= byte <= 102


@inlined
def is_digit(byte: int) -> bool:
    """Return whether a byte is an ASCII digit."""
    return 48 <= byte <= 57


@kernel
def uuid_ahead(text: Array, at: int, end: int) -> Word:
    """Return whether a UUID begins at ``at``."""
    if at + 36 > end or text[at + 8] != 45 or text[at + 13] != 45 or text[at + 18] != 45 or text[at + 23] != 45:
        return False
    for i in range(36):
        if i not in (8, 13, 18, 23) and not _is_hex(text[at + i]):
            return False
    return True


@kernel
def url_ahead(text: Array, at: int, end: int) -> Word:
    """Return whether an address on the web begins at ``at``."""
    if at + 4 <= end and text[at] == 119 and text[at + 1] == 119 and text[at + 2] == 119 and text[at + 3] == 46:
        return True
    if at + 8 > end or text[at] != 104 or text[at + 1] != 116 or text[at + 2] != 116 or text[at + 3] != 112:
        return False
    colon = at + 5 if text[at + 4] == 115 else at + 4
    return text[colon] == 58 and text[colon + 1] == 47 and text[colon + 2] == 47


@kernel
def url_end(text: Array, at: int, end: int) -> int:
    """Return where an address ends; punctuation at its end belongs to the sentence."""
    begin = at
    while at < end and text[at] not in (32, 10, 34, 39, 41, 60, 62, 93, 125):
        at += 1
    while at > begin + 4 and text[at - 1] in (33, 44, 46, 58, 59, 63):
        at -= 1
    return at


@kernel
def is_identifier(text: Array, at: int, stop: int) -> bool:
    """True for a run of 8 or more hexadecimal digits, letters among them."""
    if stop - at < 8:
        return False
    for i in range(at, stop):
        if not _is_hex(text[i]):
            return False
    return True


@kernel
def mask_digits(text: Array, at: int, stop: int, out: Array) -> int:
    """Copy a word with every number, separators included, as one zero; return the length."""
    length, in_number = 0, False
    for i in range(at, stop):
        byte = text[i]
        if is_digit(byte) or (in_number and byte in (44, 46)):
            if not in_number:
                out[length] = ZERO
                length += 1
            in_number = True
        else:
            out[length] = byte
            length += 1
            in_number = False
    return length


@kernel
def all_digits(text: Array, at: int, stop: int) -> bool:
    """Return whether a word holds nothing but digits."""
    for i in range(at, stop):
        if not is_digit(text[i]):
            return False
    return True
