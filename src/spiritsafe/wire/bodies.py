"""The two bodies of a logged call, decoded: what was asked, what was answered, and whether that is an exchange.

Apart from the envelopes that carry them, since gateways and observability tools log the same bodies. A request may
hold anything, for clients write it; a response is the provider's word, so one that cannot be read refuses the record.
"""

import base64
import binascii
from dataclasses import dataclass, field

from spiritsafe.wire.estimate import ESTIMATED, asked_tokens, put_out
from spiritsafe.wire.events import events
from spiritsafe.wire.messages import answer, asked_of
from spiritsafe.wire.objects import Record, array, first, inner, record, text, truth
from spiritsafe.wire.parameters import parameters
from spiritsafe.wire.streams import folded
from spiritsafe.wire.unfit import Unfit
from spiritsafe.wire.usage import usage

__all__ = ["Bodies", "is_answer", "is_other_call", "is_request", "is_text_call", "plain_name", "request_of"]

_ANSWERS = frozenset({"chat.completion", "text_completion", "response"})
_UNFINISHED = frozenset({"queued", "in_progress"})
"""What a response says that is made in the background, to be fetched later."""
_CONTENT = ("choices", "content", "output")
_REFUSED = 400
_LONGEST_NAME = 256
_TEXT_CALLS = ("/completions", "/responses", "/messages")
_OTHER_CALLS = ("/embeddings", "/images", "/audio", "/moderations", "/models", "/files", "/count_tokens", "/rerank")


@dataclass(frozen=True, slots=True)
class Bodies:
    """A call's bodies.

    Attributes:
        request: what was asked, empty if the log has it not or it is no JSON object.
        response: what was answered, put together if it was streamed; empty if the log has it not.
        streamed: whether the answer was logged as a stream.
        put_out: tokens that the stream's pieces come to, by their bytes.
    """

    request: Record = field(default_factory=dict)
    response: Record = field(default_factory=dict)
    streamed: bool = False
    put_out: int = 0

    @classmethod
    def of(cls, request: object, response: object, where: str = "response") -> "Bodies":
        """Decode two bodies: objects, JSON text, base64 of it in HAR's manner, streams.

        Args:
            request: as logged.
            response: as logged.
            where: the path that the response was found at, for messages.

        Raises:
            Unfit: the response is broken.
        """
        response = inner(_unwrapped(response))
        held = _events(response, where)
        if held is not None:
            return cls(request_of(request), folded(held), streamed=True, put_out=put_out(held))
        if isinstance(response, str) and response.lstrip().startswith("{"):
            raise Unfit(f"{where} is JSON that is cut off or broken; raise the logger's bound on bodies")
        return cls(request_of(request), record(response))

    def failed(self, status: object = None) -> bool:
        """Tell whether a call failed: it was refused, or says so itself, and nothing was answered.

        A stream that ends in an error, or in the client's leaving (499), has answered.
        """
        refused = isinstance(status, int) and status >= _REFUSED
        if not refused and not self.response.get("error"):
            return False
        return self.response.get("usage") is None and not any(array(self.response.get(part)) for part in _CONTENT)

    def is_exchange(self, status: object) -> bool:
        """Tell a call that asked a model for text from the others that an API answers.

        A call that was refused is one if it names a model and has something to say to it.
        """
        if self.response and not self.failed(status):
            unfinished = not self.streamed and text(self.response, "status") in _UNFINISHED
            return is_answer(self.response) and not unfinished
        return is_request(self.request) and self.model is not None

    @property
    def model(self) -> str | None:
        """The model asked for; the one that answered, where the request does not say it plainly."""
        return plain_name(self.request.get("model")) or plain_name(self.response.get("model"))

    def row(self, counts: object = None, *, failed: bool = False, estimate: bool = False) -> dict[str, object]:
        """Return what the bodies say, by column.

        Args:
            counts: a usage object to fall back on.
            failed: the call failed: it used no tokens unless it says so, and what it returned is no answer.
            estimate: say of a stream that nobody counted what its bytes come to.
        """
        request, response = self.request, self.response
        tokens = usage(first(response, "usage") or counts).row()
        if failed and tokens["input_tokens"] is None and tokens["output_tokens"] is None:
            tokens |= {"input_tokens": 0, "output_tokens": 0}
        if estimate and self.streamed and None in (tokens["input_tokens"], tokens["output_tokens"]):
            tokens |= {name: guess for name, guess in self._guesses().items() if tokens[name] is None}
            tokens[ESTIMATED] = True
        return {
            "model": self.model,
            **tokens,
            **asked_of(first(request, "messages", "input", "prompt"), first(request, "system", "instructions")).row(),
            **({} if failed else answer(response).row()),
            **parameters(request),
            "stream": truth(request, "stream") or self.streamed if request or self.streamed else None,
            "operation": "text_completion" if response.get("object") == "text_completion" else "chat",
            "batch": True if _tier(response) == "batch" else None,
            "end_user_id": text(request, "safety_identifier", "user", "metadata.user_id"),
            "conversation_id": text(request, "conversation.id", "conversation") or text(response, "conversation.id"),
        }

    def _guesses(self) -> dict[str, object]:
        return {"input_tokens": asked_tokens(self.request), "output_tokens": self.put_out}


def request_of(body: object) -> Record:
    """Return what was asked, empty if it is no JSON object."""
    return record(_unwrapped(body))


def is_answer(body: Record) -> bool:
    """Tell the response of a chat completion, completion, response or message."""
    if text(body, "object") in _ANSWERS or body.get("type") == "message":
        return True
    return isinstance(body.get("choices"), list) or (
        isinstance(body.get("output"), list) and isinstance(body.get("usage"), dict)
    )


def is_request(body: Record) -> bool:
    """Tell the request of one of them; one for embeddings names an encoding or nothing that an answer is of."""
    if isinstance(body.get("messages"), list):
        return True
    return bool(first(body, "input", "prompt")) and not body.keys() & {"encoding_format", "dimensions", "size", "voice"}


def is_other_call(place: object) -> bool:
    """Tell by the path or address of a call that it asks for no text."""
    return isinstance(place, str) and any(other in place.lower() for other in _OTHER_CALLS)


def is_text_call(place: object, asked: object) -> bool:
    """Tell a call that asks for text by its path or its body, which may be cut off."""
    if isinstance(place, str) and place.partition("?")[0].rstrip("/").endswith(_TEXT_CALLS):
        return True
    return is_request(request_of(asked)) or (isinstance(asked, str) and '"messages"' in asked)


def plain_name(value: object) -> str | None:
    """Return a name that may be an id, None for what only a hostile client would call a model."""
    if not isinstance(value, str) or not value.isprintable() or len(value) > _LONGEST_NAME:
        return None
    return value.strip() or None


def _events(body: object, where: str) -> list[Record] | None:
    try:
        return events(body)
    except Unfit as unfit:
        raise Unfit(f"{where} {unfit}") from None


def _unwrapped(body: object) -> object:
    """Return a body's text, where HAR holds it as content or posted data."""
    if not isinstance(body, dict) or not isinstance(body.get("text"), str) or "mimeType" not in body:
        return body
    held: str = body["text"]
    if body.get("encoding") != "base64":
        return held
    try:
        return base64.b64decode(held, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return held


def _tier(response: Record) -> object:
    return first(response, "usage.service_tier", "service_tier")
