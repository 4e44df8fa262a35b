from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.sketch.text import PIECE, gather, normalise
from tests.sketch import reference

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text(
    " \t\n\rAbC\u00a0\u200b.9É中", max_size=40
)


def _normal(text: str | bytes) -> str:
    data, offsets = gather([text])
    out = np.zeros(int(offsets[-1]) + 2, np.uint8)
    return out[: normalise(data, 0, int(offsets[-1]), out)].tobytes().decode()


@given(ANY_TEXT)
def test_the_kernel_equals_the_reference(text: str) -> None:
    assert _normal(text) == reference.normalise(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello  World", "hello world"),
        ("a\u200bb", "ab"),
        ("ﬁne", "fine"),
        ("\uff21\uff22\uff23", "abc"),
        ("line\r\n\r\nnext", "line\nnext"),
        ("  x ", "x"),
        ("Straße", "STRASSE"),
    ],
)
def test_what_reads_alike_is_alike(one: str, other: str) -> None:
    assert _normal(one) == _normal(other)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800 lone", b"\xff\xfe broken", b"\xe4\xb8", "", "\x00"])
def test_no_input_is_refused(text: str | bytes) -> None:
    _normal(text)


def test_arrow_forms_agree() -> None:
    texts = ["Ünder", None, "plain", "", "中文"]
    forms = [
        texts,
        pa.array(texts),
        pa.array(texts, pa.large_string()),
        pa.chunked_array([pa.array(texts[:2]), pa.array(texts[2:])]),
        pa.array(["other", *texts]).slice(1),
        pa.array(texts).dictionary_encode(),
    ]
    expected = [(t or "").casefold().encode() for t in texts]
    for form in forms:
        data, offsets = gather(form)
        assert [data[a:b].tobytes() for a, b in pairwise(offsets)] == expected


def test_only_missing_rows() -> None:
    _, offsets = gather(pa.nulls(3))
    assert np.diff(offsets).tolist() == [0, 0, 0]


def test_marks_without_end_are_composed_in_pieces() -> None:
    """A run of combining marks in the worst order costs the square of a piece, not of the text."""
    marks = "a" + "\u0301\u0323" * (20 * PIECE)
    data, _ = gather([marks])
    assert len(data) > 40 * PIECE
