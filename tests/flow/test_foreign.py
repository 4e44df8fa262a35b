"""A world's exchanges as other systems would have logged them: the same rows come back, and the same findings."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spiritsafe.cli.main import main
from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.readers import READERS, Format
from spiritsafe.ingest.readers.sniff import sniff
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import EXCHANGES

Row = dict[str, Any]
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
TEXTS = {"prompt", "system_prompt", "response", "message_count", "image_count", "tool_call_count"}
PLAIN = {"exchange_id", "started_at", "account_id", "model", "input_tokens", "output_tokens", "organization_id"} | {
    *("conversation_id", "duration_ms", "cached_input_tokens", "reasoning_tokens", "finish_reason", "status"),
    *("operation", "client_ip", "user_agent"),
}
ASKED = {"max_tokens", "temperature", "stream", "n", "tool_count"}
EDGE = {"asn", "country", "ja4"}


def _messages(row: Row) -> list[Row]:
    """Return messages that say what the row says, with as many others between as it counts."""
    system = [{"role": "system", "content": row["system_prompt"]}] if row["system_prompt"] else []
    others = [{"role": "assistant", "content": "so"}] * (row["message_count"] - len(system) - 1)
    said = [{"type": "text", "text": row["prompt"]}, *[IMAGE] * row["image_count"]]
    return [*system, *others, {"role": "user", "content": said}]


def _choice(row: Row) -> Row:
    message = {"role": "assistant", "content": row["response"], "tool_calls": [{}] * row["tool_call_count"]}
    return {"message": message, "finish_reason": row["finish_reason"]}


def _parameters(row: Row) -> Row:
    wants = {name: row[name] for name in ("max_tokens", "temperature", "stream", "n", "logprobs")}
    return wants | {"tools": [{}] * row["tool_count"], "thinking": {"budget_tokens": row["thinking_budget"]}}


def _usage(row: Row) -> Row:
    return {
        "prompt_tokens": row["input_tokens"],
        "prompt_tokens_details": {"cached_tokens": row["cached_input_tokens"]},
        "completion_tokens_details": {"reasoning_tokens": row["reasoning_tokens"]},
    }


def _litellm(row: Row) -> Row:
    start = row["started_at"].timestamp()
    return {
        "id": row["exchange_id"],
        "trace_id": row["conversation_id"],
        "call_type": "acompletion",
        "status": "success" if row["status"] == 200 else "failure",
        "error_information": {"error_code": str(row["status"])},
        "prompt_tokens": row["input_tokens"],
        "completion_tokens": row["output_tokens"],
        "startTime": start,
        "endTime": start + (row["duration_ms"] + 0.5) / 1000,
        "model_group": row["model"],
        "metadata": {
            "user_api_key_hash": row["account_id"],
            "user_api_key_org_id": row["organization_id"],
            "usage_object": _usage(row),
            "user_agent": row["user_agent"],
        },
        "requester_ip_address": row["client_ip"],
        "end_user": row["end_user_id"],
        "messages": _messages(row),
        "response": {"choices": [_choice(row)]},
        "model_parameters": _parameters(row),
    }


def _spend(row: Row) -> Row:
    paid = _litellm(row)
    return {
        "request_id": row["exchange_id"],
        "session_id": row["conversation_id"],
        "call_type": "acompletion",
        "api_key": row["account_id"],
        "organization_id": row["organization_id"],
        "status": paid["status"],
        "prompt_tokens": row["input_tokens"],
        "completion_tokens": row["output_tokens"],
        "startTime": row["started_at"].isoformat(),
        "endTime": paid["endTime"],
        "model_group": row["model"],
        "metadata": json.dumps(paid["metadata"] | {"error_information": paid["error_information"]}),
        "requester_ip_address": row["client_ip"],
        "end_user": row["end_user_id"],
        "proxy_server_request": {"messages": paid["messages"]} | paid["model_parameters"],
        "response": paid["response"],
    }


def _value(value: Any) -> Row:
    kinds = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    return {kinds[type(value)]: str(value) if type(value) is int else value}


def _span(row: Row) -> Row:
    start = int(row["started_at"].timestamp() * 1_000_000)
    attributes = {
        "gen_ai.operation.name": row["operation"],
        "gen_ai.response.id": row["exchange_id"],
        "gen_ai.request.model": row["model"],
        "gen_ai.conversation.id": row["conversation_id"],
        "gen_ai.usage.input_tokens": row["input_tokens"],
        "gen_ai.usage.output_tokens": row["output_tokens"],
        "gen_ai.usage.cache_read.input_tokens": row["cached_input_tokens"],
        "gen_ai.usage.reasoning.output_tokens": row["reasoning_tokens"],
        "gen_ai.request.max_tokens": row["max_tokens"],
        "gen_ai.request.temperature": row["temperature"],
        "gen_ai.request.stream": row["stream"],
        "gen_ai.request.choice.count": row["n"],
        "gen_ai.tool.definitions": json.dumps([{}] * row["tool_count"]),
        "gen_ai.input.messages": json.dumps(_messages(row)),
        "gen_ai.output.messages": json.dumps([_choice(row)["message"]]),
        "gen_ai.response.finish_reasons": row["finish_reason"],
        "tenant.id": row["account_id"],
        "organization.id": row["organization_id"],
        "http.response.status_code": row["status"],
        "client.address": row["client_ip"],
        "client.asn": row["asn"],
        "client.geo.country_iso_code": row["country"],
        "user_agent.original": row["user_agent"],
        "tls.client.ja4": row["ja4"],
        "error.type": None if row["status"] == 200 else str(row["status"]),
    }
    return {
        "startTimeUnixNano": str(start * 1000),
        "endTimeUnixNano": str(start * 1000 + row["duration_ms"] * 1_000_000),
        "attributes": [{"key": k, "value": _value(v)} for k, v in attributes.items() if v is not None],
    }


def _trace(rows: list[Row]) -> Row:
    return {"resourceSpans": [{"scopeSpans": [{"spans": [_span(row) for row in rows]}]}]}


def _envoy(row: Row) -> Row:
    return {
        "start_time": row["started_at"].isoformat(),
        "x-request-id": row["exchange_id"],
        "account_id": row["account_id"],
        "organization_id": row["organization_id"],
        "session.id": row["conversation_id"],
        "genai_model_name": row["model"],
        "x-envoy-origin-path": "/v1/chat/completions",
        "response_code": row["status"],
        "response_flags": "-",
        "duration": row["duration_ms"],
        "downstream_remote_address": f"{row['client_ip']}:4433" if row["client_ip"] else None,
        "user-agent": row["user_agent"],
        "tls_ja4_fingerprint": row["ja4"],
        "client_asn": row["asn"],
        "client_geo_country_iso_code": row["country"],
        "finish_reason": row["finish_reason"],
        "metadata": {
            "llm_input_token": row["input_tokens"],
            "llm_output_token": row["output_tokens"],
            "llm_cached_input_token": row["cached_input_tokens"],
            "llm_reasoning_token": row["reasoning_tokens"],
        },
    }


def _lines(record: Callable[[Row], Row]) -> Callable[[list[Row]], bytes]:
    return lambda rows: "".join(json.dumps(record(row)) + "\n" for row in rows).encode()


def _protobuf(rows: list[Row]) -> bytes:
    message = bytes(ParseDict(_trace(rows), ExportTraceServiceRequest()).SerializeToString())
    return len(message).to_bytes(4, "big") + message


def _asked(row: Row) -> Row:
    wants = {name: value for name, value in _parameters(row).items() if value is not None}
    return {"model": row["model"], "messages": _messages(row), "user": row["end_user_id"]} | wants


def _answered(row: Row) -> Row:
    used = _usage(row) | {"completion_tokens": row["output_tokens"]}
    return {"id": row["exchange_id"], "object": "chat.completion", "choices": [_choice(row)], "usage": used}


def _streamed(row: Row) -> str:
    """Return the answer as a stream of two pieces, its counts in an event of their own."""
    head = {"id": row["exchange_id"], "object": "chat.completion.chunk"}
    words = row["response"] or ""
    calls = [{"index": at} for at in range(row["tool_call_count"])]
    deltas = [{"content": words[:9]}, {"content": words[9:], "tool_calls": calls}]
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": row["finish_reason"]}]})
    chunks.append({"choices": [], "usage": _answered(row)["usage"]})
    return "".join(f"data: {json.dumps(head | chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


def _pair(row: Row) -> Row:
    edge = {name: row[name] for name in ("asn", "country", "ja4", "client_ip", "conversation_id", "organization_id")}
    return edge | {
        "started_at": row["started_at"].timestamp(),
        "duration_ms": row["duration_ms"],
        "account_id": row["account_id"],
        "request": {"headers": {"user-agent": row["user_agent"]}, "body": json.dumps(_asked(row))},
        "response": {"status": row["status"], "body": _streamed(row) if row["stream"] else _answered(row)},
    }


def _anthropic(row: Row) -> Row:
    """Return the pair as Anthropic's API would have it: the system prompt apart, cached tokens beside the others."""
    messages = [item for item in _messages(row) if item["role"] != "system"]
    image = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    messages[-1]["content"] = [image if piece is IMAGE else piece for piece in messages[-1]["content"]]
    cached = row["cached_input_tokens"]
    used = {"input_tokens": row["input_tokens"] - cached, "cache_read_input_tokens": cached}
    calls = [{"type": "tool_use", "name": "f", "input": {}}] * row["tool_call_count"]
    words = [{"type": "text", "text": row["response"]}] if row["response"] else []
    answered = {
        "id": row["exchange_id"],
        "type": "message",
        "content": words + calls,
        "stop_reason": {"stop": "end_turn", "length": "max_tokens"}[row["finish_reason"]],
        "usage": used | {"output_tokens": row["output_tokens"]},
    }
    asked = _asked(row) | {"messages": messages, "system": row["system_prompt"]}
    return _pair(row) | {"request": {"body": asked}, "response": {"status": row["status"], "body": answered}}


def _archive(rows: list[Row]) -> bytes:
    """Return an archive, in which the account is the organisation that answered."""
    entries = [
        {
            "startedDateTime": row["started_at"].isoformat(),
            "time": row["duration_ms"],
            "clientIPAddress": row["client_ip"],
            "request": {
                "method": "POST",
                "url": "https://api.example.com/v1/chat/completions",
                "headers": [{"name": "User-Agent", "value": row["user_agent"]}],
                "postData": {"mimeType": "application/json", "text": json.dumps(_asked(row))},
            },
            "response": {
                "status": row["status"],
                "headers": [{"name": "openai-organization", "value": row["account_id"]}],
                "content": {"mimeType": "text/event-stream", "text": _streamed(row)},
            },
        }
        for row in rows
    ]
    return json.dumps({"log": {"version": "1.2", "creator": {"name": "x"}, "entries": entries}}, indent=1).encode()


def _observation(row: Row) -> Row:
    start = row["started_at"].replace(tzinfo=None)
    parts = {
        "input": row["input_tokens"] - row["cached_input_tokens"],
        "input_cached_tokens": row["cached_input_tokens"],
    }
    made = {
        "output": row["output_tokens"] - row["reasoning_tokens"],
        "output_reasoning_tokens": row["reasoning_tokens"],
    }
    wants = {name: row[name] for name in ("max_tokens", "temperature", "n", "logprobs") if row[name] is not None}
    return {
        "id": row["exchange_id"],
        "trace_id": "t",
        "type": "GENERATION",
        "start_time": start.isoformat(" "),
        "end_time": (start + timedelta(milliseconds=row["duration_ms"])).isoformat(" "),
        "completion_start_time": start.isoformat(" ") if row["stream"] else None,
        "provided_model_name": row["model"],
        "model_parameters": json.dumps(wants),
        "metadata": {"account_id": row["account_id"], "organization_id": row["organization_id"]},
        "input": json.dumps({"messages": _messages(row), "tools": [{}] * row["tool_count"]}),
        "output": json.dumps({"choices": [_choice(row)]}),
        "usage_details": parts | made | {"total": row["input_tokens"] + row["output_tokens"]},
        "session_id": row["conversation_id"],
        "user_id": row["end_user_id"] or "",
        "level": "DEFAULT",
    }


def _helicone(row: Row) -> Row:
    cached = row["cached_input_tokens"]
    return {
        "response_id": row["exchange_id"],
        "request_created_at": row["started_at"].isoformat(),
        "response_status": row["status"],
        "request_body": _asked(row),
        "response_body": _answered(row) | {"usage": None},
        "request_user_id": row["end_user_id"],
        "request_properties": {
            "account_id": row["account_id"],
            "organization_id": row["organization_id"],
            "Helicone-Session-Id": row["conversation_id"],
        },
        "prompt_tokens": row["input_tokens"] - cached,
        "prompt_cache_read_tokens": cached,
        "completion_tokens": row["output_tokens"],
        "delay_ms": row["duration_ms"],
        "country_code": row["country"],
    }


FOLDED = PLAIN | TEXTS | ASKED | {"logprobs", "thinking_budget", "end_user_id"}
WRITERS: dict[Format, tuple[Callable[[list[Row]], bytes], set[str]]] = {
    Format.LITELLM: (_lines(_litellm), PLAIN | TEXTS | ASKED | {"logprobs", "thinking_budget", "end_user_id"}),
    Format.LITELLM_SPEND: (_lines(_spend), PLAIN | TEXTS | ASKED | {"logprobs", "thinking_budget", "end_user_id"}),
    Format.OTLP_JSON: (lambda rows: json.dumps(_trace(rows)).encode() + b"\n", PLAIN | TEXTS | ASKED | EDGE),
    Format.OTLP_PROTOBUF: (_protobuf, PLAIN | TEXTS | ASKED | EDGE),
    Format.ENVOY: (_lines(_envoy), PLAIN | EDGE),
    Format.PAIRS: (_lines(_pair), FOLDED | EDGE),
    Format.HAR: (_archive, FOLDED - {"organization_id", "conversation_id", "stream"}),
    Format.LANGFUSE: (
        _lines(_observation),
        FOLDED - {"status", "operation", "client_ip", "user_agent", "thinking_budget"},
    ),
    Format.HELICONE: (_lines(_helicone), FOLDED - {"client_ip", "user_agent", "reasoning_tokens"} | {"country"}),
}


@pytest.fixture(scope="module")
def table(world: Path) -> pa.Table:
    """The world's exchanges that have words, so that every count of messages can be spelt out."""
    whole = pa.concat_tables(pq.read_table(day) for day in sorted((world / "exchanges").iterdir()))
    rows = [row for row in whole.to_pylist() if row["prompt"] and row["finish_reason"]]
    return pa.Table.from_pylist(rows, whole.schema)


@pytest.mark.parametrize("form", WRITERS)
def test_a_world_comes_back_row_by_row(form: Format, table: pa.Table, tmp_path: Path) -> None:
    write, carried = WRITERS[form]
    (tmp_path / "log").write_bytes(write(table.to_pylist()))
    file = source(tmp_path / "log")
    if form is not Format.OTLP_PROTOBUF:  # which tells by ids, and these spans have none
        assert sniff(file, Limits()) is form
    back = [row for batch in READERS[form].batches(file, EXCHANGES, Limits()) for row in batch.table.to_pylist()]
    assert len(back) == table.num_rows > 1_000
    for row, expected in zip(back, table.to_pylist(), strict=True):
        assert {name: row.get(name) for name in carried} == {name: expected[name] for name in carried}


def test_a_world_comes_back_from_pairs_of_anthropics_api(table: pa.Table, tmp_path: Path) -> None:
    rows = [row for row in table.to_pylist() if row["finish_reason"] in {"stop", "length"}]
    (tmp_path / "log").write_bytes(_lines(_anthropic)(rows))
    file = source(tmp_path / "log")
    assert sniff(file, Limits()) is Format.PAIRS
    batches = READERS[Format.PAIRS].batches(file, EXCHANGES, Limits())
    back = [row for batch in batches for row in batch.table.to_pylist()]
    carried = FOLDED - {"reasoning_tokens", "user_agent"}
    assert len(back) == len(rows) > 1_000
    for row, expected in zip(back, rows, strict=True):
        assert {name: row.get(name) for name in carried} == {name: expected[name] for name in carried}


def test_a_trace_gives_the_findings_that_its_rows_give(world: Path, table: pa.Table, tmp_path: Path, key: None) -> None:
    write, carried = WRITERS[Format.OTLP_PROTOBUF]
    columns = [name for name in table.column_names if name in carried]
    texts = set()
    for name in ("rows", "trace"):
        (tmp_path / name / "exchanges").mkdir(parents=True)
        (tmp_path / name / "accounts.parquet").write_bytes((world / "accounts.parquet").read_bytes())
        log = tmp_path / name / "exchanges" / "log"
        if name == "rows":
            pq.write_table(table.select(columns), log)
        else:
            log.write_bytes(write(table.to_pylist()))
        words = ["--format", "parquet" if name == "rows" else "otlp-protobuf"]
        out = tmp_path / f"{name}-out"
        assert main(
            ["scan", str(tmp_path / name), "--store", str(tmp_path / f"{name}-store"), "--out", str(out), *words]
        ) in {0, 4}
        texts.add((out / "findings.json").read_text("utf-8"))
    assert len(texts) == 1
