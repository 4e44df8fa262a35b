"""Bodies of prompts from topic vocabularies: what people and campaigns ask about.

A body is an asking sentence plus further ones, their slots filled with words of one topic. An author
(`focus`) prefers some of the words and owns a few invented names, so that texts of one account
resemble each other more than those of strangers; a pool has no author and uses the topic evenly.
"""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from string import Formatter
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.simulation.mixing import Ints, mix, unit
from spiritsafe.simulation.spec import Families

__all__ = ["Frame", "Prose", "Topic", "Use", "half", "kinds", "load", "scatter"]

_T = TypeVar("_T")
_SLOTS = "sovd"
_NAMES = 8_192
_TASTE = 3.0
"""How strongly authors prefer their favourite words and frames; 1 would be no preference."""
_SYLLABLES = (
    "ba", "co", "du", "fe", "gi", "ha", "jo", "ka", "li", "mo", "na", "pe", "qua", "ro", "su", "ta", "vi", "wel",
    "xa", "zu", "or", "en", "mar", "tis", "lon", "der",
)  # fmt: skip


class Use(StrEnum):
    """What bodies are wanted for; real texts differ by it, the grammar does not."""

    LIFE = "life"
    BENCHMARK = "benchmark"
    POOL = "pool"


@dataclass(frozen=True, slots=True)
class Topic:
    """One vocabulary; ``kind`` chooses its frames."""

    name: str
    kind: str
    words: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Frame:
    """A sentence as literals and slot names in turn: ``literals[i]`` precedes ``slots[i]``."""

    literals: tuple[str, ...]
    slots: tuple[str, ...]


def load(name: str) -> dict[str, Any]:
    """Return one of the text tables shipped beside this module."""
    return tomllib.loads(resources.files("spiritsafe.simulation").joinpath("text", name).read_text("utf-8"))


def half(items: list[_T], families: Families) -> list[_T]:
    """Return the part of an ordered list that ``families`` may use: every second item to each half.

    >>> half([1, 2, 3], Families.TUNE), half([1, 2, 3], Families.HOLDOUT)
    ([1, 3], [2])
    """
    first = {Families.TUNE: 0, Families.HOLDOUT: 1}.get(families)
    return items if first is None else items[first::2]


def scatter(pieces: list[pa.Array], rows: list[Ints]) -> pa.Array:
    """Return one array in which ``pieces[i]`` stands at ``rows[i]``; the rows partition the result."""
    if not pieces:
        return pa.array([], pa.string())
    order = np.argsort(np.concatenate(rows), kind="stable")
    return pa.concat_arrays(pieces).take(pa.array(order))


def _frame(text: str) -> Frame:
    parts = list(Formatter().parse(text))
    literals = tuple(part[0] for part in parts)
    slots = tuple(part[1] for part in parts if part[1] is not None)
    return Frame(literals if len(literals) > len(slots) else (*literals, ""), slots)


@cache
def _topics() -> list[Topic]:
    return [
        Topic(row["name"], row["kind"], {slot: tuple(row[slot].split("|")) for slot in _SLOTS})
        for row in load("topics.toml")["topic"]
    ]


@cache
def kinds() -> frozenset[str]:
    """Return the kinds of work that the grammar knows."""
    return frozenset(topic.kind for topic in _topics())


class Prose:
    """Writes bodies from the allowed half of topics and frames.

    Args:
        families: the half; topics are split within their kind, frames within theirs.
    """

    def __init__(self, families: Families) -> None:
        by_kind: dict[str, list[Topic]] = {}
        for topic in _topics():
            by_kind.setdefault(topic.kind, []).append(topic)
        self.topics = [t for topics in by_kind.values() for t in (half(topics, families) or topics)]
        tables = load("frames.toml") | {"response": {"ask": load("answers.toml")["response"], "more": []}}
        self._frames = {
            (kind, part): [_frame(text) for text in half(table[part], families)]
            for kind, table in tables.items()
            for part in ("ask", "more")
        }
        self._words = {slot: _Words([topic.words[slot] for topic in self.topics]) for slot in _SLOTS}
        self._numbers = pa.array([str(n) for n in range(10_000)])
        self._invented = pa.array([_invent(n) for n in range(_NAMES)])

    def topics_of(self, work: tuple[str, ...], use: Use) -> Ints:  # noqa: ARG002 - real texts need the use
        """Return the ids of the topics of some kinds."""
        return np.array([i for i, topic in enumerate(self.topics) if topic.kind in work], np.int64)

    def bodies(self, rng: np.random.Generator, topic: Ints, focus: Ints | None, extra: float | Ints = 1.0) -> pa.Array:
        """Return one body per row.

        Args:
            rng: source of the choices.
            topic: topic id per row, shape (n,).
            focus: author per row, or None for an even use of the vocabulary.
            extra: mean number of further sentences, or their number per row.
        """
        count = rng.poisson(extra, len(topic)) if isinstance(extra, float) else extra
        text = self._sentences(rng, topic, focus, "ask")
        for wave in range(1, 1 + int(count.max(initial=0))):
            rows = np.flatnonzero(count >= wave)
            more = self._sentences(rng, topic[rows], None if focus is None else focus[rows], "more")
            longer = pc.binary_join_element_wise(text.take(pa.array(rows)), more, " ")
            rest = np.flatnonzero(count < wave)
            text = scatter([longer, text.take(pa.array(rest))], [rows, rest])
        return text

    def sentences(self, rng: np.random.Generator, topic: Ints, focus: Ints | None, kind: str) -> pa.Array:
        """Return one sentence per row in frames of ``kind`` ('followup', 'response') about its topic."""
        return self._sentences(rng, topic, focus, "ask", kind)

    def _sentences(
        self, rng: np.random.Generator, topic: Ints, focus: Ints | None, part: str, kind: str = ""
    ) -> pa.Array:
        named = np.array([kind or t.kind for t in self.topics])[topic]
        order = rng.random(len(topic))
        if focus is not None:
            order = (unit(focus, len(part)) + order**_TASTE) % 1.0
        pieces: list[pa.Array] = []
        places: list[Ints] = []
        for name in np.unique(named):
            frames = self._frames[str(name), part]
            chosen = np.where(named == name, (order * len(frames)).astype(np.int64), -1)
            for number, frame in enumerate(frames):
                rows = np.flatnonzero(chosen == number)
                if len(rows):
                    pieces.append(self._fill(rng, frame, topic[rows], None if focus is None else focus[rows]))
                    places.append(rows)
        return scatter(pieces, places)

    def _fill(self, rng: np.random.Generator, frame: Frame, topic: Ints, focus: Ints | None) -> pa.Array:
        values = {slot: self._slot(rng, slot, topic, focus) for slot in sorted(set(frame.slots))}
        parts: list[Any] = [frame.literals[0]]
        for slot, literal in zip(frame.slots, frame.literals[1:], strict=True):
            parts += [values[slot], literal]
        if not frame.slots:
            return pa.array([frame.literals[0]] * len(topic))
        return pc.binary_join_element_wise(*parts, "")

    def _slot(self, rng: np.random.Generator, slot: str, topic: Ints, focus: Ints | None) -> pa.Array:
        draw = rng.random(len(topic))
        if slot in "nm":
            return self._numbers.take(pa.array(np.exp(0.7 + draw * 6.4).astype(np.int64)))
        if slot in "pq":
            owned = (
                (draw * _NAMES).astype(np.int64)
                if focus is None
                else (mix(focus, 7).astype(np.int64) + (draw * 6).astype(np.int64)) % _NAMES
            )
            return self._invented.take(pa.array(owned))
        return self._words[slot].pick(draw, topic, focus)


class _Words:
    """All words of one slot in one array, addressed by topic."""

    def __init__(self, lists: list[tuple[str, ...]]) -> None:
        self._length = np.array([len(words) for words in lists], np.int64)
        self._start = np.concatenate([[0], np.cumsum(self._length)[:-1]]).astype(np.int64)
        self._all = pa.array([word for words in lists for word in words])

    def pick(self, draw: NDArray[np.float64], topic: Ints, focus: Ints | None) -> pa.Array:
        length = self._length[topic]
        if focus is None:
            index = (draw * length).astype(np.int64)
        else:  # an author's favourites come first, in an order of his own
            favourite = (mix(focus, topic, self._start[topic]) % length.astype(np.uint64)).astype(np.int64)
            index = (favourite + (draw**_TASTE * length).astype(np.int64)) % length
        return self._all.take(pa.array(self._start[topic] + index))


def _invent(number: int) -> str:
    bits = int(mix(number, 77)[()])
    picked = [_SYLLABLES[(bits >> shift) % len(_SYLLABLES)] for shift in (0, 9, 18)]
    return "".join(picked[: 2 + bits % 2]).capitalize()
