"""One vocabulary for why an answer ended.

Providers say the same thing in their own words; the contract says it in OpenAI's, because those are what most
logs hold and what the rest of the code asks for. A word that is not listed stays as it is, in lower case.
"""

__all__ = ["WORDS", "finish_reason"]

WORDS: dict[str, tuple[str, ...]] = {
    "stop": ("stop", "end_turn", "stop_sequence", "completed", "complete", "eos", "eos_token", "finish_reason_stop"),
    "length": (
        "length",
        "max_tokens",
        "max_output_tokens",
        "model_length",
        "model_context_window_exceeded",
        "finish_reason_max_tokens",
    ),
    "tool_calls": ("tool_calls", "tool_call", "tool_use", "function_call", "pause_turn"),
    "content_filter": (
        "content_filter",
        "content_filtered",
        "refusal",
        "safety",
        "recitation",
        "blocklist",
        "prohibited_content",
        "spii",
        "guardrail_intervened",
        "finish_reason_safety",
    ),
}
"""Contract word -> the words of OpenAI (chat completions, responses), Anthropic, Gemini, Bedrock, Mistral, Cohere."""

_CONTRACT = {word: contract for contract, words in WORDS.items() for word in words}
_LONGEST = 64


def finish_reason(value: object) -> str | None:
    """Return why an answer ended, in the contract's words; of several choices the first one's.

    >>> finish_reason("MAX_TOKENS"), finish_reason(["tool_use"]), finish_reason(7)
    ('length', 'tool_calls', None)
    """
    if isinstance(value, list):
        value = next((item for item in value if item is not None), None)
    if not isinstance(value, str) or not value or len(value) > _LONGEST:
        return None
    word = value.lower().replace("-", "_")
    return _CONTRACT.get(word, word)
