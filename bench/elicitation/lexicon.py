"""The baseline that the trained classifier has to beat: does a text contain a cue phrase of a class?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from spiritsafe.model.words import Capability, Elicitation


@cache
def cues() -> dict[str, tuple[str, ...]]:
    """Return the cue phrases of each class, case folded."""
    found: dict[str, list[str]] = {}
    label = ""
    for line in (Path(__file__).parent / "lexicon.cues").read_text("utf-8").splitlines():
        if line.startswith("@"):
            label = line[1:]
        else:
            found.setdefault(label, []).append(line.casefold())
    return {label: tuple(phrases) for label, phrases in found.items()}


def match(texts: Sequence[str], classes: type[Elicitation | Capability], otherwise: str) -> list[str]:
    """Return per text the class with most cues in it, ``otherwise`` if none has any."""
    out = []
    for text in texts:
        folded = text.casefold()
        counts = {c.value: sum(cue in folded for cue in cues().get(c.value, ())) for c in classes}
        best = max(counts, key=lambda label: counts[label])
        out.append(best if counts[best] else otherwise)
    return out
