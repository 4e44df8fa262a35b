"""What a gateway captured says the same as the raw log: the store's tables, and the findings to the byte."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from spiritsafe.engine.store import Store
from spiritsafe.engine.tables import TABLES
from spiritsafe.gateway.capture import Captured, Fate
from spiritsafe.ingest.entities import EntityFile
from spiritsafe.model.settings import load_settings
from spiritsafe.pipeline.capturing import captured_folder, journal_of
from spiritsafe.pipeline.scan import ScanRequest, scan

SEEN = ["exchange_id", "started_at", "account_id", "model", "input_tokens", "output_tokens", "client_ip", "prompt"]


_ROWS = 3_000
"""Exchanges in a file: a block of JSON lines holds more, so that both sides are cut into the same batches."""


@pytest.fixture(scope="module")
def log(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The world's log, users and conversations added."""
    files = sorted((world / "exchanges").iterdir())
    table = pa.concat_tables([pq.read_table(file) for file in files]).sort_by("started_at")
    for name, of in (("end_user_id", 7), ("conversation_id", 400)):
        at = pa.array([f"{name} {row % of}" if row % 3 else None for row in range(len(table))], pa.string())
        table = table.drop_columns([name] if name in table.column_names else []).append_column(name, at)
    folder = tmp_path_factory.mktemp("raw")
    for begin in range(0, len(table), _ROWS):
        pq.write_table(table.slice(begin, _ROWS), folder / f"{begin:06d}.parquet")
    return folder


@pytest.fixture
def lists(log: Path, tmp_path: Path) -> tuple[EntityFile, ...]:
    """Intelligence that knows some of the log's networks: whole ones, single addresses and an owner."""
    ips = sorted(set(pq.read_table(log, columns=["client_ip"]).column("client_ip").drop_null().to_pylist()))
    wide = sorted({".".join(ip.split(".")[:3]) for ip in ips if "." in ip})
    (tmp_path / "vpn").write_text("".join(f"{net}.0/24\n" for net in wide[::5]) + "".join(f"{ip}\n" for ip in ips[::9]))
    (tmp_path / "cloud").write_text("".join(f"{net}.0,{net}.255,64500,NL\n" for net in wide[::4]))
    return EntityFile(tmp_path / "vpn", "vpn"), EntityFile(tmp_path / "cloud", "Example, Lab;")


def _capture(log: Path, store: Path, entities: tuple[EntityFile, ...]) -> None:
    for file in sorted(log.iterdir()):
        rows = pq.read_table(file)
        us = rows.column("started_at").cast(pa.int64())
        rows = rows.set_column(rows.column_names.index("started_at"), "started_at", us)
        known = [name for name in rows.column_names if name in Captured.__struct_fields__]
        with journal_of(store, load_settings(), entities) as journal:
            fates = [journal.offer(Captured(**row)) for row in rows.select(known).to_pylist()]
            assert {fate.result(60) for fate in fates} == {Fate.WRITTEN}


def _scan(logs: Path, store: Path, out: Path, entities: tuple[EntityFile, ...], world: Path) -> dict[str, Any]:
    sides = {"accounts": world / "accounts.parquet"}
    request = ScanRequest([logs], sides=sides, store=store, out=out, entities=entities)
    scan(request, load_settings(), lambda stage, done, total: None)
    return json.loads((out / "findings.json").read_bytes())  # type: ignore[no-any-return]


def _rows(store: Path, table: str) -> list[Any]:
    """A merged table's rows, without the words, and the hash of a whole system prompt, which no sketch carries."""
    with Store.open(store, read_only=True) as kept:
        rows = kept.read(table)
    if table == "traits":
        rows = rows.filter(pc.not_equal(rows.column("kind"), "system"))
    if table == "sentences":
        rows = rows.drop_columns("words")
    return sorted(rows.to_pylist(), key=str)


def _words(store: Path) -> dict[int, str]:
    with Store.open(store, read_only=True) as kept:
        rows = kept.read("sentences").to_pylist()
    return {row["sentence"]: row["words"] for row in rows if row["words"]}


@pytest.mark.parametrize("known", [False, True], ids=["alone", "with intelligence and two epochs"])
def test_captured_rows_say_what_the_log_says(
    known: bool,
    log: Path,
    lists: tuple[EntityFile, ...],
    world: Path,
    tmp_path: Path,
    key: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entities = lists if known else ()
    if known:
        monkeypatch.setenv("SPIRITSAFE_PRIVACY__EPOCH_DAYS", "4")
        monkeypatch.setenv("SPIRITSAFE_PRIVACY__OVERLAP_DAYS", "2")
    raw, veiled = tmp_path / "raw", tmp_path / "veiled"
    _capture(log, veiled, entities)
    expected = _scan(log, raw, tmp_path / "raw-out", entities, world)
    found = _scan(captured_folder(veiled), veiled, tmp_path / "veiled-out", entities, world)
    assert expected["campaigns"]
    for table in TABLES:
        assert _rows(veiled, table) == _rows(raw, table), table
    assert found == expected
    told, kept = _words(veiled), _words(raw)
    assert told.items() <= kept.items()
    assert len(told) > 0.7 * len(kept)  # the others had five senders in all, and in no file five
    if known:
        with Store.open(raw, read_only=True) as store:
            assert pc.sum(pc.not_equal(store.read("addresses").column("prefix_before"), 0)).as_py()
            assert {"shared exit", "vpn", "Example, Lab;"} <= set(store.read("labels").column("label").to_pylist())
