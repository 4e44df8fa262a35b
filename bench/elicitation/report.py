"""Held-out figures of a classifier: families never trained on, another author's grammar, real prompts."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from elicitation.fit import all_families, draw, train
from elicitation.grammar import CAPABILITY_FILE, Family, languages
from elicitation.lexicon import match
from spiritsafe.model.words import Capability, Elicitation
from spiritsafe.sketch.classify import Classifier
from spiritsafe.sketch.sketches import Sketches, sketch_texts

FOLDS = 5
_CLASSES = [e.value for e in Elicitation]
_SKILLS = [c.value for c in Capability]
_REAL_PER_SET = 2000
_FOREIGN = 300


def _sketch(texts: Sequence[str], model: Classifier) -> Sketches:
    nothing, zeros = pa.nulls(len(texts), pa.string()), np.zeros(len(texts), np.int64)
    return sketch_texts(
        texts,
        nothing,
        nothing,
        tool_count=zeros,
        image_count=zeros,
        message_count=zeros,
        key=b"evaluation",
        model=model,
    )


def _elicited(texts: Sequence[str], model: Classifier) -> NDArray[np.str_]:
    return np.array(_CLASSES)[_sketch(texts, model).elicitation]


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"### {title}", "", f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows]) + "\n"


def _fold_of(found: Sequence[Family]) -> NDArray[np.int64]:
    """Deal the families of each class and language over the folds."""
    seen: dict[tuple[str, str], int] = {}
    folds = []
    for family in found:
        place = seen[family.label, family.language] = seen.get((family.label, family.language), -1) + 1
        folds.append(place % FOLDS)
    return np.array(folds)


def _cross_validate() -> tuple[list[Family], NDArray[np.str_], NDArray[np.str_], NDArray[np.str_]]:
    """Return for every sentence its family, what it was given while its family was held out, and the lexicon."""
    found = all_families()
    folds = _fold_of(found)
    owners: list[Family] = []
    given: list[NDArray[np.str_]] = []
    skills: list[NDArray[np.str_]] = []
    lexical: list[str] = []
    for fold in range(FOLDS):
        model = train([f for f, k in zip(found, folds, strict=True) if k != fold])
        held = [f for f, k in zip(found, folds, strict=True) if k == fold]
        texts, owner = draw(held, 7)
        owners += [held[i] for i in owner]
        sketches = _sketch(texts, model)
        given.append(np.array(_CLASSES)[sketches.elicitation])
        skills.append(np.array(_SKILLS)[sketches.capability])
        lexical += [
            match([text], Capability, "other")[0]
            if held[i].language == CAPABILITY_FILE
            else match([text], Elicitation, "none")[0]
            for text, i in zip(texts, owner, strict=True)
        ]
    return owners, np.concatenate(given), np.concatenate(skills), np.array(lexical)


def _held_out() -> str:
    owners, given, skills, lexical = _cross_validate()
    label, language = np.array([f.label for f in owners]), np.array([f.language for f in owners])

    def cell(name: str, kind: str, answer: NDArray[np.str_]) -> str:
        here = (language == name) & (label == kind)
        return f"{(answer[here] == kind).mean():.2f} ({(lexical[here] == kind).mean():.2f})"

    by_language = [[name, *(cell(name, kind, given) for kind in _CLASSES)] for name in languages()]
    by_skill = [[kind, cell(CAPABILITY_FILE, kind, skills)] for kind in _SKILLS]
    called = (given != "none") & (language == CAPABILITY_FILE)
    share = called.sum() / (language == CAPABILITY_FILE).sum()
    return (
        _table(f"Held-out families, {FOLDS} folds: recall (lexicon)", ["language", *_CLASSES], by_language)
        + f"\nSentences of the capability grammar called elicitation: {share:.3f}.\n\n"
        + _table(f"Held-out families, {FOLDS} folds: capability recall (lexicon)", ["capability", "recall"], by_skill)
    )


def _foreign_grammar(model: Classifier) -> str:
    """Evaluate on the simulator's instruction texts, written by another author for another purpose."""
    source = files("spiritsafe.simulation") / "text" / "templates.toml"
    rows = []
    for kind, table in tomllib.loads(source.read_text("utf-8")).items():
        rng = Random(3)
        texts = [
            " ".join(Family(kind, "en", rng.choice(role)).sample(rng) for role in table["roles"])
            for _ in range(_FOREIGN)
        ]
        got, base = _elicited(texts, model), np.array(match(texts, Elicitation, "none"))
        expected = kind if kind in _CLASSES else "none"
        names, counts = np.unique(got, return_counts=True)
        top = ", ".join(f"{names[i]} {counts[i] / len(texts):.2f}" for i in np.argsort(-counts)[:3])
        rows.append([kind, f"{(got == expected).mean():.2f} ({(base == expected).mean():.2f})", top])
    return _table("Another author's grammar: share as expected (lexicon)", ["kind", "as expected", "given"], rows)


def _real_sets(model: Classifier, data: Path) -> str:
    rows = []
    for path in sorted(data.glob("prompts_*/data.parquet")):
        texts = pq.read_table(path)["prompt"].to_pylist()[:_REAL_PER_SET]
        ours = _sketch(texts, model)
        share = np.bincount(ours.elicitation, minlength=len(_CLASSES)) / len(texts)
        lexical = np.array(match(texts, Elicitation, "none"))
        skill = np.bincount(ours.capability, minlength=len(_SKILLS)) / len(texts)
        top = ", ".join(f"{_SKILLS[i]} {skill[i]:.2f}" for i in np.argsort(-skill)[:3])
        cells = [f"{share[i]:.3f} ({(lexical == kind).mean():.3f})" for i, kind in enumerate(_CLASSES)]
        rows.append([path.parent.name.removeprefix("prompts_"), *cells, top])
    return _table("Real prompt sets: share given each class (lexicon)", ["set", *_CLASSES, "capability"], rows)


def report(model: Classifier, data: Path) -> str:
    """Return every table as Markdown; real sets only where ``data`` has them."""
    parts = [_held_out(), _foreign_grammar(model), *([_real_sets(model, data)] if data.is_dir() else [])]
    return "\n".join(parts)
