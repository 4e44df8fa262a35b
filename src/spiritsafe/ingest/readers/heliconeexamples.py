"""Requests as Helicone exports them, made by hand after its public API reference and its export tool."""

import json

__all__ = ["COLUMNS", "EXAMPLES", "tool_csv"]

COLUMNS = (
    *("response_id", "response_created_at", "response_status", "request_created_at", "request_body"),
    *("request_properties", "request_user_id", "model", "prompt_tokens", "completion_tokens", "latency", "cost"),
)
"""What the export tool's CSV holds."""

_ASKED = {
    "model": "gpt-4o-mini",
    "messages": [
        {"role": "system", "content": "Answer briefly."},
        {"role": "user", "content": 'What is a "spirit safe"?'},
    ],
    "temperature": 0.2,
    "max_tokens": 200,
    "n": 1,
    "stream": False,
    "logprobs": False,
    "tools": [{"type": "function", "function": {"name": "look_up"}}],
    "user": "customer-7",
}
_ANSWERED = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1767225600,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "A locked glass box."}, "finish_reason": "stop"}
    ],
    "usage": {
        "prompt_tokens": 2006,
        "completion_tokens": 300,
        "total_tokens": 2306,
        "prompt_tokens_details": {"cached_tokens": 1920},
        "completion_tokens_details": {"reasoning_tokens": 40},
    },
}
_WHOLE: dict[str, object] = {
    "response_id": "0f4a0000-0000-4000-8000-000000000001",
    "response_created_at": "2026-01-01 00:00:01.062",
    "response_body": _ANSWERED,
    "response_status": 200,
    "response_model": "gpt-4o-mini-2024-07-18",
    "request_id": "1f4a0000-0000-4000-8000-000000000001",
    "request_created_at": "2026-01-01 00:00:00.250",
    "request_body": _ASKED,
    "request_path": "https://api.openai.com/v1/chat/completions",
    "request_user_id": "customer-1",
    "request_properties": {"Organization_Id": "org-1", "Helicone-Session-Id": "session-1"},
    "request_model": "gpt-4o-mini",
    "model_override": None,
    "helicone_user": "owner-1",
    "provider": "OPENAI",
    "delay_ms": 812,
    "time_to_first_token": None,
    "total_tokens": 386,
    "prompt_tokens": 86,
    "prompt_cache_write_tokens": 0,
    "prompt_cache_read_tokens": 1920,
    "completion_tokens": 300,
    "prompt_audio_tokens": 0,
    "completion_audio_tokens": 0,
    "cost": 0.002,
    "country_code": "NL",
    "model": "gpt-4o-mini",
    "cache_enabled": False,
}
_BARE = _WHOLE | {
    "response_id": "0f4a0000-0000-4000-8000-000000000002",
    "request_id": "1f4a0000-0000-4000-8000-000000000002",
    "request_body": "",
    "response_body": "",
    "provider": "ANTHROPIC",
    "request_model": "claude-sonnet-4-5",
    "model": "claude-sonnet-4-5",
    "prompt_tokens": 21,
    "prompt_cache_write_tokens": 188,
    "prompt_cache_read_tokens": 1000,
    "completion_tokens": 93,
}
_MESSAGES = _BARE | {
    "response_id": "0f4a0000-0000-4000-8000-000000000003",
    "request_properties": {"account_id": "account-1"},
    "request_body": {
        "model": "claude-sonnet-4-5",
        "max_tokens": 1024,
        "thinking": {"type": "enabled", "budget_tokens": 512},
        "messages": [{"role": "user", "content": "What is a still?"}],
    },
    "response_body": {
        "type": "message",
        "content": [{"type": "text", "text": "A vessel."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 21, "cache_read_input_tokens": 1000, "output_tokens": 93},
    },
}
_REFUSED = _WHOLE | {
    "response_id": "0f4a0000-0000-4000-8000-000000000004",
    "response_body": {"error": {"message": "Rate limit reached"}},
    "response_status": 429,
    "prompt_tokens": None,
    "prompt_cache_read_tokens": None,
    "completion_tokens": None,
}


def tool_csv(records: list[dict[str, object]]) -> bytes:
    """Return records as the export tool writes CSV: every field quoted, and the quotes of JSON doubled twice."""
    lines = [",".join(COLUMNS), *(",".join(_cell(record.get(name)) for name in COLUMNS) for record in records)]
    return ("\n".join(lines) + "\n").encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    told = json.dumps(value).replace('"', '""') if isinstance(value, dict | list) else str(value)
    return '"' + told.replace('"', '""') + '"'


_RECORDS = [_WHOLE, _BARE, _MESSAGES, _REFUSED]
EXAMPLES: tuple[bytes, ...] = (
    b"".join(json.dumps(record).encode() + b"\n" for record in _RECORDS),
    json.dumps(_RECORDS, indent=2).encode(),
    tool_csv(_RECORDS),
    json.dumps({"data": _RECORDS, "error": None}).encode(),
)
