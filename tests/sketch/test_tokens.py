import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.sketch.hashing import Purpose, derive
from spiritsafe.sketch.scan import TEXT_LIMIT, shorten
from spiritsafe.sketch.segments import CAP
from tests.sketch import reference
from tests.sketch.sketching import KEY, sketch

PIECES = st.sampled_from(
    [
        "think", "Step", "3.14", "1,000", "a1b2c3d4e5", "deadbeef", "0123456789", "gpt4", "x" * 70, "über",
        "https://a.example/b?c=1", "www.x.org", "123e4567-e89b-12d3-a456-426614174000", "中文", "こんにちは", "한국어",
        ".", "!", "?", ":", "。", "\n", " ", "  ", '"', "'", "«", "…", ",", ";", "-", "(", ")", "def f(x):", "é́",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=40).map("".join)


def _keys(purpose: Purpose) -> tuple[int, int]:
    k = derive(KEY, purpose)
    return int(k[0]), int(k[1])


@given(TEXTS)
def test_segments_equal_the_reference(text: str) -> None:
    found = list(reference.segments(reference.normalise(text)))
    sketches = sketch([text])
    if len(found) > CAP:
        assert len(sketches.segment_hash) == CAP
        return
    assert sketches.segment_words.tolist() == [len(segment) for segment in found]
    expected = [reference.segment_hash(segment, _keys(Purpose.WORD), _keys(Purpose.SEGMENT)) for segment in found]
    assert sketches.segment_hash.view(np.uint64).tolist() == expected


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("One. Two! Three? Four", 4),
        ("Version 3.14 of www.python.org/x. Good", 2),
        ("Translate the following:\nhello", 2),
        ("请翻译。你好!再见", 3),
        ('Say "good morning" in French', 3),
        ("...!!!\n\n", 0),
        ("at 10:30 today", 1),
    ],
)
def test_where_segments_end(text: str, segments: int) -> None:
    assert len(sketch([text]).segment_hash) == segments


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Order 12 of 1,500", "order 7 of 3.5"),
        ("see https://a.example/1", "see https://b.example/2?x=y"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id 00000000-0000-1000-8000-00805f9b34fb"),
        ("commit deadbeef12", "commit 0badcafe99ff"),
    ],
)
def test_masked_values_leave_the_hash_and_stay_in_the_values(one: str, other: str) -> None:
    a, b = sketch([one]), sketch([other])
    assert a.segment_hash.tolist() == b.segment_hash.tolist()
    assert a.segment_values.tolist() != b.segment_values.tolist()
    assert a.instance[0] != b.instance[0]


def test_prose_has_no_values() -> None:
    assert sketch(["No numbers here. None at all."]).segment_values.tolist() == [0, 0]


@given(st.integers(0, 300), st.integers(8, 64))
def test_shortening_keeps_both_ends_and_whole_characters(characters: int, limit: int) -> None:
    raw = ("aé中😀" * characters)[:characters].encode()
    text = np.frombuffer(raw + bytes(2), np.uint8).copy()
    length = int(shorten(text, len(raw), limit))
    kept = text[:length].tobytes().decode()
    assert length <= max(limit, 0) or length == len(raw) <= limit
    if len(raw) > limit:
        head, tail = kept.split("\n")
        assert raw.decode().startswith(head)
        assert raw.decode().endswith(tail)


def test_a_huge_prompt_is_bounded() -> None:
    text = "word next. " * (TEXT_LIMIT // 4)
    sketches = sketch([text, text + "!"])
    assert np.diff(sketches.offsets).max() <= CAP
    assert sketches.instance[0] != sketches.instance[1]


def test_every_segment_of_the_ends_is_kept() -> None:
    sentences = [f"{chr(97 + i % 26)}{chr(97 + i // 26)} sentence." for i in range(300)]
    alone = sketch(sentences)
    together = sketch([" ".join(sentences)])
    assert len(together.segment_hash) == CAP
    assert together.segment_hash[:28].tolist() == alone.segment_hash[:28].tolist()
    assert together.segment_hash[-29:-1].tolist() == alone.segment_hash[-28:].tolist()
    assert together.segment_words.sum() == alone.segment_words.sum()
