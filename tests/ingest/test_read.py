"""The three answers to a bad record, and the small tables."""

import json
import logging
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.quarantine import Quarantine
from spiritsafe.ingest.read import Reading, ReadStats, read_table, schema
from spiritsafe.ingest.readers import Format
from spiritsafe.ingest.sources import source
from spiritsafe.model import columns
from spiritsafe.model.columns import ACCOUNTS, EXCHANGES, LINKS, TableSpec
from spiritsafe.model.errors import InputError, StoreError, UsageError
from spiritsafe.model.settings import OnError

Write = Callable[..., Path]
Exchange = Callable[..., dict[str, Any]]


def _rows(reading: Reading, path: Path) -> int:
    return sum(batch.table.num_rows for batch in reading.batches(source(path)))


def test_fail_names_the_first_bad_row(jsonl: Write, exchange: Exchange) -> None:
    path = jsonl([exchange(1), exchange(2, n=-1), b"broken", exchange(4, account_id=None)])
    with pytest.raises(InputError, match=r"row 2, column 'n': -1 is below") as caught:
        _rows(Reading(EXCHANGES), path)
    assert caught.value.exit_code == 2
    assert "--on-error quarantine" in caught.value.hint


def test_quarantine_keeps_every_bad_record_for_its_owner_only(jsonl: Write, exchange: Exchange, tmp_path: Path) -> None:
    path = jsonl([exchange(1), b"broken \xff", exchange(3, client_ip=[1]), exchange(4)])
    with Quarantine(tmp_path / "out" / "quarantine.jsonl") as quarantine:
        reading = Reading(EXCHANGES, OnError.QUARANTINE, quarantine)
        assert _rows(reading, path) == 2
    assert reading.stats == ReadStats(files=1, rows=2, quarantined=2)
    kept = [json.loads(line) for line in quarantine.path.read_text().splitlines()]
    assert [(item["file"], item["row"], item["column"]) for item in kept] == [
        (str(path), 2, ""),
        (str(path), 3, "client_ip"),
    ]
    assert json.loads(kept[1]["record"]) == exchange(3, client_ip=[1])
    assert stat.S_IMODE(quarantine.path.stat().st_mode) == 0o600


def test_a_clean_log_leaves_no_quarantine_file(jsonl: Write, exchange: Exchange, tmp_path: Path) -> None:
    with Quarantine(tmp_path / "quarantine.jsonl") as quarantine:
        _rows(Reading(EXCHANGES, OnError.QUARANTINE, quarantine), jsonl([exchange(1)]))
    assert not quarantine.path.exists()


def test_a_quarantine_that_cannot_be_written_stops_the_scan(jsonl: Write, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "quarantine.jsonl").symlink_to("elsewhere")
    with Quarantine(tmp_path / "quarantine.jsonl") as quarantine, pytest.raises(StoreError, match="quarantine"):
        _rows(Reading(EXCHANGES, OnError.QUARANTINE, quarantine), jsonl([b"{broken"]))


def test_quarantine_needs_a_place() -> None:
    with pytest.raises(UsageError, match="quarantine file"):
        Reading(EXCHANGES, OnError.QUARANTINE)


def test_skip_counts_and_warns(jsonl: Write, exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    reading = Reading(EXCHANGES, OnError.SKIP)
    with caplog.at_level(logging.WARNING):
        assert _rows(reading, jsonl([exchange(1, prompt="\0"), b"broken", exchange(3, n=-1)])) == 1
    assert reading.stats == ReadStats(files=1, rows=1, skipped=2, repaired=1)
    assert [record.__dict__["count"] for record in caplog.records] == [2, 1]


def test_no_row_goes_uncounted_across_batches(jsonl: Write, exchange: Exchange) -> None:
    records = [exchange(at) if at % 7 else b"broken" for at in range(1, 101)]
    reading = Reading(EXCHANGES, OnError.SKIP, limits=Limits(rows=9))
    numbers = [int(n) for batch in reading.batches(source(jsonl(records))) for n in batch.row_numbers]
    assert numbers == [at for at in range(1, 101) if at % 7]
    assert reading.stats.skipped == 14


def test_a_stated_format_overrides_the_content(jsonl: Write, exchange: Exchange) -> None:
    with pytest.raises(InputError, match="damaged or cut off"):
        _rows(Reading(EXCHANGES, format=Format.PARQUET), jsonl([exchange(1)]))


@pytest.mark.parametrize("form", [Format.JSONL, Format.CSV])
def test_an_empty_file_of_a_stated_format_is_refused(tmp_path: Path, form: Format) -> None:
    (tmp_path / "log").write_bytes(b"")
    with pytest.raises(InputError, match=r"no records|missing"):
        _rows(Reading(EXCHANGES, format=form), tmp_path / "log")


def test_a_small_table_has_every_column(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("account_id,email,programme\na,x@y.z,research\nb,,\n")
    table = read_table(tmp_path / "accounts.csv", Reading(ACCOUNTS))
    assert table.schema == schema(ACCOUNTS)
    assert table.column("programme").to_pylist() == ["research", None]


def test_an_empty_small_table_still_has_its_columns(tmp_path: Path) -> None:
    (tmp_path / "links.csv").write_text("account_id,family,value\n")
    assert read_table(tmp_path / "links.csv", Reading(LINKS)).schema == schema(LINKS)


@pytest.mark.parametrize("name", ["ACCOUNTS", "ENTITIES", "EXCHANGES", "LABELS", "LINKS", "MODELS"])
def test_every_table_of_the_contract_reads_from_jsonl(jsonl: Write, name: str) -> None:
    spec: TableSpec = getattr(columns, name)
    values = {
        "string": "192.0.2.0/24",
        "timestamp": "2026-01-01",
        "int64": 1,
        "double": 1.5,
        "bool": True,
        "binary": None,
    }
    full = {column.name: (column.choices or [values[column.kind]])[0] for column in spec.columns}
    (row,) = read_table(jsonl([full]), Reading(spec)).to_pylist()
    assert all(value is not None for name, value in row.items() if name != "sketch")
