"""Bodies from real prompt sets in a data folder, in place of the grammar.

Every set is cut into slices of one subject, and a slice is what the grammar calls a topic: an author
lives in a few of them, a pool takes their prompts one after the other. Sets are finite, so whatever is
asked for beyond them is recombined: other numbers, and a sentence of a neighbouring prompt.
"""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa

from spiritsafe.model.errors import InputError
from spiritsafe.simulation.mixing import Ints, mix, rank
from spiritsafe.simulation.prose import Prose, Use, scatter
from spiritsafe.simulation.spec import Families
from spiritsafe.simulation.traces import read_table

__all__ = ["Quotations"]

_BUILDERS = ("arena_hard", "instructwild", "lima", "awesome_prompts")
_HUMAN = (*_BUILDERS, "hh_harmless", "user_oriented252")
_SETS: dict[Use, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    Use.LIFE: {
        "": (_BUILDERS, _BUILDERS),
        "chat": (_HUMAN, _HUMAN),
        "writing": (_HUMAN, _HUMAN),
        "business": (("t0_batch",),) * 2,
        "translate": (("t0_batch",),) * 2,
    },
    Use.BENCHMARK: {"": (("gsm8k",),) * 2, "coding": (("humaneval", "alpaca_eval"),) * 2},
    Use.POOL: {
        "": (("alpaca",),) * 2,
        "coding": (("codealpaca",), ("evol_code",)),
        "maths": (("simplerl_math",),) * 2,
        "proof": (("simplerl_math",),) * 2,
        "agentic": (("gorilla_apibench", "glaive_toolcall"), ("gpteacher_toolformer",)),
        "tools": (("gorilla_apibench", "glaive_toolcall"), ("gpteacher_toolformer",)),
    },
}
"""Sets per use and kind of work, those of `tune` and those of `holdout`; equal ones are split by slice."""
_SLICE = 60
_LONGEST = 4_000
_WORD = re.compile(r"[a-z]{4,}")
_NUMBER = re.compile(r"\d{1,6}")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_CHAT = re.compile(r"<\|im_start\|>user\n(.*?)(?:\nPlease reason step by step.*)?<\|im_end\|>", re.DOTALL)


class Quotations(Prose):
    """Writes bodies out of real prompts; other languages, follow-ups and answers stay with the grammar.

    Args:
        families: the half of the sets, or of their slices, to use.
        data: folder with one ``prompts_<set>/data.parquet`` per set.

    Attributes:
        tally: how many bodies were taken ``verbatim`` and how many ``recombined``.

    Raises:
        InputError: a set is absent or empty.
    """

    def __init__(self, families: Families, data: Path) -> None:
        super().__init__(families)
        self.tally: Counter[str] = Counter()
        self._first = len(self.topics)
        self._english = np.array([i for i, topic in enumerate(self.topics) if topic.kind[:5] != "chat_"], np.int64)
        self._slices: list[list[str]] = []
        self._shelf: dict[tuple[Use, str], Ints] = {}
        made: dict[str, list[int]] = {}
        for use, kinds in _SETS.items():
            for kind, (tune, holdout) in kinds.items():
                names = {Families.TUNE: tune, Families.HOLDOUT: holdout}.get(families, (*tune, *holdout))
                ids: list[int] = []
                for name in dict.fromkeys(names):
                    if name not in made:
                        made[name] = self._shelve(_read(data, name))
                    keep = made[name] if tune != holdout else _halved(made[name], families)
                    ids += keep
                self._shelf[use, kind] = np.array(ids, np.int64) + self._first

    def topics_of(self, work: tuple[str, ...], use: Use) -> Ints:
        """Return slices for kinds that have real prompts, grammar topics for other languages."""
        shelf = {kind: self._shelf.get((use, kind), self._shelf[use, ""]) for kind in work if kind[:5] != "chat_"}
        spoken = super().topics_of(tuple(kind for kind in work if kind not in shelf), use)
        return np.unique(np.concatenate([*shelf.values(), spoken]))

    def bodies(self, rng: np.random.Generator, topic: Ints, focus: Ints | None, extra: float | Ints = 1.0) -> pa.Array:
        """Return one body per row: real prompts where the topic is a slice, the grammar's otherwise."""
        real, made = np.flatnonzero(topic >= self._first), np.flatnonzero(topic < self._first)
        more = extra if isinstance(extra, float) else extra[made]
        written = super().bodies(rng, topic[made], None if focus is None else focus[made], more)
        quoted = self._quoted(rng, topic[real] - self._first, None if focus is None else focus[real])
        return scatter([quoted, written], [real, made])

    def sentences(self, rng: np.random.Generator, topic: Ints, focus: Ints | None, kind: str) -> pa.Array:
        """Return sentences in the grammar's frames; a slice borrows the words of one grammar topic."""
        words = np.where(topic < self._first, topic, self._english[topic % len(self._english)])
        return super().sentences(rng, words, focus, kind)

    def _shelve(self, prompts: list[str]) -> list[int]:
        ordered = _by_subject(prompts)
        first = len(self._slices)
        self._slices += [ordered[i : i + _SLICE] for i in range(0, len(ordered), _SLICE)]
        return list(range(first, len(self._slices)))

    def _quoted(self, rng: np.random.Generator, topic: Ints, focus: Ints | None) -> pa.Array:
        size = np.array([len(texts) for texts in self._slices])[topic]
        draw = rng.random(len(topic))
        if focus is None:
            turn = rank(topic)
            index, fresh = turn % size, turn >= size
        else:
            favourite = (mix(focus, topic) % size.astype(np.uint64)).astype(np.int64)
            index, fresh = (favourite + (draw**2.2 * size).astype(np.int64)) % size, draw < 2
        partner = rng.integers(0, 1 << 30, len(topic)) % size
        salt = rng.integers(0, 1 << 62, len(topic))
        self.tally.update(verbatim=int((~fresh).sum()), recombined=int(fresh.sum()))
        columns = (column.tolist() for column in (topic, index, fresh, partner, salt))
        return pa.array([self._text(*row) for row in zip(*columns, strict=True)], pa.string())

    def _text(self, topic: int, index: int, fresh: bool, partner: int, salt: int) -> str:
        texts = self._slices[topic]
        return _recombined(texts[index], texts[partner], salt) if fresh else texts[index]


def _read(data: Path, name: str) -> list[str]:
    path = f"prompts_{name}/data.parquet"
    texts = [_bare(text) for text in read_table(data, path, ["prompt"])["prompt"].to_pylist() if text]
    if not texts:
        raise InputError("no prompts", file=str(data / path), hint="Every set needs at least one prompt.")
    return list(dict.fromkeys(texts))


def _bare(text: str) -> str:
    """Return a prompt without the chat mark-up that some sets store around it."""
    match = _CHAT.search(text)
    return (match[1] if match else text).strip()[:_LONGEST]


def _halved(slices: list[int], families: Families) -> list[int]:
    first = {Families.TUNE: 0, Families.HOLDOUT: 1}.get(families)
    return slices if first is None or len(slices) < 2 else slices[first::2]


def _by_subject(prompts: list[str]) -> list[str]:
    """Return prompts ordered by the commonest word that is still telling, so that neighbours share a subject."""
    words = [set(_WORD.findall(prompt.lower())) for prompt in prompts]
    frequency = Counter(word for found in words for word in found)
    ceiling = max(8, len(prompts) // 50)

    def subject(row: int) -> tuple[str, int]:
        telling = [(frequency[word], word) for word in words[row] if 4 <= frequency[word] <= ceiling]
        return (max(telling)[1] if telling else "", row)

    return [prompts[row] for row in sorted(range(len(prompts)), key=subject)]


def _recombined(text: str, neighbour: str, salt: int) -> str:
    """Return ``text`` with other numbers and, at its end, a sentence of its neighbour.

    >>> _recombined("Add 12 and 5.", "Ann has 3 pens. How many remain?", 1).endswith("How many remain?")
    True
    """
    changed = _NUMBER.sub(lambda match: str(1 + (salt + int(match[0]) * 7919) % (10 ** len(match[0]))), text)
    sentences = _SENTENCE.split(neighbour)
    return f"{changed} {sentences[salt % len(sentences)]}"
