"""Request and response bodies of the OpenAI and Anthropic APIs, as proxies log them, streamed ones too.

One format and not one per provider, because a proxy's log mixes them; which API a body is of shows in the body.
Chat completions, completions, responses and messages are exchanges; an embedding, a list of models and a count of
tokens are not, and are passed over; so is a failed call of nobody, which anybody can make. A response without usage
is refused, for it is the proxy's to mend; but a stream without usage is what any client leaves that goes early, or that
does not ask for it (``stream_options.include_usage``), so its tokens are estimated (``estimate``), counted and told of.
Sources: https://platform.openai.com/docs/api-reference (chat, responses, their streaming events, batch),
https://docs.anthropic.com/en/api/messages, https://docs.anthropic.com/en/api/messages-streaming.
"""

import hashlib
import json
from typing import ClassVar

from spiritsafe.ingest.readers.envelope import (
    LOOKED_AT,
    PATHS,
    REQUEST_BODY,
    RESPONSE_BODY,
    caller,
    counts,
    found,
    place,
    stated,
    status,
    surroundings,
)
from spiritsafe.ingest.readers.pairexamples import EXAMPLES
from spiritsafe.ingest.readers.records import Mapping, Row
from spiritsafe.wire.bodies import Bodies, is_answer, is_other_call, is_request, is_text_call, request_of
from spiritsafe.wire.objects import Record
from spiritsafe.wire.unfit import Unfit

__all__ = ["BODY_SOURCES", "Pairs"]

_NO_ANSWER, _UNAUTHORISED = 0, 401
_NO_USAGE = (
    "Have the proxy log the response's usage; for streams of chat completions it has to send"
    ' "stream_options": {"include_usage": true}, and streams have to be logged to their end.'
)


def _listed(*paths: str) -> str:
    return ", ".join(f"`{path}`" for path in paths)


BODY_SOURCES: dict[str, str] = {
    "model": "request `model`, else response `model`",
    "input_tokens": "response `usage` (`prompt_tokens`; `input_tokens`, with Anthropic's cached ones added), which a"
    " chat completion's stream holds only with `stream_options.include_usage`, "
    "else "
    + _listed(*LOOKED_AT["usage beside the bodies"])
    + " of the record; estimated for a stream that holds none; 0 for a call that failed",
    "output_tokens": "response `usage` (`completion_tokens`, `output_tokens`), else as above",
    "cached_input_tokens": "`prompt_tokens_details.cached_tokens`, `input_tokens_details.cached_tokens`, "
    "`cache_read_input_tokens` of response `usage`",
    "reasoning_tokens": "`completion_tokens_details.reasoning_tokens`, `output_tokens_details.reasoning_tokens` of it",
    "prompt": "last user message of request `messages`, `input` or `prompt`",
    "system_prompt": "system and developer messages, request `system`, `instructions`",
    "message_count": "request `messages`, `input`, with a system prompt given apart",
    "image_count": "images in request `messages`, `input`",
    "response": "text of response `choices[0]`, `output` or `content`",
    "tool_call_count": "tool calls of the response",
    "finish_reason": "response `finish_reason`, `stop_reason`, `incomplete_details.reason`, `status`",
    "max_tokens": "request `max_completion_tokens`, `max_output_tokens`, `max_tokens`",
    "temperature": "request `temperature`",
    "stream": "request `stream`; true if the response was logged as a stream",
    "logprobs": "request `logprobs`, `top_logprobs`",
    "n": "request `n`",
    "thinking_budget": "request `thinking.budget_tokens`",
    "tool_count": "request `tools`, `functions`",
    "operation": "`text_completion` for the older completions, else `chat`",
    "batch": "response `service_tier` is `batch`; a line of a batch's output (`custom_id`)",
    "end_user_id": "request `safety_identifier`, `user`, `metadata.user_id`",
    "conversation_id": "request `conversation`",
}
"""Column -> where a request's and a response's body have it."""


def _pair_row(part: Record, bodies: Bodies, ended: int | None) -> Row | None:
    """Return an exchange of an envelope, its bodies and its status; None if it failed and is nobody's."""
    refused = bodies.failed(ended)
    row = bodies.row(counts(part), failed=refused, estimate=True)
    around = {**caller(part, accepted=not refused), **surroundings(part, bodies.response), "status": ended}
    for name in ("end_user_id", "conversation_id"):
        around[name] = stated(part, name) or row[name]
    if around["exchange_id"] is None:
        around["exchange_id"] = _digest(part)
    if "custom_id" in part:
        around["batch"] = True
    return None if refused and around["account_id"] is None else row | around


class Pairs(Mapping):
    """Request/response pairs."""

    title: ClassVar = "request/response pairs"
    sources: ClassVar = {
        **BODY_SOURCES,
        **{name: _listed(*paths) for name, paths in PATHS.items()},
        "exchange_id": "response `id`, its headers `x-request-id`, `request-id`, "
        + _listed(*PATHS["exchange_id"])
        + "; else a hash of the record",
        "started_at": _listed(*PATHS["started_at"])
        + " (epoch times of any unit), else response `created`, `created_at`",
        "account_id": _listed(*PATHS["account_id"])
        + "; else the SHA-256 of the key in `authorization`, `x-api-key`, `api-key` of the request's headers or in"
        " `api_key`; else response headers `openai-organization`, `anthropic-organization-id`",
        "key_id": "that SHA-256, else " + _listed(*PATHS["key_id"]),
        "organization_id": _listed(*PATHS["organization_id"])
        + "; else request header `openai-organization` of a call that was accepted",
        "end_user_id": _listed(*PATHS["end_user_id"]) + ", else " + BODY_SOURCES["end_user_id"],
        "conversation_id": _listed(*PATHS["conversation_id"]) + ", else request `conversation`",
        "user_agent": "request header `user-agent`",
    }
    hints: ClassVar = {
        "output_tokens": _NO_USAGE,
        "account_id": "Have the proxy log whom a call is billed to: a tenant, a consumer, or the request's headers.",
        "started_at": "Have the proxy log when a call began.",
    }

    def recognises(self, record: Record) -> bool:
        """Tell a record with a request and a response one of which is an API's, or a line of a batch's output."""
        if "request_created_at" in record or found(record, RESPONSE_BODY)[1] is None:  # the former is Helicone's
            return False
        return (found(record, REQUEST_BODY)[1] is not None or "custom_id" in record) and _is_api(record)

    def row(self, part: Record) -> Row | None:
        """Return a pair as a row; see :class:`~spiritsafe.ingest.readers.records.Mapping`."""
        if all(found(part, paths)[1] is None for paths in (REQUEST_BODY, RESPONSE_BODY)):
            return {}  # no pair at all: the columns that it lacks say so
        if is_other_call(place(part)):
            return None
        try:
            bodies = _bodies(part)
        except Unfit:
            if "custom_id" in part or is_text_call(place(part), found(part, REQUEST_BODY)[1]):
                raise
            return None  # some other call's answer
        ended = status(part)
        if ended == _UNAUTHORISED or (ended == _NO_ANSWER and not bodies.response):
            return None
        if not bodies.is_exchange(ended):
            return None
        return _pair_row(part, bodies, ended)

    def examples(self) -> tuple[bytes, ...]:
        """Return what some proxies write: plain, streamed, refused, of both providers; Kong's and APISIX's shape."""
        return EXAMPLES


def _bodies(part: Record) -> Bodies:
    asked, (where, answered) = found(part, REQUEST_BODY)[1], found(part, RESPONSE_BODY)
    if isinstance(answered, dict) and not (where.endswith("body") or is_answer(answered) or "error" in answered):
        answered = None  # what HTTP said of a body that was not logged
    return Bodies.of(asked, answered, where)


def _is_api(part: Record) -> bool:
    try:
        bodies = _bodies(part)
    except Unfit:
        return is_request(request_of(found(part, REQUEST_BODY)[1]))
    return is_answer(bodies.response) or is_request(bodies.request)


def _digest(part: Record) -> str:
    return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()
