"""Rows of LiteLLM's table LiteLLM_SpendLogs, exported as JSON, JSONL or CSV, or as its API returns them.

Columns that are JSON in the database may come as objects or as text that spells them, depending on the exporter;
both are read. Prompts are there only where LiteLLM is told to keep them, and then in ``proxy_server_request``.
Times have no zone there and are UTC. Sources: https://docs.litellm.ai/docs/proxy/db_info,
https://docs.litellm.ai/docs/proxy/cost_tracking, LiteLLM's ``schema.prisma``.
"""

import csv
import io
import json
from dataclasses import replace
from typing import ClassVar

from spiritsafe.ingest.readers import litellm
from spiritsafe.ingest.readers.records import Mapping, Row
from spiritsafe.wire.messages import Asked, answer, asked_of
from spiritsafe.wire.objects import Record, first, inner, record, text
from spiritsafe.wire.parameters import parameters

__all__ = ["SpendLogs"]

_TOLD_BY = frozenset({"request_id", "call_type", "api_key", "startTime", "prompt_tokens", "completion_tokens"})
_EXAMPLE: Record = {
    "request_id": "chatcmpl-1",
    "call_type": "acompletion",
    "api_key": "88dc28d0",
    "spend": 0.002,
    "total_tokens": 1230,
    "prompt_tokens": 1200,
    "completion_tokens": 30,
    "startTime": "2026-01-01T00:00:00.250Z",
    "endTime": "2026-01-01T00:00:02.000Z",
    "completionStartTime": "2026-01-01T00:00:00.900Z",
    "model": "anthropic/claude-sonnet",
    "model_id": "d1",
    "model_group": "sonnet",
    "custom_llm_provider": "anthropic",
    "api_base": "https://api.example.com",
    "user": "owner-1",
    "metadata": {
        "user_api_key": "88dc28d0",
        "status": "success",
        "user_agent": "openai-python/1.99",
        "usage_object": {
            "prompt_tokens": 1200,
            "completion_tokens": 30,
            "prompt_tokens_details": {"cached_tokens": 1000},
            "completion_tokens_details": {"reasoning_tokens": 12},
        },
    },
    "cache_hit": "False",
    "cache_key": "Cache OFF",
    "request_tags": [],
    "team_id": "team-7",
    "organization_id": None,
    "end_user": "customer-3",
    "requester_ip_address": "203.0.113.9",
    "session_id": "s-1",
    "status": "success",
    "messages": {},
    "proxy_server_request": {
        "model": "sonnet",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "stream": True,
        "temperature": 0.2,
        "max_tokens": 400,
        "n": 1,
        "logprobs": False,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "tools": [{"type": "function", "function": {"name": "f"}}],
    },
    "response": {"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "Hi."}}]},
}
_FAILED: Record = _EXAMPLE | {
    "request_id": "f-1",
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "total_tokens": 0,
    "status": "failure",
    "metadata": {"status": "failure", "error_information": {"error_code": "429"}},
    "response": {},
    "proxy_server_request": {},
}


class SpendLogs(Mapping):
    """Rows of LiteLLM's spend log."""

    title = "LiteLLM's spend log"
    sources: ClassVar = {
        "exchange_id": "`request_id`",
        "started_at": "`startTime`",
        "account_id": "`api_key` (a hash), else `user`",
        "model": "`model_group`, else `model`",
        "input_tokens": "`prompt_tokens`, which LiteLLM counts with cached tokens for every provider",
        "output_tokens": "`completion_tokens`",
        "organization_id": "`organization_id`, else `team_id`, else `user` unless it is `default_user_id`",
        "key_id": "`api_key`",
        "end_user_id": "`end_user`",
        "conversation_id": "`session_id`",
        "duration_ms": "`endTime` - `startTime`",
        "cached_input_tokens": "`metadata.usage_object`, else `metadata.additional_usage_values`",
        "reasoning_tokens": "likewise",
        "max_tokens": "`proxy_server_request`",
        "temperature": "`proxy_server_request`",
        "stream": "`proxy_server_request`",
        "logprobs": "`proxy_server_request`",
        "n": "`proxy_server_request`",
        "thinking_budget": "`proxy_server_request.thinking.budget_tokens`",
        "tool_count": "`proxy_server_request.tools`",
        "image_count": "`messages`, else `proxy_server_request`",
        "message_count": "likewise",
        "operation": "`call_type`; calls about files, batches and the like are passed over",
        "tool_call_count": "`response`",
        "finish_reason": "`response`",
        "status": "200 unless `status` is `failure`, then `metadata.error_information.error_code`, else 500",
        "client_ip": "`requester_ip_address`, else `metadata.requester_ip_address`",
        "user_agent": "`metadata.user_agent`, else the longest of `request_tags` that begins with `User-Agent:`",
        "prompt": "`messages`, else `proxy_server_request`: kept by LiteLLM with `store_prompts_in_spend_logs` only",
        "system_prompt": "likewise",
        "response": "`response`",
    }
    hints: ClassVar = {"account_id": "Call LiteLLM with virtual keys; their hash is what api_key holds."}
    within: ClassVar = frozenset({"data"})
    header: ClassVar = _TOLD_BY
    numbers: ClassVar = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})

    def examples(self) -> tuple[bytes, ...]:
        """Return lines, an array, a page of the API, and CSV whose JSON columns are text."""
        pair = [_EXAMPLE, _FAILED]
        return (
            b"\n".join(json.dumps(item).encode() for item in pair) + b"\n",
            json.dumps(pair, indent=1).encode(),
            json.dumps({"data": pair, "total": 2, "page": 1}).encode(),
            _csv(pair),
        )

    def recognises(self, record: Record) -> bool:
        """Tell by the names of the table's columns."""
        return record.keys() >= _TOLD_BY

    def row(self, part: Record) -> Row | None:
        """Return a table's row as one of the contract; None as for a callback's payload."""
        about = record(part.get("metadata"))
        kind, failed = litellm.operation(part.get("call_type")), "failure" in {_status(part), _status(about)}
        account, model = first(part, "api_key", "user"), first(part, "model_group", "model")
        if kind is None or (failed and (account is None or model is None)):
            return None
        wants = _wanted(part)
        holder = {
            "user_api_key_org_id": part.get("organization_id"),
            "user_api_key_team_id": part.get("team_id"),
            "user_api_key_user_id": part.get("user"),
        }
        said = answer(inner(part.get("response")))
        return {
            "exchange_id": part.get("request_id"),
            **litellm.around(part, about, key=first(part, "api_key"), account=account),
            "model": litellm.called(model, failed=failed),
            "organization_id": litellm.organisation(holder),
            "end_user_id": text(part, "end_user"),
            "conversation_id": text(part, "session_id"),
            "operation": kind,
            "status": litellm.outcome(about.get("error_information")) if failed else 200,
            **litellm.counted(part, about, failed=failed).row(),
            **parameters(wants),
            **litellm.unredacted(_asked(part, wants)).row(),
            **replace(said, response=litellm.words(said.response)).row(),
        }


def _status(holder: Record) -> str:
    return text(holder, "status") or ""


def _wanted(part: Record) -> Record:
    sent = record(part.get("proxy_server_request"))
    return record(sent["body"]) if "body" in sent else sent


def _asked(part: Record, wants: Record) -> Asked:
    kept = asked_of(inner(part.get("messages")))
    if kept.message_count is not None:
        return kept
    return asked_of(first(wants, "messages", "input", "prompt", "contents"), first(wants, "system", "instructions"))


def _csv(rows: list[Record]) -> bytes:
    sink = io.StringIO(newline="")
    out = csv.writer(sink)
    out.writerow(rows[0])
    for row in rows:
        cells = (json.dumps(value) if isinstance(value, dict | list) else value for value in row.values())
        out.writerow(cells)
    return sink.getvalue().encode()
