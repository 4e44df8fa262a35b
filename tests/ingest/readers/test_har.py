"""HTTP Archives: entries of any archive, however long, and nothing of the calls that asked no model."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.readers import Format
from spiritsafe.ingest.readers.har import Har
from spiritsafe.ingest.readers.sniff import sniff
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import EXCHANGES
from spiritsafe.model.errors import InputError

ARCHIVE: dict[str, Any] = json.loads(Har().examples()[0])
ENTRIES: list[dict[str, Any]] = ARCHIVE["log"]["entries"]


def _archive(entries: list[dict[str, Any]], path: Path, **form: Any) -> Path:
    path.write_text(json.dumps({"log": ARCHIVE["log"] | {"entries": entries}}, **form))
    return path


def _read(path: Path, limits: Limits | None = None) -> tuple[list[dict[str, Any]], Reading]:
    reading = Reading(EXCHANGES, limits=limits or Limits())
    return [row for batch in reading.batches(source(path)) for row in batch.table.to_pylist()], reading


@pytest.mark.parametrize("form", [{}, {"indent": 2}, {"indent": 0, "separators": (",", " : ")}])
def test_an_archive_is_read_however_it_is_written(tmp_path: Path, form: dict[str, Any]) -> None:
    rows, reading = _read(_archive(ENTRIES, tmp_path / "calls.har", **form))
    told = ("exchange_id", "input_tokens", "output_tokens", "response", "duration_ms", "client_ip", "status")
    assert [tuple(row[name] for name in told) for row in rows] == [
        ("chatcmpl-20", 2006, 300, "A locked glass box.", 812, "192.0.2.7", 200),
        ("resp_2", 328, 52, "A still.", 812, "192.0.2.7", 200),
        ("msg_20", 1209, 93, "A vessel.", 812, "192.0.2.7", 200),
    ]
    assert [row["stream"] for row in rows] == [False, True, False]
    assert reading.stats.passed == 1


def test_archives_one_per_line_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "calls.har"
    path.write_text("\n".join(json.dumps({"log": {"version": "1.2", "entries": [entry]}}) for entry in ENTRIES))
    assert sniff(source(path), Limits()) is Format.HAR
    assert len(_read(path)[0]) == 3


@pytest.mark.parametrize("indent", [None, 1])
def test_an_archive_is_longer_than_any_record_may_be(tmp_path: Path, indent: int | None) -> None:
    entries = [entry | {"startedDateTime": f"2026-01-01T00:{at:02}:00Z"} for at in range(60) for entry in ENTRIES[:1]]
    path = _archive(entries, tmp_path / "calls.har", indent=indent)
    bounds = Limits(record_bytes=9_000, batch_bytes=20_000)
    assert path.stat().st_size > 10 * bounds.record_bytes
    assert sniff(source(path), bounds) is Format.HAR
    rows, _ = _read(path, bounds)
    assert [row["started_at"].minute for row in rows] == list(range(60))


def test_a_bad_entry_is_named_by_its_place(tmp_path: Path) -> None:
    odd = json.loads(json.dumps(ENTRIES[0]))
    odd["response"]["content"]["text"] = odd["response"]["content"]["text"][:-9]
    path = _archive([*ENTRIES, odd], tmp_path / "calls.har")
    with pytest.raises(InputError, match=r"row 5: response\.content is JSON that is cut off"):
        _read(path)


@pytest.mark.parametrize("text", ['{"a": ', "data: not json\n\n", "<html>", '{"ok": true}', "", "{}"])
def test_other_calls_never_stop_the_reading(tmp_path: Path, text: str) -> None:
    page = json.loads(json.dumps(ENTRIES[3]))
    page["response"]["content"] = {"mimeType": "text/plain", "text": text}
    rows, reading = _read(_archive([page, ENTRIES[0]], tmp_path / "calls.har"))
    assert (len(rows), reading.stats.passed) == (1, 1)
    page["response"]["content"] |= {"encoding": "base64", "text": base64.b64encode(text.encode()).decode() + "!"}
    assert len(_read(_archive([page, ENTRIES[0]], tmp_path / "calls.har"))[0]) == 1


@pytest.mark.parametrize("content", [{"size": 0, "mimeType": "x"}, {"size": 9, "mimeType": "x", "text": ""}, None])
def test_an_answer_that_was_not_saved_is_a_bad_entry(tmp_path: Path, content: object) -> None:
    bare = json.loads(json.dumps(ENTRIES[0]))
    bare["response"]["content"] = content
    with pytest.raises(InputError, match="row 2, column 'input_tokens': is empty"):
        _read(_archive([ENTRIES[0], bare], tmp_path / "calls.har"))
    bare["response"]["status"] = 0
    assert len(_read(_archive([ENTRIES[0], bare], tmp_path / "calls.har"))[0]) == 1


def test_an_archive_without_a_call_of_ours_gives_nothing(tmp_path: Path, jsonl: Callable[..., Path]) -> None:
    rows, reading = _read(_archive([ENTRIES[3]] * 3, tmp_path / "calls.har"))
    assert (rows, reading.stats.passed) == ([], 3)
