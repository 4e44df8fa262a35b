"""Which language a text is in: its script, then its function words.

Function words and script need no model file and cannot be moved by subject matter; short texts that name
neither stay undetermined instead of being guessed.
"""

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, kernel
from spiritsafe.sketch.characters import read_char
from spiritsafe.sketch.tokens import Tokens
from spiritsafe.sketch.vocabulary import LANGUAGE_CODES

__all__ = ["LANGUAGES", "UNDETERMINED", "language_names", "pick_language", "vote"]

UNDETERMINED = "und"
LANGUAGES: tuple[str, ...] = (UNDETERMINED, *LANGUAGE_CODES, "th", "he", "el")
"""Codes that a sketch's ``language`` indexes; append only."""

_INDEX = {code: i for i, code in enumerate(LANGUAGES)}
_EN, _RU, _AR, _HI = (_INDEX[code] for code in ("en", "ru", "ar", "hi"))
_JA, _ZH, _KO, _TH, _HE, _EL = (_INDEX[code] for code in ("ja", "zh", "ko", "th", "he", "el"))
_SAMPLE = 4096
"""Bytes looked at for the script."""


@kernel
def _script(char: int) -> int:
    """Return the language that a script alone suggests, 0 for Latin and everything else."""
    if 0x3040 <= char <= 0x30FF:
        return _JA
    if 0x3400 <= char <= 0x9FFF:
        return _ZH
    if 0xAC00 <= char <= 0xD7A3:
        return _KO
    if char < 0x370 or char >= 0x1000:
        return 0
    return _alphabet(char)


@kernel
def _alphabet(char: int) -> int:
    if char < 0x400:
        return _EL
    if char < 0x530:
        return _RU
    if 0x590 <= char < 0x600:
        return _HE
    if char < 0x780:
        return _AR
    return _HI if 0x900 <= char < 0x980 else _TH if 0xE00 <= char < 0xE80 else 0


@kernel
def vote(tokens: Tokens, n: int, text: Array, length: int, votes: Array) -> None:
    """Count per language, into int32[len(LANGUAGES)]: 4 per function word, 1 per character of its script."""
    votes[:] = 0
    languages = tokens.languages
    for i in range(n):
        mask, language = languages[i], 1
        while mask:
            votes[language] += 4 * (mask & np.uint32(1))
            mask >>= np.uint32(1)
            language += 1
    at = 0
    while at < min(length, _SAMPLE):
        if text[at] < 0xC0:
            at += 1
            continue
        char, size = read_char(text, at, length)
        votes[_script(char)] += 1
        at += size
    if votes[_JA] and votes[_JA] * 8 > votes[_ZH]:
        votes[_JA] += votes[_ZH]


def pick_language(votes: NDArray[np.int32]) -> NDArray[np.int8]:
    """Return the index into ``LANGUAGES`` with most of int32[N, languages] votes; 0 below two function words."""
    counted = votes.copy()
    counted[:, 0] = 5
    return np.asarray(counted.argmax(axis=1), np.int8)


def language_names(codes: NDArray[np.int8]) -> list[str]:
    """Return the ISO 639-1 code of each, ``und`` where undetermined."""
    return [LANGUAGES[code] for code in codes.tolist()]
