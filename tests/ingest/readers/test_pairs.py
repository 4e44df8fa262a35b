"""Pairs of request and response: every API and envelope, streamed or not; whose call it was; what is refused."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spiritsafe.ingest.quarantine import Quarantine
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.readers.pairexamples import KEY
from spiritsafe.ingest.readers.pairs import Pairs
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import EXCHANGES
from spiritsafe.model.errors import InputError
from spiritsafe.model.settings import OnError
from tests.ingest.readers.paired import (
    APISIX,
    BATCH,
    CHAT,
    CHAT_STREAM,
    FLAT,
    HASH,
    KONG,
    MESSAGES,
    PLAIN,
    REFUSED,
    RESPONSES,
    RESPONSES_STREAM,
    changed,
    row_of,
    rows_of,
)

Write = Callable[..., Path]
Read = Callable[..., tuple[list[Any], list[tuple[int, str]]]]


def test_every_api_plain_and_streamed_is_read_whole(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, PLAIN)
    told = ("exchange_id", "model", "input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")
    assert [tuple(row.get(name) for name in told) for row in rows] == [
        ("chatcmpl-1", "gpt-4o-mini", 2006, 300, 1920, 40),
        ("chatcmpl-2", "gpt-4o-mini", 19, 10, None, None),
        ("chatcmpl-3", "gpt-4o-mini", 19, 10, None, None),
        ("resp_1", "gpt-5", 328, 52, 0, 32),
        ("resp_2", "gpt-5", 328, 52, 0, 32),
        ("msg_1", "claude-sonnet-4-5", 21 + 188 + 1000, 93, 1000, None),
        ("msg_2", "claude-sonnet-4-5", 25 + 75, 15, 75, None),
        ("req-8", "gpt-4o-mini", 0, 0, None, None),
    ]
    assert [row["response"] for row in rows] == [
        *["A locked glass box."] * 3,
        *["A still."] * 2,
        *["A vessel."] * 2,
        None,
    ]
    assert {row["prompt"] for row in rows} == {"What is a spirit safe?", "What is on it?", "What is a still?"}
    assert {row["system_prompt"] for row in rows} == {"Answer briefly."}
    assert [row["finish_reason"] for row in rows] == ["stop"] * 5 + ["tool_calls", "stop", None]
    assert [row["stream"] for row in rows] == [False, True, True, False, True, False, True, False]
    assert [row["status"] for row in rows] == [200] * 7 + [429]
    assert {row["client_ip"] for row in rows} == {"192.0.2.7"}


def test_what_was_asked_for_is_read(tmp_path: Path) -> None:
    chat, *_ = rows = rows_of(tmp_path, PLAIN)
    asked = (
        "max_tokens",
        "temperature",
        "tool_count",
        "tool_call_count",
        "message_count",
        "image_count",
        "duration_ms",
    )
    assert [chat[name] for name in asked] == [200, 0.2, 1, 0, 2, 0, 812]
    responses, messages = rows[3], rows[5]
    assert (responses["image_count"], responses["conversation_id"]) == (1, "conv_1")
    assert (messages["thinking_budget"], messages["tool_call_count"]) == (512, 1)
    assert [row["end_user_id"] for row in (chat, responses, messages)] == ["customer-7", "customer-8", "customer-9"]


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        (FLAT, ("chatcmpl-10", "tenant-1", None, "org-1", 400, "2026-01-01 00:00:00.500000+00:00")),
        (KONG, ("chatcmpl-11", "customer-1", None, None, 1204, "2026-01-01 00:00:00.719000+00:00")),
        (APISIX, ("msg_12", "customer_2", HASH, None, 102, "2026-01-01 00:00:01+00:00")),
        (BATCH, ("chatcmpl-13", "account-1", None, None, None, "2026-01-01 00:00:00+00:00")),
    ],
)
def test_every_envelope_says_who_and_when(tmp_path: Path, example: bytes, expected: tuple[object, ...]) -> None:
    row = rows_of(tmp_path, example)[0]
    names = ("exchange_id", "account_id", "key_id", "organization_id", "duration_ms", "started_at")
    found = [row.get(name) for name in names]
    assert (*found[:-1], str(found[-1])) == expected
    assert row.get("batch") is (True if example is BATCH else None)


def test_the_older_completions_are_read(tmp_path: Path) -> None:
    row = rows_of(tmp_path, FLAT)[1]
    told = ("operation", "prompt", "response", "input_tokens", "output_tokens", "finish_reason", "logprobs")
    assert [row[name] for name in told] == ["text_completion", "Once upon", " a time", 5, 7, "length", True]


def test_a_call_that_is_no_exchange_is_passed_over(tmp_path: Path) -> None:
    reading = Reading(EXCHANGES)
    (tmp_path / "log").write_bytes(PLAIN)
    assert sum(batch.table.num_rows for batch in reading.batches(source(tmp_path / "log"))) == 8
    assert reading.stats.passed == 1
    embedding = {"object": "list", "data": [{"object": "embedding"}], "usage": {"prompt_tokens": 8, "total_tokens": 8}}
    assert Pairs().row(changed(CHAT, "response.body", embedding)) is None
    assert Pairs().row(changed(CHAT, "response.body", {"input_tokens": 14})) is None
    queued: dict[str, object] = {"id": "resp_9", "object": "response", "status": "queued", "output": [], "usage": None}
    assert Pairs().row(changed(RESPONSES, "response.body", queued)) is None
    assert Pairs().row(changed(REFUSED, "request.path", "/v1/embeddings")) is None
    assert Pairs().row(changed(REFUSED, "request.body", "not even JSON")) is None
    assert Pairs().row(changed(REFUSED, "request.body.model", "m\0")) is None


def test_a_bad_record_says_where_and_what_to_do(jsonl: Write) -> None:
    broken = changed(CHAT, "response.body", json.dumps(CHAT["response"]["body"])[:-20])
    with pytest.raises(InputError, match=r"row 2: response\.body is JSON that is cut off.*raise the logger's bound"):
        list(Reading(EXCHANGES).batches(source(jsonl([CHAT, broken]))))
    torn = changed(CHAT_STREAM, "response.body", CHAT_STREAM["response"]["body"].replace('{"id"', '{"id', 1))
    with pytest.raises(InputError, match=r"row 2: response\.body is a stream whose event 1 is not JSON"):
        list(Reading(EXCHANGES).batches(source(jsonl([CHAT, torn]))))
    odd = changed(CHAT, "response.body.usage.prompt_tokens", "many")
    with pytest.raises(InputError, match=r"row 2, column 'input_tokens': .* has it as response `usage`"):
        list(Reading(EXCHANGES).batches(source(jsonl([CHAT, odd]))))


@pytest.mark.parametrize("place", ["/v1/chat/completions", "https://api.example.com/v1/messages?beta=true", None])
def test_two_bodies_cut_off_are_still_a_bad_record(jsonl: Write, read: Read, place: str | None) -> None:
    asked, answered = json.dumps(CHAT["request"]["body"]), json.dumps(CHAT["response"]["body"])
    record = changed(changed(CHAT, "request.body", asked[:-9]), "response.body", answered[:-9])
    good, bad = read(jsonl([CHAT, changed(record, "request.path", place or "/")]))
    assert (len(good), bad) == (1, [(2, "")])


def test_a_failed_call_used_no_tokens_unless_it_says_so() -> None:
    streamed = 'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error"}}\n\n'
    for record in (REFUSED, changed(MESSAGES, "response.body", streamed)):
        row = row_of(record)
        assert (row["input_tokens"], row["output_tokens"], row.get("response")) == (0, 0, None)
    failed = changed(RESPONSES, "response.body", {**json.loads(RESPONSES["response"]["body"]), "status": "failed"})
    assert row_of(failed)["input_tokens"] == 328


@pytest.mark.parametrize(
    ("changes", "account"),
    [
        ({}, HASH),
        ({"account_id": "a-1", "tenant": "t-1"}, "a-1"),
        ({"tenant": "t-1"}, "t-1"),
        ({"tenant_id": 42}, "42"),
        ({"account": {"name": "A"}, "tenant": "t-1"}, "t-1"),
        ({"consumer": {"username": "u-1", "id": "i-1"}}, "u-1"),
        ({"metadata": {"account_id": "a-2"}}, "a-2"),
        ({"account_id": KEY}, HASH),
        ({"request.headers": {"x-api-key": KEY}}, HASH),
        ({"request.headers": [["API-KEY", KEY]]}, HASH),
        ({"request.headers": json.dumps({"Authorization": [f"Bearer {KEY}"]})}, HASH),
        ({"request.headers": ..., "headers": {"authorization": f"Bearer {KEY}"}}, HASH),
        ({"request.headers": ..., "api_key": KEY}, HASH),
        ({"request.headers": ..., "response.headers": {"openai-organization": "org-9"}}, "org-9"),
        ({"request.headers": {"authorization": "Bearer ***"}}, None),
        ({"request.headers": ...}, None),
    ],
)
def test_the_account_is_who_the_proxy_says_else_the_keys_hash(changes: dict[str, object], account: str | None) -> None:
    record = CHAT
    for path, value in changes.items():
        record = changed(record, path, value)
    assert row_of(record)["account_id"] == account


def test_bodies_may_stand_by_themselves_as_objects_or_text() -> None:
    asked, answered = CHAT["request"]["body"], CHAT["response"]["body"]
    for request, response in ((asked, answered), (json.dumps(asked), json.dumps(answered))):
        row = row_of({"tenant": "t-1", "ts": 1767225600.5, "request": request, "response": response})
        told = ("account_id", "input_tokens", "prompt", "response", "status")
        assert [row[name] for name in told] == ["t-1", 2006, "What is a spirit safe?", "A locked glass box.", None]


def test_an_organisation_that_a_client_names_counts_once_the_api_took_it() -> None:
    named = {"authorization": f"Bearer {KEY}", "openai-organization": "org-7"}
    assert row_of(changed(CHAT, "request.headers", named))["organization_id"] == "org-7"
    assert row_of(changed(REFUSED, "request.headers", named))["organization_id"] is None


def test_an_address_that_a_client_could_write_is_not_taken() -> None:
    forged = changed(CHAT, "client_ip", ...)
    forged = changed(forged, "request.headers.x-forwarded-for", "198.51.100.1")
    assert row_of(forged)["client_ip"] is None


def test_names_that_mean_something_else_lead_nowhere(tmp_path: Path) -> None:
    odd = {"latency": {"upstream": 3}, "channel": ["a"], "asn": "AS1", "country": {"code": "NL"}, "client_ip": None}
    (row,) = rows_of(tmp_path, json.dumps({**CHAT, "latency_ms": "1.2s", **odd, "remote_addr": "192.0.2.1"}).encode())
    told = ("duration_ms", "channel", "asn", "country", "client_ip")
    assert [row.get(name) for name in told] == [None, None, None, None, "192.0.2.1"]


def test_a_record_without_an_id_has_one_of_its_content() -> None:
    bare = changed(CHAT, "response.body.id", ...)
    first, again = row_of(bare)["exchange_id"], row_of(json.loads(json.dumps(bare)))["exchange_id"]
    assert first == again
    assert row_of(changed(bare, "timestamp", "2026-01-01T00:00:30Z"))["exchange_id"] != first


def test_no_key_is_kept_anywhere(tmp_path: Path) -> None:
    broken = json.dumps(changed(CHAT, "response.body.usage", None))
    data = "\n".join([json.dumps(CHAT), broken, broken[:-9], json.dumps(changed(CHAT, "timestamp", "soon"))])
    (tmp_path / "log").write_text(data)
    with Quarantine(tmp_path / "aside.jsonl") as quarantine:
        reading = Reading(EXCHANGES, OnError.QUARANTINE, quarantine)
        (batch,) = reading.batches(source(tmp_path / "log"))
    assert (batch.table.num_rows, reading.stats.quarantined) == (1, 3)
    assert KEY not in json.dumps(batch.table.to_pylist(), default=str)
    aside = (tmp_path / "aside.jsonl").read_text()
    assert "0123456789" not in aside
    assert aside.count("What is a spirit safe?") == 3
    with pytest.raises(InputError) as caught:
        list(Reading(EXCHANGES).batches(source(tmp_path / "log")))
    assert "0123456789" not in str(caught.value)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


def _deltas(answer: str, cuts: list[int]) -> list[str]:
    places = [0, *sorted(cut % (len(answer) + 1) for cut in cuts), len(answer)]
    return [answer[start:end] for start, end in itertools.pairwise(places)]


def _chat_events(pieces: list[str], counts: tuple[int, int]) -> list[dict[str, object]]:
    chunks: list[dict[str, object]] = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    used = {"prompt_tokens": counts[0], "completion_tokens": counts[1]}
    head: dict[str, object] = {"id": "x-1", "object": "chat.completion.chunk", "model": "m"}
    stop: dict[str, object] = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return [head | chunk for chunk in (*chunks, stop, dict[str, object](choices=[], usage=used))]


def _message_events(pieces: list[str], counts: tuple[int, int]) -> list[dict[str, object]]:
    begun = {"id": "x-1", "type": "message", "model": "m", "content": [], "usage": {"input_tokens": counts[0]}}
    return [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": p}} for p in pieces),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": counts[1]}},
    ]


@settings(deadline=None)
@given(
    TEXTS, TEXTS, st.lists(st.integers(0, 40), max_size=5), st.tuples(st.integers(0, 99), st.integers(0, 99)), st.data()
)
def test_a_streamed_answer_is_the_plain_one(
    prompt: str, answer: str, cuts: list[int], counts: tuple[int, int], data: st.DataObject
) -> None:
    """Exchange -> either API's bodies -> row, however the stream was cut into pieces and written down."""
    asked = {"model": "m", "messages": [{"role": "user", "content": prompt}], "stream": True}
    events = data.draw(st.sampled_from([_chat_events, _message_events]))(_deltas(answer, cuts), counts)
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    text = "".join(f"data: {json.dumps(event, ensure_ascii=False)}{end}{end}" for event in events)
    rows = [
        row_of({"tenant": "t-1", "timestamp": 1767225600, "request_body": asked, "response_body": body})
        for body in (events, text, [f"data: {json.dumps(event)}" for event in events])
    ]
    told = ("exchange_id", "model", "input_tokens", "output_tokens", "prompt", "response", "finish_reason", "stream")
    expected = ("x-1", "m", *counts, prompt or None, answer or None, "stop", True)
    assert [tuple(row[name] for name in told) for row in rows] == [expected] * 3


def test_half_an_emoji_in_an_answer_stops_nobody(tmp_path: Path) -> None:
    body = json.dumps(CHAT["response"]["body"]).replace("A locked", "\\ud83d locked")
    (row,) = rows_of(tmp_path, json.dumps(changed(CHAT, "response.body", body)).encode())
    assert row["response"] == "\ufffd locked glass box."
    streamed = CHAT_STREAM["response"]["body"].replace("A locked", "\\ud83d locked")
    (row,) = rows_of(tmp_path, json.dumps(changed(CHAT_STREAM, "response.body", streamed)).encode())
    assert row["response"] == "\ufffd locked glass box."


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("m\0"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "type", "text", "id"]), inner, max_size=3)
    ),
    max_leaves=6,
)
ASKED = frozenset({"model", "messages", "input", "system", "instructions", "max_tokens", "temperature", "stream", "n"})
NAMES = st.sampled_from(sorted(ASKED | {"tools", "thinking", "user", "metadata", "top_logprobs", "conversation"}))


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, JUNK, max_size=6) | JUNK, st.sampled_from([CHAT, RESPONSES_STREAM, MESSAGES, REFUSED]))
def test_whatever_a_client_asks_stops_nobody(tmp_path: Path, asked: object, record: dict[str, Any]) -> None:
    hostile = changed(record, "request.body", asked)
    rows = rows_of(tmp_path, "\n".join([json.dumps(CHAT), json.dumps(hostile)]).encode())
    assert len(rows) == 2 or record is REFUSED


@pytest.mark.parametrize(
    "changes",
    [
        {"response.status": 401},
        {"request.headers": ...},
        {"request.headers": {"authorization": "Bearer ***"}},
        {"request.body.model": 7},
        {"request.body": ...},
    ],
)
def test_a_strangers_failed_call_stops_nobody(jsonl: Write, read: Read, changes: dict[str, object]) -> None:
    record = REFUSED
    for path, value in changes.items():
        record = changed(record, path, value)
    good, bad = read(jsonl([CHAT, record]))
    assert (len(good), bad) == (1, [])
