"""Connections keep to their limits, clean up after themselves and after the dead."""

import fcntl
import os
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from spiritsafe.engine.store import Store
from spiritsafe.engine.tables import TABLES
from spiritsafe.model.settings import EngineSettings


def _spills(root: Path) -> list[Path]:
    return sorted((root / "spill").glob("spill-*"))


def _setting(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    row = connection.execute("SELECT current_setting(?)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def test_settings_reach_the_connection(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, store.snapshot(EngineSettings(memory_gib=0.5, threads=3)) as snapshot:
        connection = snapshot.connect()
        assert _setting(connection, "threads") == "3"
        assert _setting(connection, "memory_limit").startswith("512")
        assert Path(_setting(connection, "temp_directory")).parent == tmp_path / "spill"
        assert _setting(snapshot.connect(EngineSettings(threads=1)), "threads") == "1"


def test_spill_goes_with_the_snapshot(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.snapshot(EngineSettings(memory_gib=0.1, threads=1)) as snapshot:
            connection = snapshot.connect()
            row = connection.execute(
                "SELECT count(*) FROM (SELECT hash(i) h FROM range(9_000_000) t(i) ORDER BY h OFFSET 1)"
            ).fetchone()
            assert row == (8_999_999,)
            (folder,) = _spills(tmp_path)
            assert folder.is_dir()
        assert _spills(tmp_path) == []


def test_spill_of_a_killed_process_is_swept_and_that_of_a_live_one_kept(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, store.snapshot() as snapshot:
        snapshot.connect()
        (live,) = _spills(tmp_path)
        dead = tmp_path / "spill" / "spill-dead"
        dead.mkdir()
        (dead / "owner.lock").touch()
        (dead / "duckdb_temp_storage-0.tmp").write_bytes(b"left")
        snapshot.connect()
        assert live.exists()
        assert not dead.exists()


def test_the_views_show_unmerged_rows_and_merged_shows_keys_once(tmp_path: Path) -> None:
    rows = pa.table({"exchange": [1], "hour": [4]}, schema=TABLES["seen"].schema)
    with Store.open(tmp_path) as store:
        for _ in range(2):
            with store.batch() as batch:
                batch.write("seen", rows)
                batch.commit()
        with store.snapshot() as snapshot:
            assert snapshot.connect().execute("SELECT count(*) FROM seen").fetchone() == (2,)
            assert snapshot.ibis().table("seen").count().to_pyarrow().as_py() == 2
            assert snapshot.merged("seen").count().to_pyarrow().as_py() == 1
            assert snapshot.rows("seen") == 2


def test_a_store_whose_path_needs_quoting_reads(tmp_path: Path) -> None:
    root = tmp_path / "it's [a] *store* ?"
    with Store.open(root) as store:
        with store.batch() as batch:
            batch.write("seen", pa.table({"exchange": [1], "hour": [4]}))
            batch.commit()
        assert store.read("seen").num_rows == 1


def test_a_closed_snapshot_lets_go(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        snapshot = store.snapshot()
        fd = os.open(tmp_path / "readers.lock", os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        snapshot.close()
        snapshot.close()
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(fd)
