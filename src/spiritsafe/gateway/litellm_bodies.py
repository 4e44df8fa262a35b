"""LiteLLM's requests and answers: what they ask, what steers a watermark in them, and what of them a client gets.

LiteLLM has objects, dictionaries and the text of streams side by side, by route. All of them are read as the JSON
that they become, by the same code as on the way through the gateway's own proxy; copies are changed, never what
LiteLLM logs.
"""

import re
from typing import Any

import msgspec

from spiritsafe.gateway.asking import Json
from spiritsafe.gateway.proxy.asked import KEY_ARGUMENT, NESTED, STEERING
from spiritsafe.gateway.proxy.routes import Dialect
from spiritsafe.gateway.proxy.sse import Events, data_of
from spiritsafe.gateway.proxy.withhold import withhold, withhold_event

__all__ = ["Dropped", "Shown", "bare", "dialect_of", "estimated", "mark", "plain", "unreadable"]

Dropped = object()
"""Stands for an event that its client does not get."""
_DIALECTS = {
    "completion": Dialect.CHAT,
    "text_completion": Dialect.COMPLETIONS,
    "responses": Dialect.RESPONSES,
    "embedding": Dialect.EMBEDDINGS,
    "anthropic_messages": Dialect.MESSAGES,
}
_NOTHING = re.compile(r"file|batch|fine_tun|vector_store|assistant|thread|health|mcp|container|skill|list_|_list")
"""Call types that ask no model anything."""
_UNREADABLE = re.compile(r"generate_content|pass_through|realtime|websocket")
"""Call types whose answers may hold reasoning and do not come by here."""
_SAYS = ("messages", "input", "prompt", "system", "instructions", "tools", "contents")
_BYTES_A_TOKEN = 4


def dialect_of(call_type: str) -> str | None:
    """Return how a call is put; None where it asks no model anything.

    >>> dialect_of("acompletion"), dialect_of("anthropic_messages"), dialect_of("acreate_file"), dialect_of("arerank")
    ('chat', 'messages', None, 'plain')
    """
    known = _DIALECTS.get(call_type) or _DIALECTS.get(call_type.removeprefix("a"))
    if known is not None:
        return str(known)
    return None if _NOTHING.search(call_type) else str(Dialect.PLAIN)


def unreadable(call_type: str) -> bool:
    """Return whether nothing can be withheld from the answers of such calls."""
    return _UNREADABLE.search(call_type) is not None


def estimated(data: Json) -> int:
    """Return a guess of a request's tokens, from its size."""
    said = {name: data[name] for name in _SAYS if name in data}
    return -(-len(msgspec.json.encode(said, enc_hook=str)) // _BYTES_A_TOKEN)


def bare(data: Json) -> None:
    """Take out of a request what would steer a watermark, at the top and in what is handed on to an engine."""
    for name in STEERING & data.keys():
        del data[name]
    for name in NESTED:
        held = data.get(name)
        if isinstance(held, dict):
            data[name] = held = dict(held)
            bare(held)


def mark(data: Json, key_id: str) -> None:
    """Have the engine use a watermark key."""
    extra = data.get("extra_body")
    extra = dict(extra) if isinstance(extra, dict) else {}
    told = [held for held in (data.pop("vllm_xargs", None), extra.get("vllm_xargs")) if isinstance(held, dict)]
    arguments = {name: value for held in told for name, value in held.items()}
    data["extra_body"] = {**extra, "vllm_xargs": {**arguments, KEY_ARGUMENT: key_id}}


def plain(thing: Any) -> Any:
    """Return an object of LiteLLM's as what its JSON says; text and nothing stay what they are."""
    if isinstance(thing, bytes):
        return thing.decode("utf-8", "replace")
    if thing is None or isinstance(thing, str):
        return thing
    if hasattr(thing, "model_dump"):
        thing = thing.model_dump(mode="json", exclude_unset=True)
    return msgspec.json.decode(msgspec.json.encode(thing, enc_hook=str))


class Shown:
    """What a client gets of one answer from which reasoning and log-probabilities are withheld.

    Args:
        dialect: of the answer.
    """

    def __init__(self, dialect: str) -> None:
        self._dialect, self._events = Dialect(dialect or Dialect.PLAIN), Events()

    def whole(self, answer: Any) -> Any:
        """Return an answer without them."""
        before = msgspec.json.encode(plain(answer))
        after = withhold(self._dialect, before)
        return answer if after is before else _again(answer, after)

    def event(self, item: Any) -> Any:
        """Return one piece of a stream without them; :data:`Dropped` where nothing is left of it."""
        if isinstance(item, str | bytes):
            return self._text(item)
        before = b"data: " + msgspec.json.encode(plain(item)) + b"\n\n"
        after = withhold_event(self._dialect, before)
        if not after:
            return Dropped
        return item if after is before else _again(item, data_of(after))

    def _text(self, piece: str | bytes) -> Any:
        raw = piece.encode() if isinstance(piece, str) else piece
        left = b"".join(withhold_event(self._dialect, event) for event in self._events.feed(raw))
        if not left:
            return Dropped
        return left.decode("utf-8", "replace") if isinstance(piece, str) else left


def _again(thing: Any, content: bytes) -> Any:
    """Return an object of the same kind with other content, and what LiteLLM has written on it."""
    told = msgspec.json.decode(content)
    if isinstance(thing, dict):
        return told
    made = type(thing)(**told)
    hidden = getattr(thing, "_hidden_params", None)
    if hidden is not None:
        made._hidden_params = hidden
    return made
