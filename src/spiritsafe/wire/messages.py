"""What a request's messages and a model's answer say, whichever provider's shape they are in.

The shapes are told apart piece by piece and not by provider, since gateways translate and logs mix them. Nothing
here refuses anything: a client writes messages, a failed call is logged with whatever was sent, and a shape that
is none of these has no text that could be read. Sources:
https://platform.openai.com/docs/api-reference/chat, https://platform.openai.com/docs/api-reference/responses,
https://docs.anthropic.com/en/api/messages, https://ai.google.dev/api/generate-content,
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/ (messages as parts).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from spiritsafe.wire.finish import finish_reason
from spiritsafe.wire.objects import among, first, inner

__all__ = ["Answer", "Asked", "answer", "asked_of", "count", "every_text", "spelt", "text_of"]

_SYSTEM = frozenset({"system", "developer"})
_USER = frozenset({"user", "human"})
_TEXT = frozenset({"", "text", "input_text", "output_text", "refusal"})
_IMAGE = frozenset({"image", "image_url", "input_image"})
_CALL = frozenset(
    {
        "tool_call",
        "tool_use",
        "function_call",
        "custom_tool_call",
        "server_tool_use",
        "mcp_call",
        "mcp_tool_use",
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "computer_call",
    }
)
_NAMES = frozenset(
    ("role", "type", "text", "content", "parts", "messages", "contents", "choices", "candidates", "output", "message")
)
"""Names by which an object is told for a message, a piece of one, a request or a response."""
_CALL_KEYS = ("functionCall", "function_call", "toolUse")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request's messages say; None where the log does not have them.

    Attributes:
        prompt: the last user message that has words of its own (the results of tools are none).
        system_prompt: every system or developer message, and what was given apart.
        message_count: messages, a system prompt given apart included.
        image_count: images in all messages.
    """

    prompt: str | None = None
    system_prompt: str | None = None
    message_count: int | None = None
    image_count: int | None = None

    def row(self) -> dict[str, object]:
        """Return what was asked by column."""
        return {
            "prompt": self.prompt,
            "system_prompt": self.system_prompt,
            "message_count": self.message_count,
            "image_count": self.image_count,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered; None where the log does not have it.

    Attributes:
        response: the first choice's words.
        tool_call_count: tools that it called.
        finish_reason: why it ended, in the contract's words.
    """

    response: str | None = None
    tool_call_count: int | None = None
    finish_reason: str | None = None

    def row(self) -> dict[str, object]:
        """Return the answer by column."""
        return {
            "response": self.response,
            "tool_call_count": self.tool_call_count,
            "finish_reason": self.finish_reason,
        }


def asked_of(messages: object, system: object = None) -> Asked:
    """Return what a request's messages say.

    Args:
        messages: a list of messages, one, or a text; JSON text of any of these.
        system: a system prompt that is given apart (Anthropic's ``system``, ``instructions``), as text or pieces.

    >>> asked_of([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}])
    Asked(prompt='Hello', system_prompt='Be brief.', message_count=2, image_count=0)
    """
    items = _items(messages)
    apart = text_of(system)
    if not items and not apart:
        return Asked()
    systems = [text for item in items if _role(item) in _SYSTEM if (text := text_of(item))]
    said = (text for item in reversed(items) if _role(item) in _USER if (text := text_of(item)))
    return Asked(
        next(said, None),
        "\n".join([apart, *systems] if apart else systems) or None,
        len(items) + bool(apart),
        sum(_is_image(piece) for item in items for piece in _pieces(item)),
    )


def every_text(messages: object, system: object = None) -> str:
    """Return the words of all messages, whoever said them, and of a system prompt that is given apart."""
    return "\n".join(text for item in (system, *_items(messages)) if (text := text_of(item)))


def answer(body: object) -> Answer:
    """Return what a response says: a provider's response body, one message of it, or a list of messages.

    >>> answer({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]})
    Answer(response='Hi', tool_call_count=0, finish_reason='stop')
    """
    body = spelt(body)
    if isinstance(body, str):
        return Answer(body or None)
    if isinstance(body, list):
        messages: list[Any] = body
        holder: object = next((item for item in body if isinstance(item, dict)), None)
    elif isinstance(body, dict):
        holder = _first_of(body, "choices", "candidates") or body
        messages = _messages(body, holder)
    else:
        return Answer()
    reason = first(holder, "finish_reason", "stop_reason", "finishReason", "incomplete_details.reason", "stopReason")
    if reason is None and isinstance(body, dict) and isinstance(body.get("output"), list):
        reason = body.get("status")
    texts = [text for item in messages if (text := text_of(item))]
    calls = sum(map(_calls, messages))
    if not messages and reason is None:
        return Answer()
    return Answer("\n".join(texts) or None, calls, finish_reason(reason))


def count(value: object) -> int | None:
    """Return how many items an array, or the JSON text of one, has; None for anything else."""
    value = inner(value)
    return len(value) if isinstance(value, list) else None


def text_of(value: object) -> str:
    """Return the words of a text, a message, a piece of one, or a list of them; '' where there are none."""
    return "\n".join(text for piece in _pieces(value) if (text := _words(piece)))


def spelt(value: object) -> object:
    """Return the messages, pieces or body that a text spells as JSON; a text that spells none is a text.

    Prompts and answers may themselves be JSON, and must not vanish for it.

    >>> spelt('[{"type": "text", "text": "Hi"}]'), spelt('{"score": 5}')
    ([{'type': 'text', 'text': 'Hi'}], '{"score": 5}')
    """
    said = inner(value)
    if not isinstance(value, str) or isinstance(said, str):
        return said
    items = said if isinstance(said, list) else [said]
    known = bool(items) and all(isinstance(item, dict) and not _NAMES.isdisjoint(item) for item in items)
    return said if known else value


def _items(messages: object) -> list[Any]:
    messages = spelt(messages)
    if isinstance(messages, dict):
        messages = first(messages, "messages", "contents", "input") or ([messages] if "role" in messages else None)
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}] if messages else []
    return messages if isinstance(messages, list) else []


def _role(item: object) -> str:
    if isinstance(item, str):
        return "user"
    role = item.get("role", "user" if "parts" in item else None) if isinstance(item, dict) else None
    return role if isinstance(role, str) else ""


def _pieces(value: object) -> Iterator[object]:
    """Yield the pieces of a message, itself if it is a piece, or those of a list."""
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        inside = first(value, "parts", "content")
        if isinstance(inside, list):
            yield from inside
        elif isinstance(inside, dict):
            yield from _pieces(inside.get("parts", [inside]))
        else:
            yield value
    elif isinstance(value, str):
        yield value


def _words(piece: object) -> str:
    if isinstance(piece, dict):
        if _type(piece) not in _TEXT:
            return ""
        piece = first(piece, "text", "text.value", "content", "refusal")
        piece = piece.get("value") if isinstance(piece, dict) else piece
    return piece if isinstance(piece, str) else ""


def _type(piece: dict[str, Any]) -> str:
    kind = piece.get("type", "")
    return kind if isinstance(kind, str) else "?"


def _is_image(piece: object) -> bool:
    if not isinstance(piece, dict):
        return False
    mime = first(piece, "inlineData.mimeType", "inline_data.mime_type", "fileData.mimeType", "mime_type")
    return (
        _type(piece) in _IMAGE
        or piece.get("modality") == "image"
        or (isinstance(mime, str) and mime.startswith("image/"))
        or ("type" not in piece and isinstance(piece.get("image"), dict))
    )


def _calls(message: object) -> int:
    """Return how many tools a message calls."""
    if not isinstance(message, dict):
        return 0
    listed = message.get("tool_calls")
    if isinstance(listed, list) and listed:
        return len(listed)
    if _type(message) in _CALL or isinstance(message.get("function_call"), dict):
        return 1
    return sum(isinstance(p, dict) and p is not message and _is_call(p) for p in _pieces(message))


def _is_call(piece: dict[str, Any]) -> bool:
    return _type(piece) in _CALL or any(isinstance(piece.get(key), dict) for key in _CALL_KEYS)


def _first_of(body: dict[str, Any], *names: str) -> dict[str, Any] | None:
    for name in names:
        listed = body.get(name)
        if isinstance(listed, list) and listed and isinstance(listed[0], dict):
            return listed[0]
    return None


def _messages(body: dict[str, Any], holder: object) -> list[Any]:
    """Return what the first choice consists of."""
    if isinstance(body.get("output"), list):  # OpenAI responses
        return list(body["output"])
    message = first(holder, "message", "output.message", "content") if holder is not body else None
    if message is not None:
        return [message]
    if isinstance(among(holder, "text"), str):  # the older completions
        return [among(holder, "text")]
    bedrock = among(body, "output.message")
    if bedrock is not None:
        return [bedrock]
    return [body] if "content" in body or "tool_calls" in body else []
