"""LiteLLM's StandardLoggingPayload, as its callbacks write it to S3, GCS, queues and files.

Account is the virtual key (its hash): LiteLLM's user may be one default for everybody, and one account made of
many customers would be worse than one customer in several, whom the organisation holds together. Token counts are
in OpenAI's sense for every provider, for LiteLLM has rewritten them. A failed call without a key or a model is
passed over: anybody can make one, so none may stop the reading. Source:
https://docs.litellm.ai/docs/proxy/logging_spec.
"""

import json
import re
from dataclasses import replace
from typing import ClassVar

from spiritsafe.ingest.instants import elapsed_ms
from spiritsafe.ingest.readers.records import Mapping, Row
from spiritsafe.wire.messages import Answer, Asked, answer, asked_of
from spiritsafe.wire.objects import Record, array, clean, first, record, text, truth
from spiritsafe.wire.parameters import parameters
from spiritsafe.wire.usage import Usage, inclusive, usage

__all__ = ["LiteLlm", "around", "called", "counted", "operation", "organisation", "outcome", "unredacted", "words"]

_REDACTED = "redacted-by-litellm"
_DEFAULT_USER = "default_user_id"
"""Whom LiteLLM takes the holder of its master key for."""
_OPERATIONS = {
    "completion": "chat",
    "anthropic_messages": "chat",
    "responses": "chat",
    "generate_content": "chat",
    "text_completion": "text_completion",
    "embedding": "embeddings",
    "image_generation": "image_generation",
}
_NO_EXCHANGE = re.compile(r"file|batch|fine_tun|vector_store|assistant|thread|health|mcp|container|skill|list_|_list")
_CODE = re.compile(r"[1-5]\d\d", re.ASCII)
_AGENT = "User-Agent: "
_EXAMPLE: Record = {
    "id": "chatcmpl-1",
    "trace_id": "5a1c",
    "call_type": "acompletion",
    "stream": True,
    "status": "success",
    "custom_llm_provider": "anthropic",
    "total_tokens": 1230,
    "prompt_tokens": 1200,
    "completion_tokens": 30,
    "startTime": 1767225600.25,
    "endTime": 1767225602.0,
    "completionStartTime": 1767225600.9,
    "response_cost": 0.002,
    "model": "claude-sonnet",
    "model_id": "d1",
    "model_group": "sonnet",
    "api_base": "https://api.example.com",
    "metadata": {
        "user_api_key_hash": "88dc28d0",
        "user_api_key_alias": "prod",
        "user_api_key_org_id": None,
        "user_api_key_team_id": "team-7",
        "user_api_key_user_id": "default_user_id",
        "requester_ip_address": "203.0.113.9",
        "usage_object": {
            "prompt_tokens": 1200,
            "completion_tokens": 30,
            "prompt_tokens_details": {"cached_tokens": 1000},
            "completion_tokens_details": {"reasoning_tokens": 12},
        },
    },
    "cache_hit": False,
    "request_tags": ["User-Agent: openai", "User-Agent: openai-python/1.99", "team-x"],
    "end_user": "customer-3",
    "requester_ip_address": None,
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
    "response": {
        "id": "chatcmpl-1",
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "Hi."}}],
    },
    "model_parameters": {
        "stream": True,
        "temperature": 0.2,
        "max_tokens": 400,
        "n": 1,
        "logprobs": False,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "tools": [{"type": "function", "function": {"name": "f"}}],
    },
    "hidden_params": {"model_id": "d1"},
    "model_map_information": {"model_map_key": "claude-sonnet"},
}
_FAILED: Record = _EXAMPLE | {
    "id": "f-1",
    "status": "failure",
    "total_tokens": 0,
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "startTime": 1767225700.0,
    "endTime": 1767225700.1,
    "metadata": {"user_api_key_hash": "88dc28d0", "user_api_key_user_id": "owner-1"},
    "response": None,
    "error_str": "rate limited",
    "error_information": {"error_code": "429", "error_class": "RateLimitError"},
}


class LiteLlm(Mapping):
    """Records of LiteLLM's callbacks."""

    title = "LiteLLM's StandardLoggingPayload"
    sources: ClassVar = {
        "exchange_id": "`id`",
        "started_at": "`startTime`",
        "account_id": "`metadata.user_api_key_hash`, else `metadata.user_api_key_user_id`",
        "model": "`model_group`, else `model`",
        "input_tokens": "`prompt_tokens`, which LiteLLM counts with cached tokens for every provider",
        "output_tokens": "`completion_tokens`",
        "organization_id": "`metadata.user_api_key_org_id`, else `..._team_id`, else `..._user_id` unless it is "
        "`default_user_id`",
        "key_id": "`metadata.user_api_key_hash`",
        "end_user_id": "`end_user`, else `metadata.user_api_key_end_user_id`",
        "conversation_id": "`trace_id`",
        "duration_ms": "`endTime` - `startTime`",
        "cached_input_tokens": "`metadata.usage_object`, else `response.usage`",
        "reasoning_tokens": "likewise",
        "max_tokens": "`model_parameters`",
        "temperature": "`model_parameters`",
        "stream": "`stream`, else `model_parameters`",
        "logprobs": "`model_parameters`",
        "n": "`model_parameters`",
        "thinking_budget": "`model_parameters.thinking.budget_tokens`",
        "tool_count": "`model_parameters.tools`",
        "image_count": "`messages`",
        "message_count": "`messages`",
        "operation": "`call_type`; calls about files, batches and the like are passed over",
        "tool_call_count": "`response`",
        "finish_reason": "`response`",
        "status": "200 where `status` is `success`, else `error_information.error_code`, else 500",
        "client_ip": "`requester_ip_address`, else `metadata.requester_ip_address`",
        "user_agent": "`metadata.user_agent`, else the longest of `request_tags` that begins with `User-Agent:`",
        "prompt": "`messages`, unless redacted",
        "system_prompt": "`messages`, `model_parameters.system`",
        "response": "`response`, unless redacted",
    }
    hints: ClassVar = {"account_id": "Call LiteLLM with virtual keys, and leave redact_user_api_key_info off."}

    def examples(self) -> tuple[bytes, ...]:
        """Return lines as a callback writes them, and an array as its webhooks send it."""
        lines = [json.dumps(item).encode() for item in (_EXAMPLE, _FAILED)]
        return (b"\n".join(lines) + b"\n", b"[" + b",\n".join(lines) + b"]")

    def recognises(self, record: Record) -> bool:
        """Tell by the names that every payload has."""
        return _payload(record).keys() >= {"id", "call_type", "startTime", "endTime", "prompt_tokens", "metadata"}

    def parts(self, record: Record) -> tuple[Record]:
        """Return the payload, which a callback of one's own may have left in its arguments."""
        return (_payload(record),)

    def row(self, part: Record) -> Row | None:
        """Return a payload as a row; None for calls that ask no model anything, and for strangers' failures."""
        kind, failed = operation(part.get("call_type")), part.get("status") == "failure"
        about, wants = record(part.get("metadata")), record(part.get("model_parameters"))
        account = first(about, "user_api_key_hash", "user_api_key_user_id")
        model = first(part, "model_group", "model")
        if kind is None or (failed and (account is None or model is None)):
            return None
        return {
            "exchange_id": part.get("id"),
            **around(part, about, key=first(about, "user_api_key_hash"), account=account),
            "model": called(model, failed=failed),
            "organization_id": organisation(about),
            "end_user_id": text(part, "end_user") or text(about, "user_api_key_end_user_id"),
            "conversation_id": text(part, "trace_id"),
            "operation": kind,
            "status": outcome(part.get("error_information")) if failed else 200,
            **counted(part, about, failed=failed).row(),
            **parameters(wants),
            "stream": first(part, "stream") if isinstance(part.get("stream"), bool) else truth(wants, "stream"),
            **unredacted(asked_of(part.get("messages"), first(wants, "system", "instructions"))).row(),
            **_answered(part.get("response")).row(),
        }


def _payload(outer: Record) -> Record:
    held = outer.get("standard_logging_object")
    return held if isinstance(held, dict) else outer


def around(holder: Record, about: Record, *, key: object, account: object) -> Row:
    """Return who called with which key, when and from where: alike in a payload and in a row of the spend log."""
    return {
        "started_at": holder.get("startTime"),
        "duration_ms": elapsed_ms(holder.get("startTime"), holder.get("endTime")),
        "account_id": account,
        "key_id": key,
        "client_ip": text(holder, "requester_ip_address") or text(about, "requester_ip_address"),
        "user_agent": client(about, holder.get("request_tags")),
    }


def operation(call_type: object) -> str | None:
    """Return what a call type asks of a model in OpenTelemetry's words, None where it asks nothing.

    >>> operation("acompletion"), operation("aretrieve_batch"), operation("rerank")
    ('chat', None, 'rerank')
    """
    if not isinstance(call_type, str):
        return "chat"
    if _NO_EXCHANGE.search(call_type):
        return None
    known = _OPERATIONS.get(call_type) or _OPERATIONS.get(call_type.removeprefix("a"))
    return known or call_type or "chat"


def called(model: object, *, failed: bool) -> object:
    """Return the model's name; in a failed call it may be anything that a client made up."""
    return clean(model) if failed else model


def organisation(about: Record) -> str | None:
    """Return who holds the key: an organisation, a team, or a user of their own."""
    held = text(about, "user_api_key_org_id", "user_api_key_team_id")
    user = text(about, "user_api_key_user_id")
    return held or (user if user != _DEFAULT_USER else None)


def counted(holder: Record, about: Record, *, failed: bool) -> Usage:
    """Return the counts that LiteLLM logged, with the details of the usage object beside them."""
    detail = next(
        (found for path in ("usage_object", "additional_usage_values") if (found := record(about.get(path)))), None
    )
    detail = detail or record(first(record(holder.get("response")), "usage"))
    told = usage({"prompt_tokens": 0} | detail)
    spent = first(holder, "prompt_tokens"), first(holder, "completion_tokens")
    given, made = (0 if count is None and failed else count for count in spent)
    return replace(
        told,
        input_tokens=inclusive(given, told.cached_input_tokens, detail.get("cache_creation_input_tokens")),
        output_tokens=made,
    )


def outcome(error: object) -> int:
    """Return the HTTP status of a failed call."""
    code = text(record(error), "error_code") or ""
    return int(code) if _CODE.fullmatch(code) else 500


def client(about: Record, tags: object) -> str | None:
    """Return the caller's user agent; LiteLLM tags a request with its first word and with all of it."""
    told = text(about, "user_agent")
    tagged = [tag[len(_AGENT) :] for tag in array(tags) if isinstance(tag, str) and tag.startswith(_AGENT)]
    return told or max(tagged, key=len, default=None)


def words(said: str | None) -> str | None:
    """Return a text, None for the word that stands for a redacted one."""
    return None if said == _REDACTED else said


def unredacted(asked: Asked) -> Asked:
    """Return what was asked without what stands for redacted words."""
    if _REDACTED not in {asked.prompt, asked.system_prompt}:
        return asked
    return replace(asked, prompt=words(asked.prompt), system_prompt=words(asked.system_prompt))


def _answered(response: object) -> Answer:
    said = answer(response)
    return replace(said, response=None) if said.response == _REDACTED else said
