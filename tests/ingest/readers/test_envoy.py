"""Envoy's access log: whatever fields are called, no header of a client's is believed, and the rest is passed over."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spiritsafe.ingest.batch import Batch
from spiritsafe.ingest.readers import READERS, Format
from spiritsafe.ingest.readers.envoy import NAMES
from spiritsafe.model.errors import InputError
from spiritsafe.wire.objects import Record

Batches = Callable[..., list[Batch]]
LINE: Record = json.loads(READERS[Format.ENVOY].examples()[0].splitlines()[0])


@pytest.fixture
def read(batches: Batches, tmp_path: Path) -> Callable[..., tuple[list[dict[str, Any]], list[str], int]]:
    """Rows of some lines, columns of what was refused, and how many lines were passed over."""

    def read(*lines: Record) -> tuple[list[dict[str, Any]], list[str], int]:
        text = "".join(json.dumps({k: v for k, v in line.items() if v is not ...}) + "\n" for line in lines)
        (tmp_path / "log").write_text(text)
        taken = batches(tmp_path / "log")
        rows = [row for batch in taken for row in batch.table.to_pylist()]
        return rows, [bad.column for batch in taken for bad in batch.rejected], sum(batch.passed for batch in taken)

    return read


Read = Callable[..., tuple[list[dict[str, Any]], list[str], int]]


def test_the_clients_address_is_what_envoy_worked_out(read: Read) -> None:
    rows, _, _ = read(
        LINE,
        LINE | {"downstream_remote_address": ...},
        LINE | {"downstream_remote_address": "[2001:db8::1]:443"},
        LINE | {"downstream_remote_address": "/run/envoy.sock"},
        LINE | {"downstream_remote_address_without_port": "198.51.100.7"},
        LINE | {"downstream_remote_address": ..., "downstream_direct_remote_address": "10.0.0.1:5"},
    )
    assert [row["client_ip"] for row in rows] == ["203.0.113.9", None, "2001:db8::1", None, "198.51.100.7", None]
    assert all(row["client_ip"] != LINE["x-forwarded-for"] for row in rows)


@pytest.mark.parametrize("style", ["{}", "http.{}", "HTTP-{}"])
def test_metadata_is_found_as_one_object_under_any_name(read: Read, style: str) -> None:
    held = {"io.envoy.ai_gateway": {"llm_input_token": "12", "llm_output_token": 5, "llm_cached_input_token": "100"}}
    bare = {name: ... for name in LINE if name.startswith("genai_tokens")}
    (row,), _, _ = read(LINE | bare | {style.format("metadata"): held})
    assert (row["input_tokens"], row["output_tokens"], row["cached_input_tokens"]) == (112, 5, 100)


def test_names_may_be_joined_in_any_way(read: Read) -> None:
    for join in ("_", "-", "."):
        line = {name.replace("_", join): value for name, value in LINE.items()}
        line |= {"start_time": line.pop(f"start{join}time"), "response_code": line.pop(f"response{join}code")}
        line |= {"upstream_host": "x", "upstream_cluster": "y"}
        rows, refused, _ = read(line)
        assert (len(rows), refused) == (1, [])


def test_no_name_stands_for_two_columns() -> None:
    names = [name for column, names in NAMES.items() if column != "key_id" for name in names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/chat/completions", "chat"),
        ("/v1/responses?stream=1", "chat"),
        ("/anthropic/v1/messages", "chat"),
        ("/model/claude/converse-stream", "chat"),
        ("/v1beta/models/gemini:streamGenerateContent?alt=sse", "chat"),
        ("/v1/completions", "text_completion"),
        ("/v1/embeddings", "embeddings"),
        ("/v1/messages/count_tokens", None),
        ("/v1/models", None),
        ("/v1/models/gpt", None),
        ("/v1/files/abc/content", None),
        ("/something/of/ours", "chat"),
    ],
)
def test_paths_say_what_was_asked(read: Read, path: str, expected: str | None) -> None:
    rows, refused, passed = read(LINE | {"x-envoy-origin-path": path})
    assert ([row["operation"] for row in rows], refused, passed) == ([expected] if expected else [], [], not expected)


def test_lines_without_tokens(read: Read) -> None:
    bare = {name: None for name in LINE if name.startswith("genai_tokens")}
    rows, refused, passed = read(
        LINE,
        LINE | bare | {"x-envoy-origin-path": "/healthz"},
        LINE | bare | {"response_code": 503},
        LINE | bare | {"response_code": 0},
        LINE | bare | {"response_code": 401, "account_id": "-"},
        LINE | bare,
    )
    assert [(row["status"], row["input_tokens"]) for row in rows] == [(200, 1200), (503, 0), (499, 0)]
    assert (refused, passed) == (["input_tokens"], 2)


@pytest.mark.parametrize(
    ("missing", "advice"),
    [
        ("genai_tokens_input", "llmRequestCosts"),
        ("account_id", "jwt_authn"),
        ("genai_model_name", "X-AI-EG-MODEL"),
    ],
)
def test_a_log_that_lacks_a_column_says_how_to_log_it(read: Read, missing: str, advice: str) -> None:
    with pytest.raises(InputError, match=advice):
        read(LINE | {missing: ...}, LINE | {missing: "-"})


def test_another_systems_log_is_not_taken_for_envoys() -> None:
    mapping = READERS[Format.ENVOY].mapping  # type: ignore[attr-defined]
    assert mapping.recognises(LINE)
    assert not mapping.recognises({"start_time": 1, "response_code": 200, "bytes_sent": 1})
    assert not mapping.recognises({"message": "started", "level": "info"})
