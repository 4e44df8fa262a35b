"""What the events of a streamed answer add up to: the body that the same API gives when it does not stream.

So every later step knows one shape per API. Texts of tool calls are not put together: their number is all that is
asked of them. Where a stream breaks off, the counts that its last event would have brought are absent, and stay so.
Source: the streaming references of the OpenAI API (chat completions, responses) and of the Anthropic API (messages).
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from spiritsafe.wire.objects import Record, array, first, record, text, whole

__all__ = ["folded"]

_MOST = 10_000
"""Choices or blocks beyond this place are no part of an answer."""


def folded(events: Iterable[Record]) -> dict[str, Any]:
    """Return the body that a stream's events amount to; empty where they are no answer's.

    >>> folded([{"choices": [{"delta": {"content": "Hel"}}]}, {"choices": [{"delta": {"content": "lo"}}]}])["choices"]
    [{'index': 0, 'message': {'role': 'assistant', 'content': 'Hello'}, 'finish_reason': None}]
    """
    events = list(events)
    kinds = {str(event.get("type")) for event in events}
    if "message_start" in kinds:
        return _message(events)
    if any(kind.startswith("response.") for kind in kinds):
        return _response(events)
    if any("choices" in event for event in events):
        return _completion(events)
    return next((dict(event) for event in events if "error" in event), {})


class _Choice:
    """One choice of a chat completion as it grows."""

    def __init__(self) -> None:
        self.content: list[str] = []
        self.calls: set[int] = set()
        self.finish: str | None = None

    def add(self, choice: Record) -> None:
        delta = record(choice.get("delta"))
        for piece in (delta.get("content"), delta.get("refusal"), choice.get("text")):
            if isinstance(piece, str):
                self.content.append(piece)
        self.calls |= {whole(call, "index") or 0 for call in array(delta.get("tool_calls"))}
        if "function_call" in delta:
            self.calls.add(0)
        self.finish = text(choice, "finish_reason") or self.finish

    def message(self) -> dict[str, Any]:
        calls = {"tool_calls": [{"type": "function"} for _ in self.calls]} if self.calls else {}
        return {"role": "assistant", "content": "".join(self.content), **calls}


def _completion(events: list[Record]) -> dict[str, Any]:
    body: dict[str, Any] = {"object": "chat.completion"}
    choices: defaultdict[int, _Choice] = defaultdict(_Choice)
    for event in events:
        body |= {name: event[name] for name in ("id", "model", "created", "service_tier") if event.get(name)}
        # The last count is the whole one: some servers count along with every chunk.
        usage = first(event, "usage", "x_groq.usage")
        if isinstance(usage, dict):
            body["usage"] = usage
        if "error" in event:
            body["error"] = event["error"]
        for choice in array(event.get("choices")):
            place = whole(choice, "index") or 0
            if isinstance(choice, dict) and place < _MOST:
                choices[place].add(choice)
    body["choices"] = [
        {"index": place, "message": choice.message(), "finish_reason": choice.finish}
        for place, choice in sorted(choices.items())
    ]
    return body


def _response(events: list[Record]) -> dict[str, Any]:
    """Return the response that the last event holds whole, with the texts of the others where it came to no end."""
    body: dict[str, Any] = {}
    pieces: list[str] = []
    for event in events:
        body |= record(event.get("response"))
        if event.get("type") == "response.output_text.delta":
            pieces += [piece] if isinstance(piece := event.get("delta"), str) else []
        if event.get("type") == "error":
            body["error"] = event
    if not array(body.get("output")) and pieces:
        content = [{"type": "output_text", "text": "".join(pieces)}]
        body["output"] = [{"type": "message", "role": "assistant", "content": content}]
    return {"object": "response", **body}


def _message(events: list[Record]) -> dict[str, Any]:
    body: dict[str, Any] = {"type": "message"}
    blocks: dict[int, dict[str, Any]] = {}
    texts: defaultdict[int, list[str]] = defaultdict(list)
    for event in events:
        kind, place = event.get("type"), whole(event, "index") or 0
        if kind == "message_start":
            body |= record(event.get("message"))
            # What has been put out so far is no count of the whole; the stream's end brings that.
            body["usage"] = {**record(body.get("usage")), "output_tokens": None}
        elif kind == "content_block_start" and place < _MOST:
            blocks[place] = dict(record(event.get("content_block")))
            texts[place] = [piece] if isinstance(piece := blocks[place].get("text"), str) else []
        elif kind == "content_block_delta" and place in blocks:
            piece = first(event, "delta.text")
            texts[place] += [piece] if isinstance(piece, str) else []
        elif kind == "message_delta":
            body |= {name: value for name, value in record(event.get("delta")).items() if value is not None}
            counted = {name: value for name, value in record(event.get("usage")).items() if value is not None}
            body["usage"] = {**record(body.get("usage")), **counted}
        elif kind == "error":
            body["error"] = event.get("error")
    body["content"] = [
        {**block, "text": "".join(texts[place])} if block.get("type") == "text" else block
        for place, block in sorted(blocks.items())
    ]
    return body
