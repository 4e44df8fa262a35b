"""OpenTelemetry traces: the same rows from every encoding and from every age of the conventions."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spiritsafe.ingest.batch import Batch, Limits
from spiritsafe.ingest.readers import READERS, Format
from spiritsafe.ingest.readers.genai import CONVENTIONS, RENAMED
from spiritsafe.ingest.readers.otlp import EXAMPLE
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import EXCHANGES
from spiritsafe.model.errors import InputError
from spiritsafe.wire.objects import Record

Batches = Callable[..., list[Batch]]
BASE = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 5,
    "tenant.id": "t",
}


def _pairs(attributes: dict[str, Any]) -> list[Record]:
    kinds = {bool: "boolValue", int: "intValue", float: "doubleValue"}
    return [{"key": key, "value": {kinds.get(type(value), "stringValue"): value}} for key, value in attributes.items()]


def _span(attributes: dict[str, Any], **more: Any) -> Record:
    kept = {name: value for name, value in attributes.items() if value is not ...}
    times = {"startTimeUnixNano": "1767225600000000000", "endTimeUnixNano": "1767225601000000000"}
    return {"traceId": "AB" * 16, "spanId": "cd" * 8, "attributes": _pairs(kept)} | times | more


def _trace(*spans: object, resource: dict[str, Any] | None = None) -> Record:
    about = {"attributes": _pairs(resource or {})}
    return {"resourceSpans": [{"resource": about, "scopeSpans": [{"spans": list(spans)}]}]}


@pytest.fixture
def read(batches: Batches, tmp_path: Path) -> Callable[..., tuple[list[dict[str, Any]], list[str], int]]:
    """Rows of one trace, reasons of what was refused, and how many spans were passed over."""

    def read(*spans: object, **more: Any) -> tuple[list[dict[str, Any]], list[str], int]:
        (tmp_path / "log").write_text(json.dumps(_trace(*spans, **more)) + "\n")
        taken = batches(tmp_path / "log")
        reasons = [f"{bad.column}: {bad.reason}" for batch in taken for bad in batch.rejected]
        rows = [row for batch in taken for row in batch.table.to_pylist()]
        return rows, reasons, sum(batch.passed for batch in taken)

    return read


Read = Callable[..., tuple[list[dict[str, Any]], list[str], int]]


def test_every_encoding_says_the_same(batches: Batches, tmp_path: Path) -> None:
    said = []
    for form in (Format.OTLP_JSON, Format.OTLP_PROTOBUF):
        for example in READERS[form].examples():
            (tmp_path / "log").write_bytes(example)
            taken = batches(tmp_path / "log")
            said.append([row for batch in taken for row in batch.table.to_pylist()][:4])
            assert [bad for batch in taken for bad in batch.rejected] == []
    assert len(said) == 5
    assert all(rows == said[0] for rows in said)


@pytest.mark.parametrize(("name", "earlier"), [(name, old) for name, olds in RENAMED.items() for old in olds])
def test_earlier_names_mean_what_the_present_ones_do(read: Read, name: str, earlier: str) -> None:
    values = {"gen_ai.request.stream": True, "gen_ai.operation.name": "embeddings"}
    numbers = {"gen_ai.usage.", "gen_ai.request.max", "gen_ai.request.temp", "gen_ai.request.choice", "http.response"}
    value = values.get(name, 7 if any(name.startswith(start) for start in numbers) else "word")
    base = BASE | {name: ...}
    (now,), _, _ = read(_span(base | {name: value}))
    (then,), _, _ = read(_span(base | {earlier: value}))
    assert now == then
    assert CONVENTIONS == "1.41"


def test_ids_come_from_the_response_or_else_from_the_span(read: Read) -> None:
    (one, other), _, _ = read(_span(BASE), _span(BASE | {"gen_ai.response.id": "r-1"}))
    assert one["exchange_id"] == f"{'ab' * 16}:{'cd' * 8}"
    assert other["exchange_id"] == "r-1"


def test_the_account_is_looked_for_in_order_and_on_the_span_first(read: Read) -> None:
    rows, _, _ = read(
        _span(BASE | {"spiritsafe.account_id": "own", "user.id": "u"}),
        _span(BASE | {"tenant.id": ..., "api_key.hash": "k", "user.id": "u"}),
        _span(BASE | {"tenant.id": ..., "user.id": "u"}),
        _span(BASE | {"tenant.id": ...}),
        _span(BASE | {"tenant.id": 7}),
        resource={"tenant.id": "process"},
    )
    assert [row["account_id"] for row in rows] == ["own", "k", "u", "process", "7"]
    assert [row["end_user_id"] for row in rows] == ["u", "u", None, None, None]
    assert rows[1]["key_id"] == "k"


def test_input_includes_what_was_cached(read: Read) -> None:
    cached = {"gen_ai.usage.cache_read.input_tokens": 90, "gen_ai.usage.cache_creation.input_tokens": 20}
    rows, _, _ = read(
        _span(BASE | cached | {"gen_ai.usage.input_tokens": 200}),
        _span(BASE | cached | {"gen_ai.usage.input_tokens": 5}),
    )
    assert [row["input_tokens"] for row in rows] == [200, 115]
    assert [row["cached_input_tokens"] for row in rows] == [90, 90]


def test_what_is_no_call_is_passed_over(read: Read) -> None:
    rows, reasons, passed = read(
        _span({"http.request.method": "GET"}),
        _span(BASE | {"gen_ai.operation.name": "invoke_agent"}),
        _span(BASE | {"gen_ai.operation.name": "execute_tool"}),
        _span({"openinference.span.kind": "CHAIN", "llm.model_name": "m"}),
        _span({"gen_ai.operation.name": "chat"}),
        _span(BASE | {"tenant.id": ..., "error.type": "401"}),
        _span(BASE),
    )
    assert (len(rows), reasons, passed) == (1, [], 6)


def test_failures_need_no_tokens(read: Read) -> None:
    none = {"gen_ai.usage.input_tokens": ..., "gen_ai.usage.output_tokens": ...}
    rows, reasons, _ = read(
        _span(BASE | none | {"error.type": "429"}),
        _span(BASE | none | {"error.type": "timeout"}),
        _span(BASE | none, status={"code": "STATUS_CODE_ERROR"}),
        _span(BASE | none | {"error.type": "x", "http.response.status_code": 503}),
        _span(BASE | none),
    )
    assert [(row["status"], row["input_tokens"]) for row in rows] == [(429, 0), (500, 0), (500, 0), (503, 0)]
    (reason,) = reasons
    assert reason.startswith("input_tokens: is empty, and the contract requires it; an OpenTelemetry trace")
    assert "`gen_ai.usage.input_tokens`" in reason


@pytest.mark.parametrize(
    ("attributes", "events"),
    [
        (
            {
                "gen_ai.system_instructions": '[{"type": "text", "content": "S"}]',
                "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "A"}]}]',
                "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "B"}, '
                '{"type": "tool_call", "name": "f"}], "finish_reason": "length"}]',
            },
            [],
        ),
        (
            {},
            [
                (
                    "gen_ai.client.inference.operation.details",
                    {
                        "gen_ai.system_instructions": '[{"type": "text", "content": "S"}]',
                        "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "A"}]}]',
                        "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "B"}, '
                        '{"type": "tool_call", "name": "f"}], "finish_reason": "length"}]',
                    },
                )
            ],
        ),
        (
            {},
            [
                ("gen_ai.system.message", {"content": "S"}),
                ("gen_ai.user.message", {"content": "A"}),
                (
                    "gen_ai.choice",
                    {"finish_reason": "length", "message": '{"content": "B", "tool_calls": [{"id": "1"}]}'},
                ),
            ],
        ),
        (
            {},
            [
                (
                    "gen_ai.content.prompt",
                    {
                        "gen_ai.prompt": '[{"role": "system", "content": "S"}, {"role": "user", "content": "A"}]',
                    },
                ),
                (
                    "gen_ai.content.completion",
                    {
                        "gen_ai.completion": '[{"role": "assistant", "content": "B", "tool_calls": [{}], '
                        '"finish_reason": "length"}]',
                    },
                ),
            ],
        ),
        (
            {
                "gen_ai.prompt.0.role": "system",
                "gen_ai.prompt.0.content": "S",
                "gen_ai.prompt.1.role": "user",
                "gen_ai.prompt.1.content": '[{"type": "text", "text": "A"}]',
                "gen_ai.completion.0.role": "assistant",
                "gen_ai.completion.0.content": "B",
                "gen_ai.completion.0.finish_reason": "length",
                "gen_ai.completion.0.tool_calls.0.name": "f",
                "gen_ai.completion.0.tool_calls.0.arguments": "{}",
                "gen_ai.completion.1.content": "another choice",
            },
            [],
        ),
        (
            {
                "llm.input_messages.0.message.role": "system",
                "llm.input_messages.0.message.content": "S",
                "llm.input_messages.1.message.role": "user",
                "llm.input_messages.1.message.contents.0.message_content.type": "text",
                "llm.input_messages.1.message.contents.0.message_content.text": "A",
                "llm.output_messages.0.message.role": "assistant",
                "llm.output_messages.0.message.content": "B",
                "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
                "gen_ai.response.finish_reasons": "length",
            },
            [],
        ),
    ],
    ids=["attributes", "details", "events", "content events", "OpenLLMetry", "OpenInference"],
)
def test_texts_are_found_in_every_convention(
    read: Read, attributes: dict[str, Any], events: list[tuple[str, dict[str, Any]]]
) -> None:
    given = [{"name": name, "attributes": _pairs(held)} for name, held in events]
    (row,), reasons, _ = read(_span(BASE | attributes, events=given))
    assert reasons == []
    assert (row["system_prompt"], row["prompt"], row["response"]) == ("S", "A", "B")
    assert (row["message_count"], row["tool_call_count"], row["finish_reason"]) == (2, 1, "length")


@pytest.mark.parametrize("words", ['{"task": "grade"}', "[1, 2]", '[{"q": 1}]'])
def test_prompts_that_are_json_stay_prompts(read: Read, words: str) -> None:
    numbered = {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": words, "gen_ai.completion.0.content": words}
    events = [
        {"name": "gen_ai.user.message", "attributes": _pairs({"content": words})},
        {"name": "gen_ai.choice", "attributes": _pairs({"message": words})},
    ]
    system = {"gen_ai.system_instructions": words}
    rows, _, _ = read(_span(BASE | numbered), _span(BASE | system, events=events))
    assert [(row["prompt"], row["response"]) for row in rows] == [(words, words)] * 2
    assert rows[1]["system_prompt"] == words


def test_a_broken_span_does_not_take_the_others_with_it(read: Read) -> None:
    rows, reasons, _ = read(_span(BASE), _span(BASE, startTimeUnixNano="soon"), _span(BASE | {"tenant.id": "\0"}))
    assert len(rows) == 1
    assert [reason.split(":")[0] for reason in reasons] == ["started_at", "account_id"]


@pytest.mark.parametrize(
    "record", [{"resourceSpans": "x"}, {"resourceSpans": [7]}, {"resourceSpans": [{"scopeSpans": [{"spans": [7]}]}]}]
)
def test_what_is_no_trace_is_one_bad_record(batches: Batches, tmp_path: Path, record: Record) -> None:
    (tmp_path / "log").write_text(json.dumps(_trace(_span(BASE))) + "\n" + json.dumps(record) + "\n")
    (batch,) = batches(tmp_path / "log")
    assert batch.table.num_rows == 1
    assert [(bad.row, bad.reason.split(":")[0]) for bad in batch.rejected] == [(2, "is no OTLP trace")]


def test_values_nested_without_end_are_let_go(read: Read) -> None:
    value: Record = {"stringValue": "deep"}
    for _ in range(40):
        value = {"kvlistValue": {"values": [{"key": "a", "value": {"arrayValue": {"values": [value]}}}]}}
    span = _span(BASE)
    span["attributes"].append({"key": "gen_ai.input.messages", "value": value})
    (row,), reasons, _ = read(span)
    assert (row["prompt"], reasons) == (None, [])


def test_a_document_is_read_resource_by_resource(batches: Batches, tmp_path: Path) -> None:
    resource = _trace(*[_span(BASE | {"gen_ai.response.id": f"r-{at}"}) for at in range(8)])["resourceSpans"]
    (tmp_path / "log").write_text(json.dumps({"resourceSpans": resource * 50}, indent=1))
    limits = Limits(rows=7, record_bytes=20_000, batch_bytes=50_000)
    assert (tmp_path / "log").stat().st_size > 10 * limits.record_bytes
    taken = batches(tmp_path / "log", limits)
    assert [batch.table.num_rows for batch in taken if batch.table.num_rows > 7] == []
    assert sum(batch.table.num_rows for batch in taken) == 400


def test_a_broken_line_is_one_bad_record_however_long_lines_are(batches: Batches, tmp_path: Path) -> None:
    line = json.dumps(_trace(*[_span(BASE)] * 300))
    assert len(line) > 1 << 17
    (tmp_path / "log").write_text(f"{line}\n{line[:-200]}\n{line}\n")
    taken = batches(tmp_path / "log")
    assert [bad.row for batch in taken for bad in batch.rejected] == [2]
    assert sum(batch.table.num_rows for batch in taken) == 600


def test_a_trace_without_accounts_says_what_to_do(read: Read) -> None:
    with pytest.raises(InputError, match=r"account_id is read from(.|\n)*attributes processor"):
        read(_span(BASE | {"tenant.id": ...}))


def test_protobuf_without_its_package_says_what_to_install(
    batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "log").write_bytes(READERS[Format.OTLP_PROTOBUF].examples()[0])
    monkeypatch.setitem(sys.modules, "opentelemetry.proto.collector.trace.v1", None)
    with pytest.raises(InputError, match=r"pip install 'spiritsafe\[otlp\]'"):
        batches(tmp_path / "log")


def _outcome(path: Path) -> str:
    try:
        list(READERS[Format.OTLP_PROTOBUF].batches(source(path), EXCHANGES, Limits()))
    except InputError as error:
        return error.message.removeprefix(f"{path}: ")
    return "read"


@pytest.mark.parametrize("which", [0, 1, 2])
def test_protobuf_cut_anywhere_is_refused_or_ends_between_messages(tmp_path: Path, which: int) -> None:
    whole = READERS[Format.OTLP_PROTOBUF].examples()[which]
    outcomes = []
    for length in range(1, len(whole), 7):
        (tmp_path / "log").write_bytes(whole[:length])
        outcomes.append(_outcome(tmp_path / "log"))
    assert set(outcomes) <= {"the protobuf data is damaged or cut off", "read"}
    assert outcomes.count("read") <= 1


def test_a_message_that_is_none_is_one_bad_record(tmp_path: Path) -> None:
    good = READERS[Format.OTLP_PROTOBUF].examples()[0]
    frames = (good, b"\x0a\xff\xff", good)
    (tmp_path / "log").write_bytes(b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames))
    (batch,) = READERS[Format.OTLP_PROTOBUF].batches(source(tmp_path / "log"), EXCHANGES, Limits())
    assert [(bad.row, bad.reason.split(":")[0]) for bad in batch.rejected] == [(2, "is no ExportTraceServiceRequest")]
    assert set(batch.row_numbers.tolist()) == {1, 3}


def test_a_message_beyond_the_bound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(READERS[Format.OTLP_PROTOBUF].examples()[0])
    with pytest.raises(InputError, match="longer than 100 bytes"):
        list(READERS[Format.OTLP_PROTOBUF].batches(source(tmp_path / "log"), EXCHANGES, Limits(record_bytes=100)))


def test_the_example_is_a_trace_as_the_collector_writes_one() -> None:
    spans = EXAMPLE["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert all(isinstance(span["startTimeUnixNano"], str) and len(span["traceId"]) == 32 for span in spans)
