"""Cuts one normalised text into words and segments, each a hash.

Words and segments come from one pass because a boundary needs both neighbours: a full stop ends a
sentence only before a gap, a colon opens a slot only there, and a quotation is a slot of its own. What
varies from call to call without meaning - digits, addresses, long identifiers - is masked here, once, so
that everything derived later agrees on it.
"""

from typing import NamedTuple

import numpy as np

from spiritsafe.model.kernel import Array, Word, inlined, kernel
from spiritsafe.sketch.characters import (
    ASCII_ROLES,
    COLON,
    DIGIT,
    LETTER,
    NEWLINE,
    QUOTE,
    SPACE,
    STOP,
    UNSPACED,
    read_char,
    role,
    stem_length,
)
from spiritsafe.sketch.hashing import finish, mix, siphash, start, step
from spiritsafe.sketch.masking import (
    ZERO,
    all_digits,
    is_digit,
    is_identifier,
    mask_digits,
    url_ahead,
    url_end,
    uuid_ahead,
)
from spiritsafe.sketch.memory import fresh_memory, line_of, plain_word
from spiritsafe.sketch.vocabulary import Vocabulary, look_up, pair_hash

__all__ = ["NUMBER", "Keys", "Tokens", "scratch", "tokenise"]

MAX_WORD = 64
"""Bytes beyond which a word is data, not language, and is masked."""

_HEX, _URL, _LONG = np.uint8(1), np.uint8(2), np.uint8(3)
_PAIR = np.uint64(0xC2B2AE3D27D4EB4F)
NUMBER = np.uint8(255)
"""The concept of every masked number."""


class Keys(NamedTuple):
    """SipHash keys, uint64[2] each, of everything one scan hashes."""

    word: Array
    public: Array
    segment: Array
    instance: Array


class Tokens(NamedTuple):
    """Scratch for the tokens and segments of one text.

    Attributes:
        keyed: uint64[T] secret hash of the masked word; feeds segments, shingles and projections.
        public: uint64[T] the same under the public key; feeds the public signature and the classifier.
        stem: uint64[T] public hash of the word's first characters.
        term: uint64[T] what the projection counts: a word's beginning, so that inflections meet, or a pair of
            unspaced characters.
        weight: uint8[T] how much the term counts, 0 for function words.
        unspaced: bool[T] True for a character of a script without spaces.
        languages: uint32[T] languages in which the word is a function word.
        concept: uint8[T] idea the word stands for, 0 if none that is known, `NUMBER` for a number.
        segment: int32[T] index of the segment.
        hashes: uint64[S] of the segments, over their masked words.
        words: int32[S] of the segments.
        values: uint32[S] hash of what was masked in the segment, 0 if nothing was.
        spans: int32[S, 2] where a segment begins and ends in the normalised text, in bytes.
        masked: uint8[MAX_WORD] room for one masked word.
        memory: uint64[lines, 8] words met before, see `spiritsafe.sketch.memory`.
    """

    keyed: Array
    public: Array
    stem: Array
    term: Array
    weight: Array
    unspaced: Array
    languages: Array
    concept: Array
    segment: Array
    hashes: Array
    words: Array
    values: Array
    spans: Array
    masked: Array
    memory: Array


def scratch(size: int) -> Tokens:
    """Return room for any text of ``size`` normalised bytes: a token takes two, its gap included, at least."""
    n = size + 2
    return Tokens(
        keyed=np.zeros(n, np.uint64),
        public=np.zeros(n, np.uint64),
        stem=np.zeros(n, np.uint64),
        term=np.zeros(n, np.uint64),
        weight=np.zeros(n, np.uint8),
        unspaced=np.zeros(n, np.bool_),
        languages=np.zeros(n, np.uint32),
        concept=np.zeros(n, np.uint8),
        segment=np.zeros(n, np.int32),
        hashes=np.zeros(n, np.uint64),
        words=np.zeros(n, np.int32),
        values=np.zeros(n, np.uint32),
        spans=np.zeros((n, 2), np.int32),
        masked=np.zeros(MAX_WORD, np.uint8),
        memory=fresh_memory(),
    )


@inlined
def _letters_end(text: Array, at: int, end: int) -> int:
    """Return the end of the run of ASCII letters at ``at``: most words, and the fast way through them."""
    while at < end and text[at] < 0x80 and ASCII_ROLES[text[at]] == LETTER:
        at += 1
    return at


@inlined
def _word_end(text: Array, at: int, end: int) -> tuple[int, int, bool]:
    """Return the end of the word at ``at``, its characters and whether it holds digits; 3.14 is one word."""
    begin, digits = at, False
    at = _letters_end(text, at, end)
    chars = at - begin
    while at < end:
        char, size = read_char(text, at, end)
        kind = role(char)
        if kind == DIGIT:
            digits = True
        elif kind != LETTER:
            inside = digits and char in (44, 46) and is_digit(text[at - 1])
            if not inside or at + 1 >= end or not is_digit(text[at + 1]):
                break
        chars += 1
        at += size
    return at, chars, digits


@inlined
def _weigh(chars: int, languages: Word, masked: bool) -> Word:
    """Longer words are rarer and say more; function words nothing, numbers little."""
    if languages:
        return np.uint8(0)
    if masked:
        return np.uint8(1)
    return np.uint8(1 if chars <= 2 else 2 if chars == 3 else 3 if chars <= 5 else 4 if chars <= 7 else 5)


@inlined
def _put(tokens: Tokens, n: int, raw: Array, begin: int, end: int, keys: Keys, vocabulary: Vocabulary) -> None:
    tokens.keyed[n] = siphash(raw, begin, end, keys.word)
    tokens.public[n] = siphash(raw, begin, end, keys.public)
    tokens.languages[n] = look_up(vocabulary.function_keys, vocabulary.languages, tokens.public[n])
    tokens.stem[n] = tokens.public[n]
    tokens.unspaced[n] = False


@kernel
def _note(tokens: Tokens, segment: int, hashed: Word) -> None:
    """Add a masked value to its segment's hash of values, which is 0 only while there are none."""
    before = np.uint64(tokens.values[segment])
    tokens.values[segment] = np.uint32(mix(before * _PAIR + hashed) >> np.uint64(33)) + np.uint32(1)


@inlined
def _put_word(
    tokens: Tokens, n: int, segment: int, text: Array, at: int, end: int, keys: Keys, vocabulary: Vocabulary
) -> int:
    """Write the word, number, address or identifier at ``at`` as token ``n``; return where it ends."""
    out = tokens.masked
    chars, length, digits = 1, 1, False
    if url_ahead(text, at, end):
        stop, out[0] = url_end(text, at, end), _URL
    elif uuid_ahead(text, at, end):
        stop, out[0] = at + 36, _HEX
    else:
        stop, chars, digits = _word_end(text, at, end)
        if digits and is_identifier(text, at, stop) and not all_digits(text, at, stop):
            out[0] = _HEX
        elif stop - at > MAX_WORD:
            out[0] = _LONG
        elif digits:
            length = mask_digits(text, at, stop, out)
        else:
            length = stop - at
            for i in range(length):
                out[i] = text[at + i]
    changed = digits or out[0] < ZERO
    masked = length == 1 and out[0] <= ZERO
    if changed:
        _note(tokens, segment, siphash(text, at, stop, keys.word))
    _put(tokens, n, out, 0, length, keys, vocabulary)
    stem = stem_length(out, length)
    if stem < length:
        tokens.stem[n] = siphash(out, 0, stem, keys.public)
    tokens.term[n] = mix(tokens.stem[n] ^ keys.word[0])
    tokens.concept[n] = look_up(vocabulary.concept_keys, vocabulary.concepts, tokens.stem[n])
    if out[0] == ZERO and masked:
        tokens.concept[n] = NUMBER
    tokens.weight[n] = _weigh(chars, tokens.languages[n], masked)
    return stop


@inlined
def _remember(tokens: Tokens, n: int, line: int, low: Word, high: Word) -> None:
    """Keep what token ``n`` is on a line, in the place of whatever was there."""
    remembered = tokens.memory
    remembered[line, 0], remembered[line, 1] = low, high
    remembered[line, 2], remembered[line, 3] = tokens.keyed[n], tokens.public[n]
    remembered[line, 4], remembered[line, 5] = tokens.stem[n], tokens.term[n]
    about = np.uint64(tokens.languages[n]) << np.uint64(32) | np.uint64(tokens.concept[n]) << np.uint64(8)
    remembered[line, 6] = about | np.uint64(tokens.weight[n])


@kernel
def _learn(
    tokens: Tokens,
    n: int,
    segment: int,
    text: Array,
    at: int,
    end: int,
    keys: Keys,
    vocabulary: Vocabulary,
    plain: int,
    low: Word,
    high: Word,
) -> int:
    """Write what is not remembered as token ``n``; a plain word will be."""
    stop = _put_word(tokens, n, segment, text, at, end, keys, vocabulary)
    if plain:
        _remember(tokens, n, line_of(low, high), low, high)
    return stop


@inlined
def _put_unspaced(
    tokens: Tokens,
    n: int,
    text: Array,
    at: int,
    stop: int,
    char: int,
    paired: bool,
    keys: Keys,
    vocabulary: Vocabulary,
) -> None:
    """Write one character of a script without spaces; the projection counts it with its predecessor."""
    _put(tokens, n, text, at, stop, keys, vocabulary)
    tokens.unspaced[n] = True
    tokens.term[n] = tokens.keyed[n]
    tokens.concept[n] = look_up(vocabulary.concept_keys, vocabulary.concepts, tokens.public[n])
    light = tokens.languages[n] != 0 or 0x3040 <= char <= 0x309F
    tokens.weight[n] = np.uint8(0) if light else np.uint8(1)
    if paired:
        tokens.term[n] = pair_hash(tokens.keyed[n - 1], tokens.keyed[n])
        pair = pair_hash(tokens.public[n - 1], tokens.public[n])
        known = look_up(vocabulary.concept_keys, vocabulary.concepts, pair)
        tokens.concept[n] = known if known else tokens.concept[n]
        tokens.weight[n] += np.uint8(2) if tokens.weight[n] else np.uint8(0)


@inlined
def _ends_segment(text: Array, at: int, end: int, char: int, kind: int) -> bool:
    """True where the character closes a segment: ASCII stops and colons only before a gap or a quote."""
    if kind in (NEWLINE, QUOTE):
        return True
    if kind == STOP and char >= 0x80:
        return True
    if kind in (STOP, COLON):
        return at + 1 >= end or text[at + 1] in (32, 10, 34, 39, 41, 93) or text[at + 1] >= 0xE0
    return False


@kernel
def tokenise(text: Array, end: int, keys: Keys, vocabulary: Vocabulary, tokens: Tokens) -> tuple[int, int]:
    """Write the tokens and segments of ``text[:end]``; return how many of each.

    A segment's hash is SipHash over its words' hashes: punctuation and masked values do not change it.
    Segments without words are dropped.
    """
    n, segments, words, at = 0, 0, 0, 0
    keyed, public, stem, term, memory = tokens.keyed, tokens.public, tokens.stem, tokens.term, tokens.memory
    weight, concept, languages, unspaced = tokens.weight, tokens.concept, tokens.languages, tokens.unspaced
    segment_of, values, spans = tokens.segment, tokens.values, tokens.spans
    hashes, sizes = tokens.hashes, tokens.words
    begun = state = start(keys.segment)
    paired = False
    while at < end:
        char, size = read_char(text, at, end)
        kind = role(char)
        if kind in (LETTER, DIGIT, UNSPACED):
            if words == 0:
                spans[segments, 0], values[segments] = at, 0
            if kind == UNSPACED:
                _put_unspaced(tokens, n, text, at, at + size, char, paired, keys, vocabulary)
                at += size
            else:
                plain, low, high = plain_word(text, at, end)
                line = line_of(low, high)
                if plain and memory[line, 0] == low and memory[line, 1] == high:
                    at = plain
                    keyed[n], public[n], stem[n], term[n] = (
                        memory[line, 2],
                        memory[line, 3],
                        memory[line, 4],
                        memory[line, 5],
                    )
                    about = memory[line, 6]
                    weight[n], concept[n] = np.uint8(about), np.uint8(about >> np.uint64(8))
                    languages[n], unspaced[n] = np.uint32(about >> np.uint64(32)), False
                else:
                    at = _learn(tokens, n, segments, text, at, end, keys, vocabulary, plain, low, high)
                at += at < end and text[at] == 32
            paired = kind == UNSPACED
            segment_of[n] = segments
            state = step(state, keyed[n])
            words += 1
            n += 1
            continue
        paired = paired and kind == SPACE
        if words and _ends_segment(text, at, end, char, kind):
            hashes[segments], sizes[segments], spans[segments, 1] = finish(state, words), words, at
            segments += 1
            state, words = begun, 0
        at += size
    if words:
        hashes[segments], sizes[segments], spans[segments, 1] = finish(state, words), words, end
        segments += 1
    return n, segments
