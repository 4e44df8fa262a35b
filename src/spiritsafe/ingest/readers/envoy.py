"""Envoy's access log as JSON, with what Envoy AI Gateway knows of tokens and models.

What a field is called is the operator's choice; read are the names of Envoy's and Envoy Gateway's default formats, of
AI Gateway's documentation, and the GenAI attributes' names, whatever joins their words. The client's address is the
one that Envoy itself worked out (``DOWNSTREAM_REMOTE_ADDRESS``), never a header that a client may have written, nor the
direct peer, which may be one load balancer for everybody. Requests that ask no model are passed over. Sources:
https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage,
https://gateway.envoyproxy.io/docs/tasks/observability/proxy-accesslog/,
https://aigateway.envoyproxy.io/docs/capabilities/observability/accesslogs.
"""

import ipaddress
import json
import re
from functools import lru_cache
from typing import ClassVar

from spiritsafe.ingest.readers.records import Mapping, Row
from spiritsafe.wire.finish import finish_reason
from spiritsafe.wire.objects import Record, as_text, as_whole, clean
from spiritsafe.wire.unfit import Unfit
from spiritsafe.wire.usage import inclusive

__all__ = ["NAMES", "Envoy"]

NAMES: dict[str, tuple[str, ...]] = {
    "exchange_id": ("gen_ai_response_id", "x_request_id", "request_id"),
    "started_at": ("start_time", "timestamp", "time"),
    "account_id": (
        *("spiritsafe_account_id", "account_id", "tenant_id", "tenant", "consumer", "caller"),
        *("api_key_id", "api_key_hash", "client_id", "jwt_sub", "user_id"),
    ),
    "model": (
        *("genai_model_name", "gen_ai_request_model", "x_ai_eg_model", "model", "model_name"),
        *("genai_model_name_override", "gen_ai_response_model", "model_name_override"),
    ),
    "input_tokens": (
        "genai_tokens_input",
        "gen_ai_usage_input_tokens",
        "llm_input_token",
        "input_tokens",
        "input_token",
    ),
    "output_tokens": (
        *("genai_tokens_output", "gen_ai_usage_output_tokens", "llm_output_token", "output_tokens", "output_token"),
    ),
    "organization_id": ("organization_id", "org_id"),
    "key_id": ("api_key_id", "api_key_hash", "key_id"),
    "end_user_id": ("end_user_id", "enduser_id", "end_user"),
    "conversation_id": ("gen_ai_conversation_id", "session_id"),
    "duration_ms": ("duration", "duration_ms"),
    "cached_input_tokens": (
        *("genai_tokens_cached_input", "gen_ai_usage_cache_read_input_tokens", "llm_cached_input_token"),
        "cached_input_tokens",
    ),
    "reasoning_tokens": ("gen_ai_usage_reasoning_output_tokens", "llm_reasoning_token", "reasoning_tokens"),
    "operation": (*("x_envoy_origin_path", "x_envoy_original_path", "request_path", "path"),),
    "finish_reason": ("gen_ai_response_finish_reasons", "finish_reason"),
    "status": ("response_code", "status_code", "status"),
    "client_ip": ("downstream_remote_address_without_port", "downstream_remote_address"),
    "asn": ("client_asn", "x_geo_asn", "geo_asn"),
    "country": ("client_geo_country_iso_code", "x_geo_country", "geo_country"),
    "user_agent": ("user_agent", "user_agent_original"),
    "ja4": ("tls_ja4_fingerprint", "ja4", "tls_client_ja4"),
}
"""Column -> names of fields, words joined by ``_``; the first one that holds anything counts."""

_WRITTEN = ("llm_cache_creation_input_token", "gen_ai_usage_cache_creation_input_tokens")
_METADATA = (
    "llm_input_token",
    "llm_output_token",
    "llm_cached_input_token",
    "llm_reasoning_token",
    "model_name_override",
)
"""Names of AI Gateway's metadata, which an operator may have logged as one object under any name."""
_OPERATIONS = (
    (re.compile(r":(?:stream)?[gG]enerateContent|:(?:stream)?[rR]awPredict"), "chat"),
    (re.compile(r"/(?:messages/count_tokens|messages/batches|batches|files|models)(?:[/?]|$)"), None),
    (re.compile(r"/(?:chat/completions|messages|responses)(?:[?]|$)|/(?:converse|invoke)(?:-|[?]|$)"), "chat"),
    (re.compile(r"/completions(?:[?]|$)"), "text_completion"),
    (re.compile(r"/embeddings(?:[?]|$)"), "embeddings"),
)
_MARKS = frozenset(
    ("response_flags", "downstream_remote_address", "upstream_cluster", "upstream_host", "bytes_sent", "bytes_received")
)
_WORDS = re.compile(r"[^0-9A-Za-z]+")
_DEEPEST = 4
_MOST_NAMES = 4096
"""Names of fields that are remembered; an operator's format has some dozens."""
_CLOSED = 499
_LINE: Record = {
    ":authority": "api.example.com",
    "account_id": "tenant-7",
    "bytes_received": 105,
    "bytes_sent": 432,
    "downstream_local_address": "10.0.0.2:443",
    "downstream_remote_address": "203.0.113.9:64484",
    "duration": 1526,
    "genai_backend_name": "default/openai",
    "genai_model_name": "gpt-4o-mini",
    "genai_model_name_override": None,
    "genai_tokens_input": 1200,
    "genai_tokens_output": 7,
    "genai_tokens_cached_input": 1000,
    "method": "POST",
    "protocol": "HTTP/2",
    "response_code": 200,
    "response_flags": "-",
    "start_time": "2026-01-01T00:00:00.250Z",
    "upstream_cluster": "httproute/default/openai/rule/0",
    "upstream_host": "198.51.100.4:443",
    "user-agent": "openai-python/1.99",
    "x-envoy-origin-path": "/v1/chat/completions",
    "x-forwarded-for": "192.0.2.1",
    "x-request-id": "83b63da3-45a9-4196-98b8-1a7f697d6d8d",
    "tls_ja4_fingerprint": "t13d1516h2_8daaf6152771_02713d6af862",
}
_OTHER: Record = {
    "start_time": "1767225700.125",
    "path": "/v1/messages?beta=true",
    "response_code": "200",
    "response_flags": "-",
    "duration": "90",
    "bytes_sent": "100",
    "downstream_remote_address": "[2001:db8::1]:443",
    "x_request_id": "e-2",
    "caller": "tenant-8",
    "api_key_id": "key-1",
    "organization_id": "org-1",
    "enduser.id": "customer-3",
    "session.id": "s-1",
    "x-geo-asn": "64500",
    "x-geo-country": "NL",
    "finish_reason": "max_tokens",
    "ai": {"model_name_override": "claude", "llm_input_token": 12, "llm_output_token": 5, "llm_reasoning_token": 2},
}


class Envoy(Mapping):
    """Lines of Envoy's access log."""

    title = "an Envoy access log"
    sources: ClassVar = {
        column: ", else ".join(f"`{name}`" for name in names)
        for column, names in NAMES.items()
        if column not in {"operation", "status", "client_ip", "input_tokens"}
    } | {
        "input_tokens": ", else ".join(f"`{name}`" for name in NAMES["input_tokens"])
        + "; cached tokens are added where it cannot include them",
        "operation": f"the path ({', '.join(f'`{name}`' for name in NAMES['operation'])}); "
        "what asks no model is passed over",
        "status": f"`response_code`, else `status_code`, else `status`; 0, for a client that went away, as {_CLOSED}",
        "client_ip": "`downstream_remote_address_without_port`, else `downstream_remote_address`; never "
        "`x-forwarded-for`, which clients write, nor `downstream_direct_remote_address`",
    }
    hints: ClassVar = {
        "account_id": "Log what authentication established, such as account_id: "
        '"%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload:sub)%"; docs/formats.md has an example.',
        "model": 'Log genai_model_name: "%REQ(X-AI-EG-MODEL)%"; docs/formats.md has an example.',
        "input_tokens": "Envoy counts no tokens by itself: have AI Gateway's llmRequestCosts do it, and log "
        'genai_tokens_input: "%DYNAMIC_METADATA(io.envoy.ai_gateway:llm_input_token)%"; '
        "docs/formats.md has an example.",
    }

    def examples(self) -> tuple[bytes, ...]:
        """Return lines of AI Gateway's documented format, and of one with other names and nested metadata."""
        uncounted = dict.fromkeys(("genai_tokens_input", "genai_tokens_output", "genai_tokens_cached_input"))
        health = _LINE | uncounted | {"x-envoy-origin-path": "/healthz", "genai_model_name": "-"}
        refused = _LINE | uncounted | {"response_code": 429, "x-request-id": "e-3"}
        lines = [json.dumps(item).encode() for item in (_LINE, health, refused)]
        return (b"\n".join(lines) + b"\n", json.dumps(_OTHER).encode() + b"\n")

    def recognises(self, record: Record) -> bool:
        """Tell by names of Envoy's operators, of which a log of anything else has hardly two."""
        names = {_WORDS.sub("_", name).strip("_").lower() for name in record}
        return {"response_code", "start_time"} <= names and len(names & _MARKS) > 1

    def row(self, part: Record) -> Row | None:
        """Return a line as a row; None if it asks no model, or failed and nobody knows whose it was."""
        fields = _flat(part)
        if _found(fields, "started_at") is None and _found(fields, "status") is None:
            raise Unfit("is no line of an Envoy access log: it has neither start_time nor response_code")
        given, made, read = (_number(_found(fields, f"{kind}_tokens")) for kind in ("input", "output", "cached_input"))
        status = _number(_found(fields, "status"))
        status = _CLOSED if status == 0 else status
        operation = _operation(_found(fields, "operation"), counted=given is not None or made is not None)
        account, model = _found(fields, "account_id"), _found(fields, "model")
        failed = isinstance(status, int) and status >= 400
        if operation is None or (failed and (account is None or model is None)):
            return None
        written = _number(next((fields[name] for name in _WRITTEN if name in fields), None))
        none = 0 if failed else None
        return {
            "exchange_id": clean(_found(fields, "exchange_id")),
            "started_at": _found(fields, "started_at"),
            "account_id": account if not isinstance(account, int) else str(account),
            "model": clean(model) if failed else model,
            "input_tokens": none if given is None else inclusive(given, read, written),
            "output_tokens": none if made is None else made,
            **{name: _words(fields, name) for name in ("organization_id", "key_id", "end_user_id", "conversation_id")},
            "duration_ms": as_whole(_number(_found(fields, "duration_ms"))),
            "cached_input_tokens": read,
            "reasoning_tokens": _number(_found(fields, "reasoning_tokens")),
            "operation": operation,
            "finish_reason": finish_reason(_found(fields, "finish_reason")),
            "status": status,
            "client_ip": _address(_words(fields, "client_ip")),
            "asn": as_whole(_number(_found(fields, "asn"))),
            **{name: _words(fields, name) for name in ("country", "user_agent", "ja4")},
        }


@lru_cache(_MOST_NAMES)
def _named(before: str, name: str) -> tuple[str, ...]:
    """Return a field's words behind those of what holds it, and the metadata that they end in."""
    words = f"{before}_{_WORDS.sub('_', name).lower()}".strip("_")
    return (words, *(known for known in _METADATA if words.endswith("_" + known)))


def _flat(holder: Record, before: str = "", depth: int = 0) -> Record:
    """Return fields by their words, nested objects' as well; '-' is Envoy's nothing."""
    fields: Record = {}
    for name, value in holder.items():
        if isinstance(value, dict) and depth < _DEEPEST:
            fields |= _flat(value, _named(before, name)[0], depth + 1)
        elif value is not None and value not in ("", "-"):
            for known in _named(before, name):
                fields[known] = value
    return fields


def _found(fields: Record, column: str) -> object:
    return next((fields[name] for name in NAMES[column] if name in fields), None)


def _words(fields: Record, column: str) -> str | None:
    return as_text(_found(fields, column))


def _number(value: object) -> object:
    """Return the whole number that a text spells, since Envoy may write any value as text; else what was given."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19 else value


def _operation(path: object, *, counted: bool) -> str | None:
    if isinstance(path, str):
        known = next(((kind,) for pattern, kind in _OPERATIONS if pattern.search(path)), None)
        if known:
            return known[0]
    return "chat" if counted else None


def _address(value: str | None) -> str | None:
    """Return an address without its port, None for what is none (a socket's path).

    >>> _address("203.0.113.9:64484"), _address("[2001:db8::1]:443"), _address("/run/envoy.sock")
    ('203.0.113.9', '2001:db8::1', None)
    """
    if value is None:
        return None
    host = value[1:].partition("]")[0] if value.startswith("[") else value.partition(":")[0]
    for candidate in (value, host):
        try:
            return str(ipaddress.ip_address(candidate))
        except ValueError:
            continue
    return None
