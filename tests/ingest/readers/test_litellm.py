"""LiteLLM's payloads and spend logs: who the account is, what counts as a call, and failures."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spiritsafe.ingest.batch import Batch
from spiritsafe.ingest.readers import READERS, Format
from spiritsafe.ingest.readers.litellm import operation
from spiritsafe.model.errors import InputError
from spiritsafe.wire.objects import Record

Batches = Callable[..., list[Batch]]
PAYLOAD: Record = json.loads(READERS[Format.LITELLM].examples()[0].splitlines()[0])
SPEND: Record = json.loads(READERS[Format.LITELLM_SPEND].examples()[0].splitlines()[0])
FAILURE = {"status": "failure", "prompt_tokens": 0, "completion_tokens": 0, "response": None}


@pytest.fixture
def read(batches: Batches, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Rows of some records, none of which may be bad."""

    def read(*records: Record) -> list[dict[str, Any]]:
        (tmp_path / "log").write_text("\n".join(map(json.dumps, records)))
        taken = batches(tmp_path / "log")
        assert [bad for batch in taken for bad in batch.rejected] == []
        return [row for batch in taken for row in batch.table.to_pylist()]

    return read


def _metadata(**changes: object) -> Record:
    return PAYLOAD | {"metadata": PAYLOAD["metadata"] | changes}


def test_the_account_is_the_key_and_its_owner_the_organisation(read: Callable[..., list[dict[str, Any]]]) -> None:
    rows = read(
        _metadata(user_api_key_org_id="org"),
        _metadata(user_api_key_team_id=None, user_api_key_user_id="u"),
        _metadata(user_api_key_team_id="", user_api_key_user_id="default_user_id"),
        _metadata(user_api_key_hash=None, user_api_key_user_id="u"),
    )
    assert [(row["account_id"], row["organization_id"]) for row in rows] == [
        ("88dc28d0", "org"),
        ("88dc28d0", "u"),
        ("88dc28d0", None),
        ("u", "team-7"),
    ]


def test_failures_count_and_those_of_strangers_are_passed_over(batches: Batches, tmp_path: Path) -> None:
    records = [
        PAYLOAD | FAILURE | {"error_information": {"error_code": "400"}, "model_group": "m\0\ud800"},
        PAYLOAD | FAILURE | {"error_information": {"error_code": "APIError"}, "prompt_tokens": None},
        PAYLOAD | FAILURE | {"metadata": {}},
        PAYLOAD | FAILURE | {"model_group": None, "model": ""},
        SPEND | FAILURE | {"api_key": "", "user": ""},
    ]
    (tmp_path / "log").write_text("".join(json.dumps(record) + "\n" for record in records[:-1]))
    (batch,) = batches(tmp_path / "log")
    rows = batch.table.to_pylist()
    assert (batch.rejected, batch.passed) == ((), 2)
    assert [(row["status"], row["model"], row["output_tokens"]) for row in rows] == [
        (400, "m\ufffd\ufffd", 0),
        (500, "sonnet", 0),
    ]
    (tmp_path / "log").write_text(json.dumps(records[-1]))
    assert [batch.passed for batch in batches(tmp_path / "log")] == [1]


@pytest.mark.parametrize(
    ("call_type", "expected"),
    [
        ("acompletion", "chat"),
        ("aresponses", "chat"),
        ("atext_completion", "text_completion"),
        ("aembedding", "embeddings"),
        ("arerank", "arerank"),
        ("acreate_batch", None),
        ("afile_content", None),
        ("alist_fine_tuning_jobs", None),
        (None, "chat"),
    ],
)
def test_call_types(call_type: object, expected: str | None) -> None:
    assert operation(call_type) == expected


def test_redacted_words_are_no_words(read: Callable[..., list[dict[str, Any]]]) -> None:
    redacted = {"role": "user", "content": "redacted-by-litellm"}
    (row,) = read(
        PAYLOAD | {"messages": [redacted], "response": {"choices": [{"message": {"content": "redacted-by-litellm"}}]}}
    )
    assert (row["prompt"], row["response"], row["message_count"]) == (None, None, 1)


def test_the_payload_is_found_in_a_callbacks_arguments(read: Callable[..., list[dict[str, Any]]]) -> None:
    assert read({"kwargs": {}, "standard_logging_object": PAYLOAD}) == read(PAYLOAD)


def test_a_log_without_keys_says_what_to_do(read: Callable[..., list[dict[str, Any]]]) -> None:
    with pytest.raises(InputError, match=r"account_id is read from `metadata\.user_api_key_hash`(.|\n)*virtual keys"):
        read(PAYLOAD | {"metadata": {}}, PAYLOAD | {"metadata": None})


def test_a_bad_value_names_the_field_that_it_is_from(batches: Batches, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(json.dumps([PAYLOAD, PAYLOAD | {"completion_tokens": "many"}]))
    (batch,) = batches(tmp_path / "log")
    (bad,) = batch.rejected
    assert (bad.row, bad.column) == (2, "output_tokens")
    assert "'many' is not a whole number" in bad.reason
    assert "`completion_tokens`" in bad.reason
    assert json.loads(str(bad.record))["completion_tokens"] == "many"


def test_json_columns_may_be_text(read: Callable[..., list[dict[str, Any]]]) -> None:
    names = ("metadata", "proxy_server_request", "response", "request_tags")
    assert read(SPEND | {name: json.dumps(SPEND[name]) for name in names}) == read(SPEND)
    assert read(SPEND | {"proxy_server_request": {"body": SPEND["proxy_server_request"]}}) == read(SPEND)


def test_csv_says_what_json_says(read: Callable[..., list[dict[str, Any]]], batches: Batches, tmp_path: Path) -> None:
    sink = io.StringIO(newline="")
    out = csv.writer(sink, delimiter=";")
    out.writerows([SPEND, [json.dumps(v) if isinstance(v, dict | list) else v for v in SPEND.values()]])
    out.writerows([["short"], ["many" if n == "prompt_tokens" else v for n, v in SPEND.items()]])
    (tmp_path / "spend").write_text(sink.getvalue())
    (batch,) = batches(tmp_path / "spend")
    assert batch.table.to_pylist() == read(SPEND)
    assert [(bad.row, bad.column) for bad in batch.rejected] == [(2, ""), (3, "input_tokens")]


def test_a_page_of_the_api_is_read_record_by_record(batches: Batches, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(json.dumps({"total": 3, "data": [SPEND, SPEND | {"startTime": "never"}, SPEND]}))
    (batch,) = batches(tmp_path / "log")
    assert [bad.row for bad in batch.rejected] == [2]
    assert batch.row_numbers.tolist() == [1, 3]
