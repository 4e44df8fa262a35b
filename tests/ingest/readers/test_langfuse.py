"""Langfuse: every export's spelling, buckets of tokens, and only generations."""

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.quarantine import Quarantine
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.readers import Format
from spiritsafe.ingest.readers.langfuse import Langfuse, buckets
from spiritsafe.ingest.readers.sniff import sniff
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import EXCHANGES
from spiritsafe.model.errors import InputError
from spiritsafe.model.settings import OnError

Write = Callable[..., Path]
Read = Callable[..., tuple[list[Any], list[tuple[int, str]]]]
EXPORTED, AS_CSV, PAGE, TRACES = Langfuse().examples()
CACHED, SPAN, ANTHROPIC, FAILED = (json.loads(line) for line in EXPORTED.splitlines())
EXPORTED_NAMES = sorted(
    {"id", "trace_id", "type", "start_time", "end_time", "metadata", "level", "input", "output", "provided_model_name"}
    | {"model_parameters", "usage_details", "completion_start_time", "tool_calls", "tool_definitions", "user_id"}
    | {"session_id"}
)
COUNTS = st.integers(0, 10**6)


def _row(record: dict[str, Any], **changes: object) -> dict[str, Any]:
    (part,) = Langfuse().parts(record | changes)
    row = Langfuse().row(part)
    assert row is not None
    return row


def _read(tmp_path: Path, data: bytes) -> list[dict[str, Any]]:
    (tmp_path / "log").write_bytes(data)
    return [row for batch in Reading(EXCHANGES).batches(source(tmp_path / "log")) for row in batch.table.to_pylist()]


def test_jsonl_and_csv_say_the_same(tmp_path: Path) -> None:
    rows = _read(tmp_path, EXPORTED)
    assert _read(tmp_path, AS_CSV) == rows
    told = ("exchange_id", "account_id", "end_user_id", "model", "input_tokens", "output_tokens", "cached_input_tokens")
    assert [tuple(row[name] for name in told) for row in rows] == [
        ("obs-1", "88dc28d0", "customer-1", "gpt-4o", 17903, 188, 17817),
        ("obs-3", "customer-1", None, "claude-sonnet-4-5", 1209, 93, 1000),
        ("obs-4", "customer-1", None, "claude-sonnet-4-5", 0, 0, None),
    ]
    assert [row["prompt"] for row in rows] == ["What is a spirit safe?", "What is a still?", "What is a still?"]
    assert [row["response"] for row in rows] == ["A locked glass box.", "A vessel.", None]
    asked = ("reasoning_tokens", "temperature", "max_tokens", "tool_count", "stream", "duration_ms", "conversation_id")
    assert [rows[0][name] for name in asked] == [40, 0.7, 256, 1, True, 1750, "session-1"]


def test_pages_and_traces_of_the_api_are_taken_apart(tmp_path: Path) -> None:
    told = ("exchange_id", "account_id", "conversation_id", "input_tokens", "output_tokens", "tool_call_count")
    assert [tuple(row.get(name) for name in told) for row in _read(tmp_path, PAGE)] == [
        ("obs-5", "customer-2", None, 27, 10, 1),
        ("obs-6", "customer-2", None, 5, 7, 1),
    ]
    assert [tuple(row[name] for name in told) for row in _read(tmp_path, TRACES)] == [
        ("obs-7", "customer-3", "session-2", 27, 10, 1)
    ]
    (trace,) = json.loads(TRACES)
    held = {"trace": {**trace, "observations": None}, "observations": trace["observations"]}
    assert [row["account_id"] for row in _read(tmp_path, json.dumps(held).encode())] == ["customer-3"]
    pages = b"\n".join([json.dumps(json.loads(PAGE)).encode()] * 2)
    assert len(_read(tmp_path, pages)) == 4


def test_a_table_in_the_apis_spelling_is_read_too(tmp_path: Path) -> None:
    records = json.loads(PAGE)["data"]
    sink = io.StringIO()
    writer = csv.DictWriter(sink, list(records[0] | records[1]))
    writer.writeheader()
    writer.writerows({k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in r.items()} for r in records)
    rows = _read(tmp_path, sink.getvalue().encode())
    assert [(row["exchange_id"], row["input_tokens"], row["prompt"]) for row in rows] == [
        ("obs-5", 27, "What is a spirit safe?"),
        ("obs-6", 5, "What is a spirit safe?"),
    ]


def test_what_is_no_generation_is_passed_over(tmp_path: Path) -> None:
    trace = {
        "id": "t",
        "timestamp": "2026-01-01 00:00:00",
        "session_id": "",
        "tags": [],
        "public": False,
        "user_id": "",
    }
    score = {"id": "s", "project_id": "p", "trace_id": "t", "data_type": "NUMERIC", "source": "API", "value": 1}
    for record in (SPAN, SPAN | {"type": "EVENT"}, SPAN | {"type": "EMBEDDING"}, trace, score):
        reading = Reading(EXCHANGES)
        (tmp_path / "log").write_text(json.dumps(record))
        assert list(reading.batches(source(tmp_path / "log"))) == []
        assert reading.stats.passed == 1


@settings(deadline=None)
@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, st.booleans())
def test_buckets_add_up_whatever_their_names(
    plain: int, read: int, wrote: int, said: int, thought: int, totalled: bool
) -> None:
    names = ("input", "input_cached_tokens", "cache_creation_input_tokens", "output", "output_reasoning_tokens")
    counts = dict(zip(names, (plain, read, wrote, said, thought), strict=True))
    told = buckets(counts | ({"total": sum(counts.values())} if totalled else {}))
    assert (told.input_tokens, told.output_tokens) == (plain + read + wrote, said + thought)
    assert (told.cached_input_tokens, told.reasoning_tokens) == (read, thought)


@settings(deadline=None)
@given(COUNTS, COUNTS, COUNTS)
def test_buckets_that_overlap_are_told_by_their_total(plain: int, said: int, read: int) -> None:
    told = buckets(
        {"input": plain + read, "cache_read_input_tokens": read, "output": said, "total": plain + read + said}
    )
    assert (told.input_tokens, told.output_tokens, told.cached_input_tokens) == (plain + read, said, read)


def test_usage_in_openais_words_or_in_the_older_columns_is_read() -> None:
    flat = {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 80}, "cost": 0.1}
    assert _row(CACHED, usage_details=flat)["input_tokens"] == 100
    older = _row(CACHED, usage_details={}, inputUsage=0, outputUsage=4)
    assert (older["input_tokens"], older["output_tokens"]) == (0, 4)
    none = _row(CACHED, usage_details={"input": 0, "output": 0}, inputUsage=7, outputUsage=7)
    assert (none["input_tokens"], none["output_tokens"]) == (0, 0)


@pytest.mark.parametrize("words", ['{"task": "grade"}', "[1, 2]", "[not JSON", "{}"])
def test_a_prompt_that_is_json_stays_one(words: str) -> None:
    row = _row(ANTHROPIC, input=words, output=words)
    assert (row["prompt"], row["response"]) == (words, words)


def test_a_bad_record_says_where_and_what_to_do(jsonl: Write) -> None:
    page = json.loads(PAGE)["data"][0]
    counted = page | {"usage": {"input": 7, "output": 9, "unit": "CHARACTERS"}}
    with pytest.raises(InputError, match=r"row 2: usage\.unit: counts 'CHARACTERS' and not tokens"):
        list(Reading(EXCHANGES).batches(source(jsonl([page, counted]))))
    with pytest.raises(InputError, match=r"row 2, column 'input_tokens': .*has it as `usage_details`"):
        list(
            Reading(EXCHANGES).batches(source(jsonl([CACHED, CACHED | {"usage_details": {"input": "7", "output": 1}}])))
        )


def test_an_export_without_users_says_which_one_has_them(jsonl: Write, read: Read) -> None:
    bare = {name: value for name, value in ANTHROPIC.items() if name not in {"user_id", "session_id"}}
    with pytest.raises(InputError, match="account_id is read from") as caught:
        read(jsonl([bare, bare | {"id": "obs-9"}]))
    assert "Enriched observations" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "account", "user"),
    [
        ({}, "88dc28d0", "customer-1"),
        ({"metadata": {"account_id": 7}}, "7", "customer-1"),
        ({"metadata": json.dumps({"tenant_id": "t-1"})}, "t-1", "customer-1"),
        ({"metadata": None}, "customer-1", None),
        ({"metadata": None, "user_id": ""}, None, None),
    ],
)
def test_the_account_is_what_metadata_names_else_the_traces_user(
    changes: dict[str, object], account: str | None, user: str | None
) -> None:
    row = _row(CACHED, **changes)
    assert (row["account_id"], row["end_user_id"]) == (account, user)


def _parquet(records: list[dict[str, Any]], path: Path) -> Path:
    """Write an export as Langfuse's store does: times as times, details as maps, texts as bytes."""
    times = pa.timestamp("us")
    kinds = {"start_time": times, "end_time": times, "completion_start_time": times, "input": pa.binary()}
    kinds |= {"usage_details": pa.map_(pa.string(), pa.uint64()), "metadata": pa.map_(pa.string(), pa.string())}
    kinds |= {"tool_definitions": pa.map_(pa.string(), pa.string()), "tool_calls": pa.list_(pa.string())}
    columns = {}
    for name in EXPORTED_NAMES:
        values = [record[name] for record in records]
        if kinds.get(name) == times:
            values = [datetime.fromisoformat(value) if value else None for value in values]
        elif name in {"usage_details", "metadata", "tool_definitions"}:
            values = [list(value.items()) for value in values]
        elif name == "input":
            values = [value.encode() for value in values]
        columns[name] = pa.array(values, kinds.get(name, pa.string()))
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_says_the_same_as_jsonl(tmp_path: Path) -> None:
    path = _parquet([CACHED, SPAN, ANTHROPIC, FAILED], tmp_path / "export.parquet")
    assert sniff(source(path), Limits()) is Format.LANGFUSE
    reading = Reading(EXCHANGES, limits=Limits(rows=2))
    rows = [row for batch in reading.batches(source(path)) for row in batch.table.to_pylist()]
    assert rows == [{name: row.get(name) for name in rows[0]} for row in _read(tmp_path, EXPORTED)]
    assert reading.stats.passed == 1


def test_a_bad_row_of_parquet_is_set_aside_as_a_record(tmp_path: Path) -> None:
    odd = CACHED | {
        "id": "odd",
        "start_time": "1999-01-01 00:00:00",
        "input": "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
    }
    path = _parquet([CACHED, odd], tmp_path / "export.parquet")
    with Quarantine(tmp_path / "aside.jsonl") as aside:
        reading = Reading(EXCHANGES, OnError.QUARANTINE, aside)
        assert sum(batch.table.num_rows for batch in reading.batches(source(path))) == 1
    (line,) = (tmp_path / "aside.jsonl").read_text().splitlines()
    told = json.loads(line)
    assert (told["row"], told["column"], told["record"]["id"]) == (2, "started_at", "odd")


def test_parquet_that_is_damaged_says_so(tmp_path: Path) -> None:
    path = _parquet([CACHED, ANTHROPIC], tmp_path / "export.parquet")
    data = path.read_bytes()
    for broken in (data[:-40], data[:100] + b"\xff" * 60 + data[160:]):
        path.write_bytes(broken)
        with pytest.raises(InputError, match="damaged or cut off"):
            list(Reading(EXCHANGES, format=Format.LANGFUSE).batches(source(path)))
