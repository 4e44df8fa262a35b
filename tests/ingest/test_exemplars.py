"""Words that many organisations sent are kept, what belongs to one of them is masked, and a flood costs its size."""

import re
import sys
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.ingest import exemplars
from spiritsafe.ingest.chunk import Chunk, chunk_of
from spiritsafe.ingest.exemplars import Exemplars
from spiritsafe.sketch.excerpt import MAX_CHARS, excerpts, mask
from spiritsafe.sketch.refine import Thresholds
from spiritsafe.sketch.sketches import sketch_texts
from spiritsafe.sketch.templates import TemplateIndex

KEY = b"a test key"
PLAIN = re.compile(r"\b(?=[0-9a-fA-F-]*\d)[0-9a-fA-F][0-9a-fA-F-]{7,}\b")
"""What an identifier is, without a thought for time."""


def _chunk(prompts: Sequence[str], system: Sequence[str | None] | None = None) -> Chunk:
    n = len(prompts)
    table = pa.table(
        {
            "exchange_id": [f"e{at}" for at in range(n)],
            "started_at": pa.array([1_767_225_600_000_000 + at for at in range(n)], pa.timestamp("us", "UTC")),
            "account_id": [f"a{at}" for at in range(n)],
            "model": ["m"] * n,
            "input_tokens": np.ones(n, np.int64),
            "output_tokens": np.ones(n, np.int64),
            "prompt": pa.array(prompts, pa.string()),
            "system_prompt": pa.array(system or [None] * n, pa.string()),
        }
    )
    return chunk_of(table, KEY)


def _kept(chunk: Chunk, organisations: int = 5) -> list[str]:
    """Return the words that are told; every exchange is of an organisation of its own."""
    n = len(chunk)
    zeros = np.zeros(n, np.int64)
    sketches = sketch_texts(
        chunk.column("prompt").combine_chunks(),
        chunk.column("system_prompt").combine_chunks(),
        pa.nulls(n),
        tool_count=zeros,
        image_count=zeros,
        message_count=zeros,
        key=KEY,
    )
    index = TemplateIndex(KEY, Thresholds(instances=5))
    assigned = index.assign(sketches, np.arange(n, dtype=np.int64) + 1)
    known = pa.table({"sentence": pa.array([], pa.int64()), "words": pa.array([], pa.string())})
    kept = Exemplars(organisations, known, KEY).keep(chunk, sketches, assigned)
    return sorted(filter(None, kept.column("words").to_pylist()))


NAMES = ["anna", "berta", "clara", "dora", "emma", "frieda"]


def test_words_of_five_organisations_are_kept_and_those_of_one_are_not() -> None:
    prompts = [f"Answer as a judge of order {at}. My name is {name} and nobody else." for at, name in enumerate(NAMES)]
    assert _kept(_chunk(prompts)) == ["answer as a judge of order 0"]
    assert _kept(_chunk(prompts[:4])) == []
    assert _kept(_chunk(prompts), organisations=7) == []


def test_sentences_of_the_system_prompt_are_found_there() -> None:
    prompts = [f"My name is {name} and nobody else." for name in NAMES]
    assert _kept(_chunk(prompts, ["Write down your reasoning."] * 6)) == ["write down your reasoning"]


@settings(deadline=None, max_examples=500)
@given(st.text("af09-xZ. é_", max_size=40))
def test_an_identifier_is_what_the_plain_pattern_says(words: str) -> None:
    assert mask(words) == re.sub(r"\d+", "0", PLAIN.sub("<id>", words))


@pytest.mark.parametrize("unit", ["a-", "-a", "a", "a1-", "1", "http://", "https://a ", "a-a ", "-", "0-z"])
def test_masking_takes_steps_in_proportion(unit: str) -> None:
    """The pattern's own steps cannot be counted, but two million characters would take it hours were they squared."""
    text = unit * (2_000_000 // len(unit)) + "z"
    assert len(mask(text)) <= len(text)


def test_a_text_is_cut_once_however_many_sentences_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = [0]

    def counting(text: str, key: bytes) -> list[tuple[int, str]]:
        cut[0] += 1
        return excerpts(text, key)

    monkeypatch.setattr(exemplars, "excerpts", counting)
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
    shared = " ".join(f"Say what {word} is to {other}." for word in words for other in words[:4])
    assert len(_kept(_chunk([f"{shared} My name is {name}." for name in NAMES]))) == 32
    assert cut[0] == 1


def test_a_flood_of_sentences_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are counted for a flood and for one twice as large."""

    def calls(count: int) -> int:
        spelt = ["".join("abcdefghij"[int(digit)] for digit in str(at)) for at in range(count)]
        chunk = _chunk([f"Say what {word} is to {word}. I am {name} of {word}." for word in spelt for name in NAMES])
        steps = [0]

        def counted(*_: object) -> None:
            steps[0] += 1

        sys.setprofile(counted)
        try:
            assert len(_kept(chunk)) == count
        finally:
            sys.setprofile(None)
        return steps[0]

    assert calls(1)
    assert calls(200) <= 2.2 * calls(100)


def test_no_more_than_a_few_words_are_kept() -> None:
    long = "word " * 300
    assert all(len(words) <= MAX_CHARS for words in _kept(_chunk([f"{long}. I am {name}." for name in NAMES])))
