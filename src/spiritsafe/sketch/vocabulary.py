"""Words that the scan knows: function words by language, and the concepts that instructions are made of.

Both lie beside the code as word lists and are looked up by public hash in one open-addressed table each.
Function words say which language a text is in and weigh nothing in a projection. Concepts stand for the
same idea in nine languages, so that a classifier taught in one of them has learnt something about all.
"""

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from spiritsafe.model.kernel import Array, Word, inlined
from spiritsafe.sketch.characters import stem_length
from spiritsafe.sketch.hashing import PUBLIC_KEY, Purpose, derive, mix, siphash

__all__ = ["LANGUAGE_CODES", "Vocabulary", "look_up", "pair_hash", "vocabulary"]

_PAIR = np.uint64(0x9FB21C651E98DF25)


class Vocabulary(NamedTuple):
    """Two open-addressed tables: keys uint64[S] (0 empty) and values uint32[S].

    Attributes:
        function_keys: public hashes of function words; ``languages`` the bit set of languages they belong to.
        concept_keys: public hashes of word beginnings, or of pairs of unspaced characters; ``concepts`` from 1.
    """

    function_keys: Array
    languages: Array
    concept_keys: Array
    concepts: Array


def _lists(name: str) -> dict[str, list[str]]:
    """Read ``@section`` headings and the words below them."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in (files("spiritsafe.sketch") / "words" / name).read_text("utf-8").splitlines():
        if line.startswith("@"):
            section = line[1:]
        elif not line.startswith("#"):
            found.setdefault(section, []).extend(line.split())
    return found


_FUNCTION_WORDS = _lists("function_words.txt")
LANGUAGE_CODES: tuple[str, ...] = tuple(_FUNCTION_WORDS)
"""ISO 639-1 codes in the order of their bits."""


def _hash(word: str) -> int:
    raw = np.frombuffer(word.encode(), np.uint8)
    return int(siphash(raw, 0, len(raw), derive(PUBLIC_KEY, Purpose.WORD)))


def _concept_hash(word: str) -> int:
    """Hash the beginning of a spaced word, or one or two characters of an unspaced one."""
    if word[0] >= "\u3000" and not "\uac00" <= word[0] <= "\ud7a3":
        hashes = [np.uint64(_hash(char)) for char in word[:2]]
        return int(pair_hash(*hashes)) if len(hashes) > 1 else int(hashes[0])
    raw = np.frombuffer(word.encode(), np.uint8)
    return _hash(raw[: stem_length(raw, len(raw))].tobytes().decode())


@cache
def vocabulary() -> Vocabulary:
    """Return the shipped word lists as tables."""
    languages: dict[int, int] = {}
    for bit, words in enumerate(_FUNCTION_WORDS.values()):
        for hashed in {_hash(word) for word in words}:
            languages[hashed] = languages.get(hashed, 0) | 1 << bit
    concepts: dict[int, int] = {}
    for concept, words in enumerate(_lists("concepts.txt").values(), 1):
        for word in words:
            concepts.setdefault(_concept_hash(word), concept)
    return Vocabulary(*_table(languages), *_table(concepts))


def _table(values: dict[int, int]) -> tuple[Array, Array]:
    size = 1 << (4 * len(values)).bit_length()
    keys, filled = np.zeros(size, np.uint64), np.zeros(size, np.uint32)
    for hashed, value in sorted(values.items()):
        slot = hashed % size
        while keys[slot]:
            slot = (slot + 1) % size
        keys[slot], filled[slot] = hashed, value
    return keys, filled


@inlined
def pair_hash(first: Word, second: Word) -> Word:
    """Return the hash of two neighbouring unspaced characters from their own hashes."""
    return mix(first * _PAIR + second)


@inlined
def look_up(keys: Array, values: Array, hashed: Word) -> Word:
    """Return the value of a hash in one of the tables, 0 if it is not there."""
    last = np.uint64(len(keys) - 1)
    slot = hashed & last
    while keys[slot]:
        if keys[slot] == hashed:
            return values[slot]
        slot = (slot + np.uint64(1)) & last
    return np.uint32(0)
