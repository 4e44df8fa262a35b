"""Texts that are meant to be slow to read: each aims at one loop of sketching, of exemplars or of templates.

All of one size, so that the bench compares seconds for each byte with an ordinary text's.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

__all__ = ["FLOODS"]

_SIZE = 1_000
"""Characters of each text."""


def _filled(unit: str) -> str:
    return (unit * (_SIZE // len(unit) + 1))[:_SIZE]


def _words(rng: np.random.Generator, known: int) -> str:
    return " ".join(f"w{n:x}." if n % 12 == 0 else f"w{n:x}" for n in rng.integers(0, known, _SIZE // 6).tolist())[
        :_SIZE
    ]


def _ordinary(number: int) -> str:
    return _words(np.random.default_rng(number), 5_000)


def _repeated(unit: str, number: int) -> str:
    """One unit over and over, with a number that makes each text another."""
    return f"{number} {_filled(unit)}"


def _subsets(number: int) -> str:
    """Thirty of sixty sentences, another half for each text: every set of sentences a template of its own."""
    chosen = np.random.default_rng(number).permutation(60)[:30]
    return " ".join(f"Sentence {word} says what {word} is." for word in map(_spelt, sorted(chosen.tolist())))


def _spelt(number: int) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


def _nested(number: int) -> str:
    """The first k of forty sentences: a chain of templates as deep as there are sentences."""
    return " ".join(f"Sentence {_spelt(word)} says what {_spelt(word)} is." for word in range(number % 40 + 1))


def _twins(number: int) -> str:
    """Five copies of each sentence of its own: as many templates as there can be."""
    return " ".join(f"Group {_spelt(number // 5)} asks {_spelt(part)} of {_spelt(number // 5)}." for part in range(25))


def _near(number: int) -> str:
    """One sentence in which a tenth of the words differ: all in one bucket, none quite alike."""
    rng = np.random.default_rng(number)
    own = rng.random(160) < 0.1
    return " ".join(f"x{rng.integers(1 << 30):x}" if mine else f"w{at:x}" for at, mine in enumerate(own.tolist()))


FLOODS: dict[str, Callable[[int], str]] = {
    "ordinary text": _ordinary,
    "half of sixty sentences, all subsets": _subsets,
    "the first k of forty sentences": _nested,
    "templates of five texts each": _twins,
    "near copies in one bucket": _near,
    "one-letter words": partial(_repeated, "a "),
    "one-word sentences": partial(_repeated, "ab. "),
    "one word": partial(_repeated, "x"),
    "hexadecimal and hyphens": partial(_repeated, "a-"),
    "beginnings of addresses": partial(_repeated, "http://"),
    "digits and dots": partial(_repeated, "1."),
    "quotes": partial(_repeated, '"a" '),
    "combining marks": partial(_repeated, "\u0301"),
    "Chinese": partial(_repeated, "思考。"),
    "invisible characters": partial(_repeated, "a\u200b"),
    "ligatures that unfold": partial(_repeated, "\ufdfa"),
}
"""Name -> text by its number."""
