"""Sentences from small grammars: lines of words with alternatives in brackets, by class and language.

A line is a family: what varies inside its brackets stays together, so that holding out a line holds out
its words and its build, not a shuffle of them. Lines that start with ``!`` were written to share few
words with their neighbours; every line is held out in one fold of the report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from random import Random

HERE = Path(__file__).parent
CAPABILITY_FILE = "capability"
_CHOICE = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True)
class Family:
    """One line: its class, language (the file's name) and pattern."""

    label: str
    language: str
    pattern: str

    def sample(self, rng: Random) -> str:
        """Return one sentence of the family."""
        text = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), self.pattern)
        return re.sub(r" {2,}", " ", text).strip()

    def samples(self, rng: Random, n: int) -> list[str]:
        """Return up to ``n`` distinct sentences, in the order they were drawn."""
        return list(dict.fromkeys(self.sample(rng) for _ in range(n)))


def families(name: str) -> list[Family]:
    """Return the families of one file (a language, or `CAPABILITY_FILE`)."""
    label, found = "", []
    for line in (HERE / f"{name}.txt").read_text("utf-8").splitlines():
        if line.startswith("@"):
            label = line[1:]
        elif line.strip():
            found.append(Family(label, name, line.removeprefix("!")))
    return found


def languages() -> list[str]:
    """Return the languages that have a grammar."""
    return sorted(path.stem for path in HERE.glob("*.txt") if path.stem != CAPABILITY_FILE)
