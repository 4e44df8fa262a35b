"""Streams that break off before they say what was used: tokens are estimated, and that is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spiritsafe.ingest.readers.pairs import Pairs
from spiritsafe.model.errors import InputError
from tests.ingest.readers.paired import (
    CHAT,
    CHAT_CHUNKS,
    CHAT_STREAM,
    MESSAGES_STREAM,
    RESPONSES,
    RESPONSES_STREAM,
    SSE,
    changed,
    row_of,
    rows_of,
)

Write = Callable[..., Path]
Read = Callable[..., tuple[list[Any], list[tuple[int, str]]]]


def _without_usage(text: str) -> str:
    return SSE(part + "\n\n" for part in text.split("\n\n") if '"prompt_tokens"' not in part)


QUESTION = {"model": "m", "messages": [{"role": "system", "content": "s" * 39}, {"role": "user", "content": "u" * 200}]}
CUT_OFF = {
    "chat without include_usage": (CHAT_STREAM, _without_usage(CHAT_STREAM["response"]["body"]), 60, 5),
    "chunks without include_usage": (CHAT_CHUNKS, CHAT_CHUNKS["response"]["body"][:-1], 60, 5),
    "responses": (RESPONSES_STREAM, RESPONSES_STREAM["response"]["body"].partition("event: response.comp")[0], 60, 2),
    "messages": (MESSAGES_STREAM, MESSAGES_STREAM["response"]["body"].partition("event: message_delta")[0], 100, 3),
    "cut in an event": (CHAT_STREAM, CHAT_STREAM["response"]["body"].partition('"finish_reason": "stop"')[0], 60, 5),
}


@pytest.mark.parametrize("name", CUT_OFF)
def test_a_stream_without_its_count_is_taken_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Input from the request's 240 bytes, or from Anthropic's first event; output from what was streamed."""
    record, body, given, made = CUT_OFF[name]
    uncounted = changed(changed(record, "response.body", body), "request.body", QUESTION | {"stream": True})
    rows = rows_of(tmp_path, b"\n".join(json.dumps(each).encode() for each in (CHAT, uncounted, RESPONSES)))
    assert [(row["input_tokens"], row["output_tokens"]) for row in rows] == [(2006, 300), (given, made), (328, 52)]
    (told,) = (record for record in caplog.records if "estimated" in record.message)
    assert (told.__dict__["count"], told.__dict__["source"]) == (1, str(tmp_path / "log"))
    assert "tokens_estimated" not in rows[1]


def test_all_that_a_stream_puts_out_is_estimated(tmp_path: Path) -> None:
    begun = {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 7, "output_tokens": 1}}}
    pieces = [{"thinking": "t" * 4_000}, {"text": "a" * 400}, {"partial_json": "j" * 40}]
    deltas = [{"type": "content_block_delta", "index": at, "delta": delta} for at, delta in enumerate(pieces)]
    (row,) = rows_of(tmp_path, json.dumps(changed(MESSAGES_STREAM, "response.body", [begun, *deltas])).encode())
    assert (row["input_tokens"], row["output_tokens"]) == (7, 1_110)
    calls = [{"index": 0, "function": {"arguments": "c" * 80}}]
    chunks = [{"choices": [{"index": at, "delta": {"content": "x" * 40, "tool_calls": calls}}]} for at in (0, 1)]
    assert row_of(changed(CHAT_STREAM, "response.body", chunks))["output_tokens"] == 60


def test_a_proxys_own_count_comes_before_an_estimate() -> None:
    record = changed(CHAT_STREAM, "response.body", _without_usage(CHAT_STREAM["response"]["body"]))
    row = row_of({**record, "usage": {"prompt_tokens": 901, "completion_tokens": 902}})
    assert (row["input_tokens"], row["output_tokens"], "tokens_estimated" in row) == (901, 902, False)


@pytest.mark.parametrize("body", [CHAT["response"]["body"] | {"usage": None}, ...], ids=["no usage", "no body"])
def test_an_answer_that_was_not_streamed_needs_its_count(jsonl: Write, read: Read, body: object) -> None:
    uncounted = changed(CHAT, "response.body", body)
    good, bad = read(jsonl([CHAT, uncounted, RESPONSES]))
    assert [row["exchange_id"] for row in good] == ["chatcmpl-1", "resp_1"]
    assert bad in ([(2, "input_tokens")], [(2, "output_tokens")])
    with pytest.raises(InputError, match="no record holds what the contract requires") as caught:
        read(jsonl([uncounted, uncounted]))
    assert "include_usage" in caught.value.hint


def test_an_error_in_the_middle_leaves_the_output_to_an_estimate() -> None:
    torn = MESSAGES_STREAM["response"]["body"].partition("event: message_delta")[0]
    row = row_of(
        changed(MESSAGES_STREAM, "response.body", f'{torn}data: {{"type": "error", "error": {{"type": "e"}}}}\n\n')
    )
    assert (row["input_tokens"], row["output_tokens"], row["tokens_estimated"]) == (100, 3, True)


def test_an_answer_that_a_client_did_not_wait_for_is_none_of_zero_tokens() -> None:
    torn = CHAT_STREAM["response"]["body"].partition('"finish_reason": "stop"')[0].rpartition("data:")[0]
    for record in (
        changed(changed(CHAT_STREAM, "response.body", torn), "response.status", 499),
        changed(CHAT_STREAM, "response.body", f'{torn}data: {{"error": {{"message": "overloaded"}}}}\n\n'),
    ):
        row = row_of(record)
        assert (row["output_tokens"], row["response"]) == (5, "A locked glass box.")
    gone = changed(changed(CHAT_STREAM, "response.body", ""), "response.status", 499)
    assert row_of(gone)["output_tokens"] == 0
    assert Pairs().row(changed(gone, "response.status", 0)) is None
