"""Takes reasoning and log-probabilities out of answers, whole ones and streams.

What is taken is what a distiller wants and what an application seldom needs. What stays is what clients hold on to:
the blocks themselves, emptied, because client libraries count them, and their signatures and encrypted content,
because a conversation that goes on has to send these back and nobody but the model's server can read them.
Sources: OpenAI's API reference (chat completions, responses), Anthropic's (extended thinking), and the fields of
vLLM and DeepSeek (``reasoning``, ``reasoning_content``).
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from spiritsafe.gateway.proxy.routes import Dialect
from spiritsafe.gateway.proxy.sse import data_of, with_data

__all__ = ["withhold", "withhold_event"]

Json: TypeAlias = dict[str, Any]

_TRACES = ("reasoning", "reasoning_content", "reasoning_details", "thinking_blocks", "thinking")
_DROPPED = (
    *("response.reasoning_text.delta", "response.reasoning_text.done"),
    *("response.reasoning_summary_text.delta", "response.reasoning_summary_text.done"),
    *("response.reasoning_summary_part.added", "response.reasoning_summary_part.done"),
)
"""Events that hold nothing but reasoning; a tuple, because a type may be anything, even what has no hash."""


def withhold(dialect: Dialect, body: bytes) -> bytes:
    """Return a whole answer without them; what is no JSON object comes back as it is."""
    answer = _object(body)
    cut = _WHOLE.get(dialect)
    if answer is None or cut is None or not cut(answer):
        return body
    return msgspec.json.encode(answer)


def withhold_event(dialect: Dialect, event: bytes) -> bytes:
    """Return one event of a stream without them; nothing where the event is nothing else."""
    cut = _EVENTS.get(dialect)
    answer = None if cut is None else _object(data_of(event))
    if answer is None or cut is None:
        return event
    changed = cut(answer)
    if changed is None:
        return b""
    return with_data(event, msgspec.json.encode(answer)) if changed else event


def _object(data: bytes) -> Json | None:
    try:
        answer = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _objects(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _choices(answer: Json) -> bool:
    """Cut choices of chat completions and completions, messages and deltas alike."""
    changed = False
    for choice in _objects(answer.get("choices")):
        changed |= _emptied(choice, "logprobs")
        for name in ("message", "delta"):
            held = choice.get(name)
            if isinstance(held, dict):
                changed |= _bared(held) | _bared(held.get("provider_specific_fields"))
    return changed | (answer.pop("prompt_logprobs", None) is not None)


def _bared(holder: object) -> bool:
    """Cut what says a trace; LiteLLM says it a second time among the fields of the provider."""
    if not isinstance(holder, dict):
        return False
    return sum(holder.pop(trace, None) is not None for trace in _TRACES) > 0


def _emptied(holder: Json, name: str) -> bool:
    if holder.get(name) is None:
        return False
    holder[name] = None
    return True


def _items(answer: Json) -> bool:
    """Cut a response's output."""
    return sum(map(_item, _objects(answer.get("output")))) > 0


def _item(item: Json) -> bool:
    changed = False
    if item.get("type") == "reasoning":
        for name in ("summary", "content"):
            if item.get(name):
                item[name], changed = [], True
    for part in _objects(item.get("content")):
        changed |= _logprobs(part)
    return changed


def _logprobs(part: Json) -> bool:
    if not part.get("logprobs"):
        return False
    part["logprobs"] = []
    return True


def _response_event(event: Json) -> bool | None:
    """Cut one event of a response; None where all of it goes."""
    if event.get("type") in _DROPPED:
        return None
    changed = _logprobs(event)
    for name, cut in (("response", _items), ("item", _item), ("part", _logprobs)):
        held = event.get(name)
        if isinstance(held, dict):
            changed |= cut(held)
    return changed


def _blocks(answer: Json) -> bool:
    """Cut a message's thinking."""
    return sum(map(_block, _objects(answer.get("content")))) > 0


def _block(block: Json) -> bool:
    if block.get("type") != "thinking" or not block.get("thinking"):
        return False
    block["thinking"] = ""
    return True


def _message_event(event: Json) -> bool | None:
    """Cut one event of a message; None where all of it goes."""
    delta, block, message = (event.get(name) for name in ("delta", "content_block", "message"))
    if isinstance(delta, dict) and delta.get("type") == "thinking_delta":
        return None
    changed = isinstance(block, dict) and _block(block)
    return changed | (isinstance(message, dict) and _blocks(message))


_WHOLE: Mapping[Dialect, Callable[[Json], bool]] = {
    Dialect.CHAT: _choices,
    Dialect.COMPLETIONS: _choices,
    Dialect.RESPONSES: _items,
    Dialect.MESSAGES: _blocks,
}
_EVENTS: Mapping[Dialect, Callable[[Json], bool | None]] = {
    Dialect.CHAT: _choices,
    Dialect.COMPLETIONS: _choices,
    Dialect.RESPONSES: _response_event,
    Dialect.MESSAGES: _message_event,
}
