"""JSONL: exact rows on both paths, whatever stands in the lines."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.ingest.batch import Batch, Limits
from spiritsafe.ingest.readers import lines
from spiritsafe.ingest.sources import source
from spiritsafe.model.errors import InputError

Write = Callable[..., Path]
Read = Callable[..., tuple[list[Any], list[tuple[int, str]]]]
Exchange = Callable[..., dict[str, Any]]


def test_plain_and_gzip_read_alike(jsonl: Write, read: Read, exchange: Exchange) -> None:
    records = [exchange(1), exchange(2, prompt="né\n", temperature=1, stream=False, client_ip=None)]
    good, bad = read(jsonl(records))
    assert [row["input_tokens"] for row in good] == [1, 2]
    assert (good[1]["prompt"], good[1]["temperature"], good[1]["stream"]) == ("né\n", 1.0, False)
    assert bad == []
    assert read(jsonl(records, "log.gz")) == (good, bad)


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (b'{"exchange_id": "e-9"', ""),
        (b"[1, 2]", ""),
        (b"nonsense", ""),
        (b'{"a":' + b"[" * 100_000, ""),
        ({"input_tokens": "12"}, "input_tokens"),
        ({"input_tokens": 1.5}, "input_tokens"),
        ({"input_tokens": True}, "input_tokens"),
        ({"input_tokens": -1}, "input_tokens"),
        ({"input_tokens": 2**63}, "input_tokens"),
        ({"input_tokens": float("nan")}, "input_tokens"),
        ({"input_tokens": float("inf")}, "input_tokens"),
        ({"input_tokens": None}, "input_tokens"),
        ({"input_tokens": ...}, "input_tokens"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"stream": 1}, "stream"),
        ({"account_id": 7}, "account_id"),
        ({"account_id": ""}, "account_id"),
        ({"account_id": "a\0"}, "account_id"),
        ({"prompt": ["hi"]}, "prompt"),
        ({"sketch": "not base64!"}, "sketch"),
        ({"started_at": 1_767_225_600_000}, "started_at"),
        ({"started_at": "1999-12-31T23:59:59Z"}, "started_at"),
        ({"started_at": "2100-01-01T00:00:00Z"}, "started_at"),
    ],
)
def test_one_bad_line_is_found_and_the_others_stand(
    jsonl: Write, read: Read, exchange: Exchange, line: Any, column: str
) -> None:
    bad = line if isinstance(line, bytes) else exchange(2, **line)
    good, rejected = read(jsonl([exchange(1), bad, b"", exchange(3)]))
    assert rejected == [(2, column)]
    assert [row["input_tokens"] for row in good] == [1, 3]


def test_the_record_is_kept_as_given(jsonl: Write, batches: Callable[..., list[Batch]], exchange: Exchange) -> None:
    odd = b'{"exchange_id":"e-9",  "input_tokens":-1}'
    (batch,) = batches(jsonl([exchange(1), b"", odd]))
    assert [bad.record for bad in batch.rejected] == [odd.decode()]


def test_whoever_sends_a_prompt_cannot_break_the_log(
    jsonl: Write, batches: Callable[..., list[Batch]], exchange: Exchange
) -> None:
    text = b'{"prompt":"%s",' + json.dumps(exchange(2)).encode()[1:]
    hostile = [text % b"\xff\xfe", text % b"\\ud83d", text % b"\\u0000", text % b"raw \x00 and \x07"]
    (batch,) = batches(jsonl([exchange(1), *hostile]))
    assert batch.rejected == ()
    prompts = batch.table.column("prompt").to_pylist()
    assert prompts == [None, "\ufffd\ufffd", "\ufffd", "\ufffd", "raw \ufffd and \x07"]
    assert batch.repaired == 4


def test_whole_floats_are_whole_numbers(jsonl: Write, read: Read, exchange: Exchange) -> None:
    good, bad = read(jsonl([exchange(1, input_tokens=7.0), exchange(2)]))
    assert [row["input_tokens"] for row in good] == [7, 2]
    assert bad == []


def test_unknown_names_are_told_once_and_kept_out(
    jsonl: Write, batches: Callable[..., list[Batch]], exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    records = [exchange(1), exchange(2, colour="red"), exchange(3, **{'we"ird': {"deep": []}, "late\n": 1})]
    with caplog.at_level(logging.WARNING):
        taken = batches(jsonl(records), Limits(rows=1))
    assert sum(batch.table.num_rows for batch in taken) == 3
    (record,) = caplog.records
    assert record.__dict__["columns"] == ["colour", "late\\n", 'we"ird']


def test_names_without_end_cost_no_memory_and_hide_no_column(jsonl: Write, read: Read, exchange: Exchange) -> None:
    records = [exchange(at, **{f"x{at}": 1}) for at in range(1, 400)] + [exchange(400, prompt="seen")]
    good, bad = read(jsonl(records))
    assert (len(good), bad) == (400, [])
    assert good[-1]["prompt"] == "seen"


def test_a_file_without_a_required_column_is_refused(jsonl: Write, read: Read, exchange: Exchange) -> None:
    with pytest.raises(InputError, match=r"missing: account_id; columns found: .*model"):
        read(jsonl([exchange(1, account_id=...)]))


def test_a_line_without_end_is_refused(jsonl: Write, read: Read) -> None:
    with pytest.raises(InputError, match="longer than 5000 bytes"):
        read(jsonl([b'{"prompt":"' + b"x" * 9000]), Limits(record_bytes=5000, batch_bytes=600))


def test_a_bomb_is_refused(jsonl: Write, read: Read) -> None:
    with pytest.raises(InputError, match="decompression bomb"):
        read(jsonl([b"{}"] * 100_000, "log.gz"), Limits(inflation=20, inflation_floor=10_000))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.binary(max_size=9).filter(lambda line: b"\n" not in line and line.strip()), max_size=30),
    st.integers(1, 8),
    st.integers(1, 40),
    st.booleans(),
)
def test_stretches_lose_no_line_and_cut_none(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[bytes], rows: int, block: int, ended: bool
) -> None:
    path = tmp_path_factory.mktemp("lines") / "log"
    path.write_bytes(b"+" + b"\n".join(wanted) + b"\n" * ended)
    taken = list(lines.stretches(source(path), Limits(rows=rows, batch_bytes=block)))
    assert [line for stretch in taken for line in lines.filled(stretch)] == lines.filled(path.read_bytes())
    assert all(len(lines.filled(stretch)) <= rows for stretch in taken)
