"""Helicone: every export's framing, whose counts are whole, and the tool's own kind of CSV."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.readers.helicone import Helicone
from spiritsafe.ingest.readers.heliconeexamples import tool_csv
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import EXCHANGES
from spiritsafe.model.errors import InputError

JSONL, ARRAY, AS_CSV, PAGE = Helicone().examples()
WHOLE, BARE, MESSAGES, REFUSED = (json.loads(line) for line in JSONL.splitlines())
COUNTS = st.integers(0, 10**6)


def _row(record: dict[str, Any], **changes: object) -> dict[str, Any]:
    row = Helicone().row(record | changes)
    assert row is not None
    return row


def _read(tmp_path: Path, data: bytes) -> list[dict[str, Any]]:
    (tmp_path / "log").write_bytes(data)
    return [row for batch in Reading(EXCHANGES).batches(source(tmp_path / "log")) for row in batch.table.to_pylist()]


def test_every_framing_says_the_same(tmp_path: Path) -> None:
    rows = _read(tmp_path, JSONL)
    assert _read(tmp_path, ARRAY) == _read(tmp_path, PAGE) == rows
    # The tool ends every record of its array with a comma where no limit is set.
    assert _read(tmp_path, b"[\n" + b"".join(line + b",\n" for line in JSONL.splitlines()) + b"]\n") == rows
    told = ("account_id", "model", "input_tokens", "output_tokens", "cached_input_tokens", "status", "country")
    assert [tuple(row[name] for name in told) for row in rows] == [
        ("customer-1", "gpt-4o-mini", 2006, 300, 1920, 200, "NL"),
        ("customer-1", "claude-sonnet-4-5", 21 + 188 + 1000, 93, 1000, 200, "NL"),
        ("account-1", "claude-sonnet-4-5", 1021, 93, 1000, 200, "NL"),
        ("customer-1", "gpt-4o-mini", 0, 0, None, 429, "NL"),
    ]
    texts = ("prompt", "system_prompt", "response")
    assert [rows[0][name] for name in texts] == ['What is a "spirit safe"?', "Answer briefly.", "A locked glass box."]
    around = ("organization_id", "conversation_id", "end_user_id", "duration_ms", "temperature", "tool_count")
    assert [rows[0][name] for name in around] == ["org-1", "session-1", "customer-7", 812, 0.2, 1]
    assert (rows[2]["end_user_id"], rows[2]["thinking_budget"]) == ("customer-1", 512)


def test_the_tools_csv_is_read_with_its_quotes_undone(tmp_path: Path) -> None:
    rows, whole = _read(tmp_path, AS_CSV), _read(tmp_path, JSONL)
    same = ("exchange_id", "started_at", "account_id", "organization_id", "prompt", "system_prompt", "max_tokens")
    assert [[row.get(name) for name in same] for row in rows] == [[row.get(name) for name in same] for row in whole]
    # The tool's CSV has no cached counts, so the prompt's is all that it says.
    assert [row["input_tokens"] for row in rows] == [86, 21, 21, 0]


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20))
def test_any_prompt_survives_the_tools_csv(tmp_path_factory: pytest.TempPathFactory, prompt: str) -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": prompt}]}
    (row,) = _read(tmp_path_factory.mktemp("log"), tool_csv([WHOLE | {"request_body": asked}]))
    assert row["prompt"] == prompt


@settings(deadline=None)
@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_what_the_columns_leave_out_is_added(plain: int, read: int, wrote: int, audio: int) -> None:
    names = ("prompt_tokens", "prompt_cache_read_tokens", "prompt_cache_write_tokens", "prompt_audio_tokens")
    row = _row(BARE, **dict(zip(names, (plain, read, wrote, audio), strict=True)))
    assert (row["input_tokens"], row["cached_input_tokens"]) == (plain + read + wrote + audio, read)


def test_the_providers_own_usage_comes_before_the_columns() -> None:
    assert _row(WHOLE, prompt_tokens=7)["input_tokens"] == 2006
    chunk = {"choices": [{"delta": {"content": "Hi"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    row = _row(WHOLE, response_body=f"data: {json.dumps(chunk)}")
    assert (row["input_tokens"], row["output_tokens"], row["response"], row["stream"]) == (3, 4, "Hi", True)
    for cut in ('{"id": "chatcmpl', "data: {"):
        assert _row(WHOLE, response_body=cut)["input_tokens"] == 86 + 1920


@pytest.mark.parametrize(
    "changes",
    [
        {"request_path": "https://api.openai.com/v1/embeddings"},
        {"response_status": -2, "prompt_tokens": None},
        REFUSED | {"response_status": 401, "request_user_id": None},
        REFUSED | {"request_body": {"model": 7}, "request_model": "", "model": "", "response_model": None},
    ],
)
def test_what_is_no_exchange_is_passed_over(changes: dict[str, object]) -> None:
    assert Helicone().row(WHOLE | changes) is None


def test_a_status_that_is_none_of_http_is_no_status() -> None:
    assert _row(WHOLE, response_status=-3)["status"] is None


@pytest.mark.parametrize(
    ("properties", "account", "user"),
    [
        ({}, "customer-1", "customer-7"),
        ({"Account-Id": "a-1"}, "a-1", "customer-1"),
        ({"tenant_id": "t-1"}, "t-1", "customer-1"),
        (None, "customer-1", "customer-7"),
    ],
)
def test_the_account_is_a_property_else_the_user(properties: object, account: str, user: str) -> None:
    row = _row(WHOLE, request_properties=properties)
    assert (row["account_id"], row["end_user_id"]) == (account, user)


def test_an_export_without_users_says_how_to_have_them(tmp_path: Path) -> None:
    bare = [record | {"request_user_id": None, "request_properties": {}} for record in (WHOLE, BARE)]
    with pytest.raises(InputError, match="account_id is read from") as caught:
        _read(tmp_path, json.dumps(bare).encode())
    assert "Helicone-User-Id" in caught.value.hint


def test_a_bad_record_says_where_and_what_it_is_read_from(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 2, column 'input_tokens': .*else `prompt_tokens` with"):
        _read(tmp_path, json.dumps([WHOLE, BARE | {"prompt_tokens": "many"}]).encode())
