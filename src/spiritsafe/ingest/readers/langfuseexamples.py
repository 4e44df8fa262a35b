"""Observations as Langfuse exports them, made by hand after its public field reference."""

import csv
import io
import json

__all__ = ["EXAMPLES"]

_MESSAGES = [
    {"role": "system", "content": "Answer briefly."},
    {"role": "user", "content": "What is a spirit safe?"},
]
_ENRICHED: dict[str, object] = {
    "id": "obs-1",
    "trace_id": "trace-1",
    "project_id": "project-1",
    "environment": "production",
    "type": "GENERATION",
    "parent_observation_id": "",
    "start_time": "2026-01-01 00:00:00.250000",
    "end_time": "2026-01-01 00:00:02.000000",
    "name": "answer",
    "metadata": {"user_api_key_hash": "88dc28d0", "user_api_key_team_id": "team-7"},
    "level": "DEFAULT",
    "status_message": "",
    "input": json.dumps({"messages": _MESSAGES, "tools": [{"type": "function"}]}),
    "output": json.dumps({"role": "assistant", "content": "A locked glass box."}),
    "provided_model_name": "gpt-4o",
    "model_parameters": json.dumps({"temperature": "0.7", "max_tokens": 256, "n": 1, "logprobs": False}),
    "usage_details": {
        "input": 86,
        "input_cached_tokens": 17817,
        "output": 148,
        "output_reasoning_tokens": 40,
        "total": 18091,
    },
    "cost_details": {"input": 0.001},
    "completion_start_time": "2026-01-01 00:00:00.900000",
    "latency": 1.75,
    "tool_calls": [],
    "tool_call_names": [],
    "tool_definitions": {"look_up": "{}"},
    "user_id": "customer-1",
    "session_id": "session-1",
    "tags": [],
    "public": False,
}
_SPAN = _ENRICHED | {"id": "obs-2", "type": "SPAN", "provided_model_name": "", "usage_details": {}}
_ANTHROPIC = _ENRICHED | {
    "id": "obs-3",
    "metadata": {},
    "input": "What is a still?",
    "output": json.dumps({"content": [{"type": "text", "text": "A vessel."}], "stop_reason": "end_turn"}),
    "provided_model_name": "claude-sonnet-4-5",
    "model_parameters": "",
    "usage_details": {
        "input": 21,
        "cache_creation_input_tokens": 188,
        "cache_read_input_tokens": 1000,
        "output": 93,
        "total": 1302,
    },
    "completion_start_time": None,
    "tool_definitions": {},
}
_FAILED = _ANTHROPIC | {
    "id": "obs-4",
    "level": "ERROR",
    "status_message": "rate limited",
    "output": "",
    "usage_details": {},
}
_API: dict[str, object] = {
    "id": "obs-5",
    "traceId": "trace-2",
    "type": "GENERATION",
    "name": "answer",
    "startTime": "2026-01-01T00:00:05.250Z",
    "endTime": "2026-01-01T00:00:06.000Z",
    "completionStartTime": None,
    "model": "gpt-4o",
    "modelParameters": {"temperature": 0.2, "max_tokens": "100"},
    "input": _MESSAGES,
    "output": {"role": "assistant", "content": None, "tool_calls": [{"id": "c-1", "type": "function"}]},
    "usage": {"input": 27, "output": 10, "total": 37, "unit": "TOKENS"},
    "level": "DEFAULT",
    "statusMessage": None,
    "parentObservationId": None,
}
_PAGE = {
    "data": [
        _API | {"userId": "customer-2", "sessionId": None},
        _API | {"id": "obs-6", "userId": "customer-2", "usageDetails": {"input": 5, "output": 7, "total": 12}},
    ],
    "meta": {"page": 1, "limit": 50, "totalItems": 2, "totalPages": 1},
}
_TRACE = {
    "id": "trace-2",
    "timestamp": "2026-01-01T00:00:05.000Z",
    "name": "chat",
    "input": None,
    "output": None,
    "sessionId": "session-2",
    "userId": "customer-3",
    "tags": [],
    "public": False,
    "observations": [_API | {"id": "obs-7"}, _API | {"id": "obs-8", "type": "SPAN"}],
    "scores": [],
}


def _csv(records: list[dict[str, object]]) -> bytes:
    sink = io.StringIO()
    writer = csv.DictWriter(sink, list(records[0]), lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({name: _cell(value) for name, value in record.items()})
    return sink.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, dict | list | bool):
        return json.dumps(value)
    return "" if value is None else value


_EXPORTED = [_ENRICHED, _SPAN, _ANTHROPIC, _FAILED]
EXAMPLES: tuple[bytes, ...] = (
    b"".join(json.dumps(record).encode() + b"\n" for record in _EXPORTED),
    _csv(_EXPORTED),
    json.dumps(_PAGE, indent=2).encode(),
    json.dumps([_TRACE]).encode(),
)
