"""Records of proxies' logs, made by hand after the providers' and the proxies' public references.

Apart from the reader because they are many: each API, each way to log a stream, each envelope.
"""

import base64
import json

__all__ = ["EXAMPLES", "HAR", "KEY"]

KEY = "sk-example-0123456789abcdefghij"
_CHAT = {
    "model": "gpt-4o-mini",
    "messages": [
        {"role": "system", "content": "Answer briefly."},
        {"role": "user", "content": [{"type": "text", "text": "What is a spirit safe?"}]},
    ],
    "temperature": 0.2,
    "max_completion_tokens": 200,
    "tools": [{"type": "function", "function": {"name": "look_up"}}],
    "user": "customer-7",
}
_CHAT_ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1767225600,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "A locked glass box.", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 2006,
        "completion_tokens": 300,
        "total_tokens": 2306,
        "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 40, "audio_tokens": 0},
    },
    "service_tier": "default",
}
_RESPONSES = {
    "model": "gpt-5",
    "instructions": "Answer briefly.",
    "input": [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is on it?"},
                {"type": "input_image", "image_url": "https://img.example/1.png"},
            ],
        }
    ],
    "max_output_tokens": 300,
    "stream": True,
    "safety_identifier": "customer-8",
    "conversation": {"id": "conv_1"},
}
_RESPONSES_ANSWER = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1767225660,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "model": "gpt-5-2025-08-07",
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "A still.", "annotations": []}],
        },
    ],
    "usage": {
        "input_tokens": 328,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 52,
        "output_tokens_details": {"reasoning_tokens": 32},
        "total_tokens": 380,
    },
}
_MESSAGES = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 1024,
    "system": [{"type": "text", "text": "Answer briefly.", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "What is a still?"}],
    "metadata": {"user_id": "customer-9"},
    "thinking": {"type": "enabled", "budget_tokens": 512},
}
_MESSAGES_ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [
        {"type": "thinking", "thinking": "Simple.", "signature": "s"},
        {"type": "text", "text": "A vessel."},
        {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 21,
        "cache_creation_input_tokens": 188,
        "cache_read_input_tokens": 1000,
        "output_tokens": 93,
        "service_tier": "standard",
    },
}
_CHUNKS: list[dict[str, object]] = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}], "usage": None},
    {"choices": [{"index": 0, "delta": {"content": "A locked "}, "finish_reason": None}], "usage": None},
    {"choices": [{"index": 0, "delta": {"content": "glass box."}, "finish_reason": None}], "usage": None},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None},
    {"choices": [], "usage": {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29}},
]
_MESSAGE_EVENTS: list[dict[str, object]] = [
    {
        "type": "message_start",
        "message": {
            **_MESSAGES_ANSWER,
            "id": "msg_2",
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": 25, "cache_read_input_tokens": 75, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "A ves"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "sel."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 15}},
    {"type": "message_stop"},
]
_RESPONSE_EVENTS: list[dict[str, object]] = [
    {"type": "response.created", "response": {**_RESPONSES_ANSWER, "status": "in_progress", "usage": None}},
    {"type": "response.output_text.delta", "delta": "A still."},
    {"type": "response.completed", "response": {**_RESPONSES_ANSWER, "id": "resp_2"}},
]


def _chunks(number: int) -> list[dict[str, object]]:
    head = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion.chunk",
        "created": 1767225601,
        "model": "gpt-4o-mini",
    }
    return [head | chunk for chunk in _CHUNKS]


def _stream(events: list[dict[str, object]], *, named: bool) -> str:
    parts = [f"event: {event['type']}\n" if named else "" for event in events]
    text = "".join(f"{part}data: {json.dumps(event)}\n\n" for part, event in zip(parts, events, strict=True))
    return text if named else f"{text}data: [DONE]\n\n"


def _at(second: int, **more: object) -> dict[str, object]:
    return {"timestamp": f"2026-01-01T00:00:{second:02}Z", "client_ip": "192.0.2.7", **more}


_BEARER = {"headers": {"Authorization": f"Bearer {KEY}", "User-Agent": "sdk/1"}}
_ANTHROPIC = {"x-api-key": "sk-ant-example-0123456789abcdef", "anthropic-version": "2023-06-01"}
_REFUSED = {
    "error": {"message": "Rate limit reached", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
}
_PLAIN: list[dict[str, object]] = [
    _at(0, request={**_BEARER, "body": _CHAT}, response={"status": 200, "body": _CHAT_ANSWER}, latency_ms=812),
    _at(
        1,
        request={**_BEARER, "body": json.dumps(_CHAT | {"stream": True})},
        response={"status": 200, "body": _stream(_chunks(2), named=False)},
    ),
    _at(2, request={**_BEARER, "body": _CHAT | {"stream": True}}, response={"status": 200, "body": _chunks(3)}),
    _at(
        3,
        request={**_BEARER, "body": _RESPONSES | {"stream": False}},
        response={"status": 200, "body": json.dumps(_RESPONSES_ANSWER)},
    ),
    _at(
        4,
        request={**_BEARER, "body": _RESPONSES},
        response={"status": 200, "body": _stream(_RESPONSE_EVENTS, named=True)},
    ),
    _at(5, request={"headers": _ANTHROPIC, "body": _MESSAGES}, response={"status": 200, "body": _MESSAGES_ANSWER}),
    _at(
        6,
        request={"headers": _ANTHROPIC, "body": _MESSAGES | {"stream": True}},
        response={"status": 200, "body": _stream(_MESSAGE_EVENTS, named=True)},
    ),
    _at(
        7,
        request={**_BEARER, "body": _CHAT},
        response={"status": 429, "headers": {"x-request-id": "req-8"}, "body": _REFUSED},
    ),
    _at(8, request={**_BEARER, "path": "/v1/models"}, response={"status": 200, "body": {"object": "list", "data": []}}),
]
_FLAT: dict[str, object] = {
    "tenant_id": "tenant-1",
    "organization_id": "org-1",
    "started_at": 1767225600.5,
    "duration_ms": 400,
    "country": "NL",
    "asn": 64500,
    "ja4": "t13d1516h2_8daaf6152771_02713d6af862",
    "channel": "api",
    "conversation_id": "thread-1",
    "request_body": _CHAT | {"n": 1, "logprobs": True},
    "response_body": _CHAT_ANSWER | {"id": "chatcmpl-10"},
}
_COMPLETION: dict[str, object] = {
    "tenant_id": "tenant-1",
    "started_at": "2026-01-01T00:00:10Z",
    "request_body": {"model": "gpt-3.5-turbo-instruct", "prompt": "Once upon", "max_tokens": 7, "logprobs": 2},
    "response_body": {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1767225610,
        "model": "gpt-3.5-turbo-instruct",
        "choices": [{"text": " a time", "index": 0, "logprobs": None, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
    },
}
_KONG: dict[str, object] = {
    "started_at": 1767225600719,
    "client_ip": "192.0.2.8",
    "consumer": {"id": "c-1", "username": "customer-1"},
    "request": {
        "id": "9ec9264afbbb",
        "uri": "/v1/chat/completions",
        "method": "POST",
        "headers": {"user-agent": "sdk/2"},
    },
    "response": {"status": 200, "size": 917, "headers": {"content-type": "application/json"}},
    "latencies": {"request": 1204, "kong": 9, "proxy": 1195},
    "ai": {
        "proxy": {
            "payload": {"request": json.dumps(_CHAT), "response": json.dumps(_CHAT_ANSWER | {"id": "chatcmpl-11"})}
        }
    },
}
_APISIX: dict[str, object] = {
    "start_time": 1767225601000,
    "latency": 101.99999809265,
    "client_ip": "192.0.2.9",
    "route_id": "1",
    "consumer": {"username": "customer_2"},
    "request": {**_BEARER, "method": "POST", "uri": "/v1/messages", "body": json.dumps(_MESSAGES)},
    "response": {
        "status": 200,
        "headers": {"request-id": "req-12"},
        "body": json.dumps(_MESSAGES_ANSWER | {"id": "msg_12"}),
    },
}
_BATCH: dict[str, object] = {
    "id": "batch_req_1",
    "custom_id": "request-1",
    "account_id": "account-1",
    "response": {"status_code": 200, "request_id": "req_13", "body": _CHAT_ANSWER | {"id": "chatcmpl-13"}},
    "error": None,
}


def _jsonl(records: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


EXAMPLES: tuple[bytes, ...] = (
    _jsonl(_PLAIN),
    json.dumps([_FLAT, _COMPLETION], indent=2).encode(),
    _jsonl([_KONG]),
    _jsonl([_APISIX]),
    _jsonl([_BATCH]),
)


def _entry(
    second: int,
    asked: object,
    answered: object,
    headers: dict[str, str],
    path: str = "chat/completions",
    **content: object,
) -> dict[str, object]:
    text = answered if isinstance(answered, str) else json.dumps(answered)
    return {
        "startedDateTime": f"2026-01-01T00:01:{second:02}.250+00:00",
        "time": 812.5,
        "clientIPAddress": "192.0.2.7",
        "serverIPAddress": "198.51.100.7",
        "request": {
            "method": "POST",
            "url": f"https://api.example.com/v1/{path}",
            "httpVersion": "HTTP/2.0",
            "headers": [{"name": name, "value": value} for name, value in headers.items()],
            "postData": {"mimeType": "application/json", "text": json.dumps(asked)},
        },
        "response": {
            "status": 200,
            "headers": [{"name": "content-type", "value": "application/json"}],
            "content": {"mimeType": "application/json", "size": len(text), "text": text} | content,
        },
        "cache": {},
        "timings": {"send": 1, "wait": 800, "receive": 11.5},
    }


_CALLER = {"Authorization": f"Bearer {KEY}", "User-Agent": "sdk/3", "OpenAI-Organization": "org-3"}
_ENTRIES = [
    _entry(0, _CHAT | {"n": 1, "logprobs": False}, _CHAT_ANSWER | {"id": "chatcmpl-20"}, _CALLER),
    _entry(1, _RESPONSES, _stream(_RESPONSE_EVENTS, named=True), _CALLER, "responses", mimeType="text/event-stream"),
    _entry(
        2,
        _MESSAGES,
        base64.b64encode(json.dumps(_MESSAGES_ANSWER | {"id": "msg_20"}).encode()).decode(),
        _ANTHROPIC,
        "messages",
        encoding="base64",
    ),
    _entry(3, None, "iVBORw0KGgo=", {}, "logo.png", mimeType="image/png", encoding="base64"),
]
_ARCHIVE = {
    "log": {
        "version": "1.2",
        "creator": {"name": "a proxy", "version": "1"},
        "pages": [],
        "entries": _ENTRIES,
        "comment": "",
    }
}
HAR: tuple[bytes, ...] = (json.dumps(_ARCHIVE, indent=2).encode(), json.dumps(_ARCHIVE).encode())
