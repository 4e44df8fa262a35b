"""Tokens of a stream that broke off before its count: from the bytes that went in and came out.

Whoever leaves a stream early would otherwise leave a bad row: under ``--on-error skip`` a way out of sight, and by
default a way to stop everybody's scan. Four bytes of UTF-8 to a token is what tokenisers come to on English
(https://help.openai.com/en/articles/4936856-what-are-tokens-and-how-to-count-them) and near it on other scripts, whose
characters are more bytes and more tokens. Such rows are counted and told of, never passed off as counted ones.
"""

import json
from collections.abc import Iterable, Iterator

from spiritsafe.wire.messages import every_text
from spiritsafe.wire.objects import Record, array, first, record

__all__ = ["BYTES_PER_TOKEN", "ESTIMATED", "asked_tokens", "put_out"]

BYTES_PER_TOKEN = 4
ESTIMATED = "tokens_estimated"
"""Under which a row says that its tokens were counted by nobody; no column of the contract."""
_PIECES = ("content", "text", "thinking", "partial_json", "refusal", "reasoning_content", "reasoning", "arguments")


def asked_tokens(request: Record) -> int:
    """Return the tokens that a request's messages, system prompt and tools come to.

    >>> asked_tokens({"messages": [{"role": "user", "content": "What is a spirit safe?"}]})
    6
    """
    texts = every_text(first(request, "messages", "input", "prompt"), first(request, "system", "instructions"))
    tools = first(request, "tools", "functions")
    return _tokens([texts, json.dumps(tools) if tools else ""])


def put_out(events: Iterable[Record]) -> int:
    """Return the tokens that a stream's pieces come to: words, reasoning and what tools are called with.

    >>> put_out([{"choices": [{"delta": {"content": "A locked "}}]}, {"choices": [{"delta": {"content": "box"}}]}])
    3
    """
    return _tokens(piece for event in events for piece in _pieces(event))


def _tokens(texts: Iterable[str]) -> int:
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    return -(-size // BYTES_PER_TOKEN)


def _pieces(event: Record) -> Iterator[str]:
    for choice in array(event.get("choices")):
        yield from _said(record(choice))
    yield from _said(event)


def _said(holder: Record) -> Iterator[str]:
    """Yield what one choice, or one event of a single answer, adds."""
    delta = holder.get("delta")
    if isinstance(delta, str):
        yield delta
    for place in (holder if delta is None else record(delta), *map(record, _calls(delta))):
        yield from (text for name in _PIECES if isinstance(text := place.get(name), str))


def _calls(delta: object) -> Iterator[object]:
    for call in array(first(delta, "tool_calls")):
        yield first(call, "function")
    yield first(delta, "function_call")
