"""Token counts of any provider, by one rule: input includes cached tokens, output includes reasoning.

Providers differ in what they count where; were each reader to decide, the same traffic would weigh differently
from log to log. Which rule holds is told by the names of the fields, never by a provider's name, since a proxy
may have rewritten one without the other:

- OpenAI (``prompt_tokens``, or ``input_tokens`` with ``input_tokens_details``): totals already include cached
  and reasoning tokens. LiteLLM rewrites every provider's usage into this shape.
- Anthropic (``input_tokens`` beside ``cache_read_input_tokens``, ``cache_creation_input_tokens``): the input
  excludes both, so they are added.
- Bedrock Converse (``inputTokens`` beside ``cacheReadInputTokens``, ``cacheWriteInputTokens``): likewise.
- Gemini (``promptTokenCount``): includes cached tokens; thoughts and prompts of tools are counted apart, and added.

Sources: https://platform.openai.com/docs/guides/prompt-caching,
https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching,
https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html,
https://ai.google.dev/api/generate-content#UsageMetadata.
"""

from dataclasses import dataclass

from spiritsafe.wire.objects import first

__all__ = ["Usage", "added", "inclusive", "usage"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts in the contract's sense; a value that is no whole number is handed on, for its column to refuse.

    Attributes:
        input_tokens: all of the input, cached or not; None where the log says nothing.
        output_tokens: all of the output, reasoning included.
        cached_input_tokens: the part of the input that was read from a cache.
        reasoning_tokens: the part of the output that is reasoning.
    """

    input_tokens: object = None
    output_tokens: object = None
    cached_input_tokens: object = None
    reasoning_tokens: object = None

    def row(self) -> dict[str, object]:
        """Return the counts by column."""
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cached_input_tokens": self.cached_input_tokens,
            "reasoning_tokens": self.reasoning_tokens,
        }


def _count(value: object) -> int:
    """Return a count to add, 0 for anything that is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**63:
        return 0
    return int(value)


def added(total: object, *parts: object) -> object:
    """Return a total with parts that it does not include added; one that is no number stays as it is."""
    more = sum(map(_count, parts))
    if isinstance(total, bool) or not isinstance(total, int | float | None) or not more:
        return total
    return (total or 0) + more


def inclusive(total: object, *cached: object) -> object:
    """Return an input that should include its cached parts, with them added where it cannot.

    A total smaller than a part of it was counted without it, whatever the format promises.

    >>> inclusive(100, 80, 10), inclusive(5, 80, 10)
    (100, 95)
    """
    whole = sum(map(_count, cached))
    if isinstance(total, int | float) and not isinstance(total, bool) and 0 <= total < whole:
        return total + whole
    return total


def usage(counts: object) -> Usage:
    """Return a provider's usage object in the contract's sense; an empty one for anything else.

    >>> usage({"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 90}).input_tokens
    100
    >>> usage({"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 90}})
    Usage(input_tokens=100, output_tokens=5, cached_input_tokens=90, reasoning_tokens=None)
    """
    if not isinstance(counts, dict):
        return Usage()
    if "promptTokenCount" in counts or "candidatesTokenCount" in counts:
        return _gemini(counts)
    if "inputTokens" in counts or "outputTokens" in counts:
        return _bedrock(counts)
    cached = first(
        counts,
        "prompt_tokens_details.cached_tokens",
        "input_tokens_details.cached_tokens",
        "input_token_details.cache_read",
        "cache_read_input_tokens",
    )
    written = first(counts, "cache_creation_input_tokens")
    given = first(counts, "prompt_tokens")
    if given is not None:
        total = inclusive(given, cached, written)
    else:
        total = first(counts, "input_tokens")
        if "cache_read_input_tokens" in counts or "cache_creation_input_tokens" in counts:
            total = added(total, cached, written)
    reasoning = first(counts, "completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens")
    return Usage(total, first(counts, "completion_tokens", "output_tokens"), cached, reasoning)


def _gemini(counts: dict[str, object]) -> Usage:
    thoughts = counts.get("thoughtsTokenCount")
    return Usage(
        added(counts.get("promptTokenCount"), counts.get("toolUsePromptTokenCount")),
        added(counts.get("candidatesTokenCount"), thoughts),
        counts.get("cachedContentTokenCount"),
        thoughts,
    )


def _bedrock(counts: dict[str, object]) -> Usage:
    read = first(counts, "cacheReadInputTokens", "cacheReadInputTokenCount")
    written = first(counts, "cacheWriteInputTokens", "cacheWriteInputTokenCount")
    return Usage(added(counts.get("inputTokens"), read, written), counts.get("outputTokens"), read)
