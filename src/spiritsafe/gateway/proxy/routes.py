"""Which paths of the model's API pass, and in which dialect they speak.

A list of what passes and not of what does not: whatever an upstream understands of a path that we do not - an encoded
slash, a doubled one, a dot - cannot be used to get around the list.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Dialect", "Route", "route_of"]


class Dialect(StrEnum):
    """How a request and its answer are put."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    RESPONSES = "responses"
    EMBEDDINGS = "embeddings"
    MESSAGES = "messages"
    PLAIN = "plain"
    """Nothing that a model computes: lists of models, token counts."""


@dataclass(frozen=True, slots=True)
class Route:
    """One kind of request.

    Attributes:
        dialect: how it is put.
        operation: the contract's name of it; empty where nothing is computed.
    """

    dialect: Dialect
    operation: str = ""


_ID = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}"
_FIXED = {
    ("POST", "/v1/chat/completions"): Route(Dialect.CHAT, "chat"),
    ("POST", "/v1/completions"): Route(Dialect.COMPLETIONS, "text_completion"),
    ("POST", "/v1/responses"): Route(Dialect.RESPONSES, "chat"),
    ("POST", "/v1/embeddings"): Route(Dialect.EMBEDDINGS, "embeddings"),
    ("POST", "/v1/messages"): Route(Dialect.MESSAGES, "chat"),
    ("POST", "/v1/messages/count_tokens"): Route(Dialect.PLAIN),
    ("GET", "/v1/models"): Route(Dialect.PLAIN),
}
_MODEL = re.compile(rf"GET /v1/models/(?:{_ID}/)?{_ID}")
_STORED = re.compile(rf"(?:GET|DELETE) /v1/responses/{_ID}|POST /v1/responses/{_ID}/cancel")


def route_of(method: str, raw_path: bytes) -> Route | None:
    """Return what a request is, None if it does not pass.

    Args:
        method: in capitals.
        raw_path: as it was sent, without the query.

    >>> route_of("POST", b"/v1/messages").dialect, route_of("POST", b"/v1//messages"), route_of("GET", b"/v1/%6dodels")
    (<Dialect.MESSAGES: 'messages'>, None, None)
    """
    path = raw_path.decode("latin-1")
    if (found := _FIXED.get((method, path))) is not None or ".." in path:
        return found
    if _STORED.fullmatch(f"{method} {path}"):
        return Route(Dialect.RESPONSES)
    return Route(Dialect.PLAIN) if _MODEL.fullmatch(f"{method} {path}") else None
