import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.sketch.minhash import EMPTY, PUBLIC_EMPTY, resemblance
from tests.sketch.sketching import sketch, words


def _shingles(text: str) -> set[tuple[str, ...]]:
    split = text.split()
    return {tuple(split[i : i + 3]) for i in range(len(split) - 2)}


@pytest.mark.parametrize("shared", [0, 20, 60, 120])
def test_estimates_the_jaccard_similarity(shared: int) -> None:
    """Standard error of 128 bins is at most .044 a pair; the mean of 40 pairs lies within .04 of the truth."""
    rng = np.random.default_rng(shared)
    common = [words(rng, shared) for _ in range(40)]
    ones = [f"{c} {words(rng, 120 - shared)}" for c in common]
    others = [f"{c} {words(rng, 120 - shared)}" for c in common]
    truth = [
        len(_shingles(a) & _shingles(b)) / len(_shingles(a) | _shingles(b)) for a, b in zip(ones, others, strict=True)
    ]
    a, b = sketch(ones), sketch(others)
    assert np.mean(resemblance(a.signature, b.signature)) == pytest.approx(np.mean(truth), abs=0.04)
    assert np.mean(resemblance(a.public, b.public)) == pytest.approx(np.mean(truth), abs=0.05)


def test_no_words_no_signature() -> None:
    empty = sketch([None, "", "?!"])
    assert (empty.signature == EMPTY).all()
    assert (empty.public == PUBLIC_EMPTY).all()
    assert empty.instance[:2].tolist() == [0, 0]


@given(st.text("abc é中文。 ", min_size=1, max_size=30).filter(lambda t: any(c.isalnum() for c in t)))
def test_any_word_fills_every_bin(text: str) -> None:
    sketches = sketch([text])
    assert (sketches.signature != EMPTY).all()
    assert (sketches.public != PUBLIC_EMPTY).all()


def test_keys_separate_and_the_public_sketch_does_not() -> None:
    text = [words(np.random.default_rng(1), 60)]
    a, b = sketch(text, key=b"one"), sketch(text, key=b"two")
    assert resemblance(a.signature, b.signature)[0] < 0.1
    assert a.public.tolist() == b.public.tolist()
    assert a.instance[0] != b.instance[0]
    assert not set(a.segment_hash.tolist()) & set(b.segment_hash.tolist())
