"""Instruction texts around a body: families, and their paraphrases.

A family is one alternative per role, a layout and a wrap. Its wording number w fixes every synonym by
a hash, so that wording 0 is the template itself, a few numbers are a few paraphrases, and a number
per exchange is a fresh paraphrase each time, all without storing any of them.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spiritsafe.simulation.mixing import Ints, mix
from spiritsafe.simulation.prose import load, scatter
from spiritsafe.simulation.spec import Families

__all__ = ["KINDS", "Family", "draw_family"]

_CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")


@cache
def _kinds() -> dict[str, dict[str, Any]]:
    return load("templates.toml")


KINDS: tuple[str, ...] = tuple(_kinds())


def _range(items: list[str], families: Families) -> range:
    middle = (len(items) + 1) // 2
    if families is Families.ALL or len(items) < 2:
        return range(len(items))
    return range(middle) if families is Families.TUNE else range(middle, len(items))


@dataclass(frozen=True, slots=True)
class Family:
    """One template.

    Attributes:
        kind: what it elicits or serves.
        key: number that fixes the synonyms of wording 0.
        roles: alternative per role.
        layout: where each role's sentence stands, a letter of S, B, A per role.
        wrap: index of the frame around the body.
        families: the half that paraphrases may draw their alternatives from.
    """

    kind: str
    key: int
    roles: tuple[int, ...]
    layout: str
    wrap: int
    families: Families

    def dress(self, bodies: pa.Array, wording: Ints) -> tuple[pa.Array, pa.Array]:
        """Return (prompt, system prompt) for bodies under wordings; the system prompt may be null.

        Args:
            bodies: text per row, shape (n,).
            wording: wording number per row; 0 is the template as it is.
        """
        distinct, back = np.unique(wording, return_inverse=True)
        index = pa.array(back)
        texts = [self._role(role, distinct) for role in range(len(self.roles))]
        place = {
            letter: _join([text for text, where in zip(texts, self.layout, strict=True) if where == letter])
            for letter in "SBA"
        }
        before, after = (None if (text := place[x]) is None else text.take(index) for x in "BA")
        head, tail = _kinds()[self.kind]["wraps"][self.wrap].split("{body}")
        wrapped = pc.binary_join_element_wise(head, bodies, tail, "")
        prompt = _join([part for part in (before, wrapped, after) if part is not None], "\n\n")
        rules = place["S"]
        system = pa.nulls(len(bodies), pa.string()) if rules is None else rules.take(index)
        return prompt, system

    def _role(self, role: int, wording: Ints) -> pa.Array:
        alternatives = _kinds()[self.kind]["roles"][role]
        allowed = _range(alternatives, self.families)
        draw = mix(self.key, role, wording, 11)
        other = np.array(allowed)[(draw >> np.uint64(8)).astype(np.int64) % len(allowed)]
        keep = (wording == 0) | (draw % np.uint64(5) < 3)
        chosen = np.where(keep, self.roles[role], other)
        pieces, places = [], []
        for alternative in np.unique(chosen):
            rows = np.flatnonzero(chosen == alternative)
            pieces.append(_spin(alternatives[alternative], self.key, role, wording[rows]))
            places.append(rows)
        return scatter(pieces, places)


def _spin(text: str, key: int, role: int, wording: Ints) -> pa.Array:
    """Return ``text`` with its marked words chosen per wording."""
    parts: list[Any] = []
    end = 0
    for number, match in enumerate(_CHOICE.finditer(text)):
        words = pa.array(match[1].split("|"))
        index = (mix(key, role, wording, 100 + number) % np.uint64(len(words))).astype(np.int64)
        parts += [text[end : match.start()], words.take(pa.array(index))]
        end = match.end()
    if not parts:
        return pa.array([text] * len(wording))
    return pc.binary_join_element_wise(*parts, text[end:], "")


def _join(texts: list[pa.Array], separator: str = " ") -> pa.Array | None:
    if len(texts) < 2:
        return texts[0] if texts else None
    return pc.binary_join_element_wise(*texts, separator)


def draw_family(rng: np.random.Generator, kind: str, families: Families) -> Family:
    """Return a template of ``kind`` from the allowed half."""
    table = _kinds()[kind]
    return Family(
        kind=kind,
        key=int(rng.integers(1 << 40)),
        roles=tuple(int(rng.choice(_range(role, families))) for role in table["roles"]),
        layout=str(rng.choice([table["layouts"][i] for i in _range(table["layouts"], families)])),
        wrap=int(rng.choice(_range(table["wraps"], families))),
        families=families,
    )
