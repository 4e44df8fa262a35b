"""One rule for tokens: input includes what was cached, output includes reasoning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.wire.finish import WORDS, finish_reason
from spiritsafe.wire.usage import Usage, inclusive, usage

COUNT = st.integers(0, 10**9)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 40,
                "prompt_tokens_details": {"cached_tokens": 60},
                "completion_tokens_details": {"reasoning_tokens": 30},
            },
            Usage(100, 40, 60, 30),
        ),
        (
            {
                "input_tokens": 100,
                "output_tokens": 40,
                "input_tokens_details": {"cached_tokens": 60},
                "output_tokens_details": {"reasoning_tokens": 30},
            },
            Usage(100, 40, 60, 30),
        ),
        (
            {
                "input_tokens": 10,
                "output_tokens": 40,
                "cache_read_input_tokens": 60,
                "cache_creation_input_tokens": 30,
            },
            Usage(100, 40, 60, None),
        ),
        ({"input_tokens": 10, "output_tokens": 4, "cache_read_input_tokens": None}, Usage(10, 4, None, None)),
        (  # LiteLLM's rewriting of Anthropic's
            {
                "prompt_tokens": 100,
                "completion_tokens": 40,
                "cache_read_input_tokens": 60,
                "cache_creation_input_tokens": 30,
            },
            Usage(100, 40, 60, None),
        ),
        ({"inputTokens": 10, "outputTokens": 4, "cacheReadInputTokens": 60}, Usage(70, 4, 60, None)),
        (
            {
                "promptTokenCount": 100,
                "candidatesTokenCount": 10,
                "cachedContentTokenCount": 60,
                "thoughtsTokenCount": 30,
                "toolUsePromptTokenCount": 5,
            },
            Usage(105, 40, 60, 30),
        ),
        ({"prompt_tokens": 12, "completion_tokens": 0}, Usage(12, 0, None, None)),
        ({}, Usage()),
        ("many", Usage()),
    ],
)
def test_providers_agree(counts: object, expected: Usage) -> None:
    assert usage(counts) == expected


@given(fresh=COUNT, read=COUNT, written=COUNT, out=COUNT)
def test_the_same_call_counts_the_same_whoever_logged_it(fresh: int, read: int, written: int, out: int) -> None:
    whole = fresh + read + written
    shapes = [
        {"prompt_tokens": whole, "completion_tokens": out, "prompt_tokens_details": {"cached_tokens": read}},
        {
            "input_tokens": fresh,
            "output_tokens": out,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
        },
        {"inputTokens": fresh, "outputTokens": out, "cacheReadInputTokens": read, "cacheWriteInputTokens": written},
        {"promptTokenCount": whole, "candidatesTokenCount": out, "cachedContentTokenCount": read},
    ]
    assert {usage(shape) for shape in shapes} == {Usage(whole, out, read, None)}


@given(COUNT, COUNT, COUNT)
def test_a_total_never_stays_below_its_parts(total: int, read: int, written: int) -> None:
    whole = inclusive(total, read, written)
    assert isinstance(whole, int)
    assert whole >= max(total, read + written)
    assert inclusive(whole, read, written) == whole


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.just({"a": x})))
def test_nonsense_is_handed_on_for_its_column_to_refuse(value: object) -> None:
    assert usage({"prompt_tokens": value, "cache_read_input_tokens": 3}).input_tokens is not ...
    assert usage({"input_tokens": value, "cache_read_input_tokens": value}) is not None


def test_a_word_has_one_meaning() -> None:
    words = [word for words in WORDS.values() for word in words]
    assert len(words) == len(set(words))
    assert all(contract in words for contract, words in WORDS.items())
    assert {finish_reason(word.upper()) for word in words} == set(WORDS)
    assert finish_reason("Content-Filtered") == "content_filter"
    assert finish_reason("something_new") == "something_new"
    assert finish_reason([None, "max_tokens"]) == "length"
    assert list(map(finish_reason, (None, 1, "", [], {}, "x" * 99))) == [None] * 6
