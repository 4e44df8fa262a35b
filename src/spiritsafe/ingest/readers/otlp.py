"""OTLP JSON: traces as OpenTelemetry's collector and exporters write them to files.

One ExportTraceServiceRequest per line, or one document of any length; the spans of a request are judged one by
one, so that a broken span does not take the others with it. Numbers of 64 bits are text in this encoding. Sources:
https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding,
https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/, and ``genai`` for what spans mean.
"""

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from spiritsafe.ingest.readers import genai
from spiritsafe.ingest.readers.records import Mapping, Row
from spiritsafe.wire.objects import Record, first, text
from spiritsafe.wire.unfit import Unfit

__all__ = ["EXAMPLE", "Otlp"]

_DEEPEST = 24
"""Levels of nested values that are followed; messages need six."""
_KINDS = ("stringValue", "boolValue", "doubleValue", "bytesValue")
_NO_SPAN: Record = {}
_TRACE, _SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


def _attributes(values: dict[str, Any]) -> list[Record]:
    return [{"key": key, "value": _any(value)} for key, value in values.items()]


def _any(value: object) -> Record:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(value)}}
    return {"stringValue": value}


def _span(number: int, attributes: dict[str, Any], **more: Any) -> Record:
    return {
        "traceId": _TRACE,
        "spanId": f"{int(_SPAN, 16) + number:016x}",
        "name": "chat gpt-4o",
        "kind": 3,
        "startTimeUnixNano": str(1_767_225_600_250_000_000 + number * 10**9),
        "endTimeUnixNano": str(1_767_225_602_000_000_000 + number * 10**9),
        "attributes": _attributes(attributes),
        **more,
    }


_PRESENT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.conversation.id": "conv-1",
    "gen_ai.request.max_tokens": 400,
    "gen_ai.request.temperature": 0.2,
    "gen_ai.request.stream": True,
    "gen_ai.request.choice.count": 2,
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 30,
    "gen_ai.usage.cache_read.input_tokens": 1000,
    "gen_ai.usage.reasoning.output_tokens": 12,
    "gen_ai.system_instructions": '[{"type": "text", "content": "Be brief."}]',
    "gen_ai.input.messages": [
        {"role": "user", "parts": [{"type": "text", "content": "Hello"}, {"type": "uri", "modality": "image"}]}
    ],
    "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "Hi."}]}]',
    "gen_ai.tool.definitions": '[{"type": "function", "name": "f"}]',
    "api_key.hash": "88dc28d0",
    "enduser.id": "customer-3",
    "client.address": "203.0.113.9",
    "client.asn": 64500,
    "client.geo.country_iso_code": "NL",
    "user_agent.original": "openai-python/1.99",
    "tls.client.ja4": "t13d1516h2_8daaf6152771_02713d6af862",
}
_EARLIER = {
    "gen_ai.system": "anthropic",
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "claude-sonnet",
    "gen_ai.usage.prompt_tokens": 200,
    "gen_ai.usage.completion_tokens": 30,
    "gen_ai.usage.cache_read_input_tokens": 1000,
    "user.id": "a-2",
}
_EVENTS = [
    {"name": "gen_ai.system.message", "attributes": _attributes({"content": "Be brief."})},
    {"name": "gen_ai.user.message", "attributes": _attributes({"content": "Hello"})},
    {
        "name": "gen_ai.choice",
        "attributes": _attributes({"finish_reason": "max_tokens", "message": '{"role": "assistant", "content": "Hi"}'}),
    },
]
_OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-4o",
    "llm.invocation_parameters": '{"temperature": 0.1, "logprobs": true, "thinking": {"budget_tokens": 1024}}',
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.content": "Hello",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
    "llm.tools.0.tool.json_schema": "{}",
    "llm.token_count.prompt": 31,
    "llm.token_count.completion": 8,
    "user.id": "a-3",
}
EXAMPLE: Record = {
    "resourceSpans": [
        {
            "resource": {"attributes": _attributes({"service.name": "gateway", "organization.id": "org-1"})},
            "scopeSpans": [
                {
                    "scope": {"name": "gateway"},
                    "spans": [
                        _span(0, _PRESENT),
                        _span(1, _EARLIER, events=_EVENTS),
                        _span(2, _OPENINFERENCE),
                        _span(3, {"http.request.method": "GET"}, name="GET /healthz"),
                        _span(4, _EARLIER | {"error.type": "429", "user.id": "a-2"}, status={"code": 2}),
                    ],
                }
            ],
        }
    ]
}


class Otlp(Mapping):
    """Spans of OTLP JSON."""

    title = f"an OpenTelemetry trace (GenAI conventions {genai.CONVENTIONS} and earlier)"
    sources: ClassVar = genai.SOURCES
    hints: ClassVar = {
        "account_id": "Have the gateway, or the collector's attributes processor, set spiritsafe.account_id on spans.",
        "input_tokens": "Have the instrumentation record gen_ai.usage.*; streamed OpenAI calls need "
        'stream_options {"include_usage": true}.',
    }
    within: ClassVar = frozenset({"resourceSpans"})

    def examples(self) -> tuple[bytes, ...]:
        """Return lines, and one document spread over lines; a span of another kind is among them."""
        line = json.dumps(EXAMPLE).encode()
        return (
            line + b"\n" + line.replace(b"chatcmpl-1", b"chatcmpl-2") + b"\n",
            json.dumps(EXAMPLE, indent=1).encode(),
        )

    def recognises(self, record: Record) -> bool:
        """Tell a request, or one of its resources, by the names that only they have."""
        return isinstance(record.get("resourceSpans"), list) or isinstance(record.get("scopeSpans"), list)

    def parts(self, record: Record) -> Iterator[Record]:
        """Yield the spans; those that say nothing of a model are empty."""
        for resource in _objects(record, "resourceSpans") if "resourceSpans" in record else [record]:
            about = _plain(first(resource, "resource.attributes"))
            for scope in _objects(resource, "scopeSpans"):
                for span in _objects(scope, "spans") if "spans" in scope else []:
                    yield _neutral(span, about)

    def row(self, part: Record) -> Row | None:
        """Return a span as a row, None if it is no call to a model."""
        return genai.to_row(part) if part else None


def _objects(holder: Record, name: str) -> list[Record]:
    listed = holder.get(name)
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise Unfit(f"is no OTLP trace: {name} is not an array of objects")
    return listed


def _neutral(span: Record, about: Record) -> Record:
    """Return a span with plain attributes; an empty one if it says nothing of a model."""
    raw = span.get("attributes")
    names = [item.get("key") for item in raw if isinstance(item, dict)] if isinstance(raw, list) else []
    if not genai.is_genai(names):
        return _NO_SPAN
    events = span.get("events")
    return {
        "attributes": _plain(raw),
        "resource": about,
        "start": span.get("startTimeUnixNano"),
        "end": span.get("endTimeUnixNano"),
        "trace": (text(span, "traceId") or "").lower(),
        "span": (text(span, "spanId") or "").lower(),
        "status": first(span, "status.code"),
        "events": [
            {"name": text(event, "name") or "", "attributes": _plain(event.get("attributes"))}
            for event in (events if isinstance(events, list) else [])
            if isinstance(event, dict)
        ],
    }


def _plain(listed: object, depth: int = 0) -> Record:
    """Return key-value pairs as a dictionary of plain values."""
    pairs = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    return {item["key"]: _value(item.get("value"), depth + 1) for item in pairs if isinstance(item.get("key"), str)}


def _value(value: object, depth: int) -> Any:
    if not isinstance(value, dict) or depth > _DEEPEST:
        return None
    if "intValue" in value:
        whole = value["intValue"]
        return int(whole) if isinstance(whole, str) and _is_whole(whole) else whole
    if "arrayValue" in value:
        inside = first(value, "arrayValue.values")
        return [_value(item, depth + 1) for item in inside] if isinstance(inside, list) else []
    if "kvlistValue" in value:
        return _plain(first(value, "kvlistValue.values"), depth + 1)
    return next(
        (value[kind] for kind in ("stringValue", "boolValue", "doubleValue", "bytesValue") if kind in value), None
    )


def _is_whole(digits: str) -> bool:
    return len(digits) <= 20 and digits.removeprefix("-").isascii() and digits.removeprefix("-").isdigit()
