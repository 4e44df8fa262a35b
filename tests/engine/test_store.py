"""The store commits wholly, refuses what is not its own and never takes files from under a reader."""

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from spiritsafe.engine.fold import fold as merge
from spiritsafe.engine.manifest import FORMAT
from spiritsafe.engine.store import Store
from spiritsafe.engine.tables import TABLES
from spiritsafe.model.errors import StoreError

RowMaker = Callable[[pa.Table, int, int], pa.Table]
SEEN = TABLES["seen"].schema


def seen(*exchanges: int) -> pa.Table:
    return pa.table({"exchange": list(exchanges), "hour": [1] * len(exchanges)}, schema=SEEN)


def ingest(store: Store, digest: str, *exchanges: int) -> None:
    with store.batch() as batch:
        batch.write("seen", seen(*exchanges))
        batch.record_file(digest, f"{digest}.parquet", rows=len(exchanges), quarantined=0, bytes=10)
        batch.commit()


def segment_files(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "segments").rglob("*") if path.is_file())


def test_every_table_reads_back_merged_over_batches_and_after_compaction(tmp_path: Path, random_rows: RowMaker) -> None:
    parts = {name: [random_rows(table, 40, seed) for seed in range(3)] for name, table in TABLES.items()}
    expected = {name: merge(pa.concat_tables(parts[name]), table) for name, table in TABLES.items()}
    with Store.open(tmp_path) as store:
        for number in range(3):
            with store.batch() as batch:
                for name in TABLES:
                    batch.write(name, parts[name][number])
                batch.commit()
        before = {name: store.read(name) for name in TABLES}
        assert store.compact() == 3 * len(TABLES)
        after = {name: store.read(name) for name in TABLES}
        assert store.compact() == 0
        with store.snapshot() as snapshot:
            assert all(len(segments) == 1 for segments in snapshot.segments.values())
    for name in TABLES:
        assert before[name].equals(expected[name]), name
        assert after[name].equals(expected[name]), name


def test_an_empty_store_has_every_table_with_its_types(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, store.snapshot() as snapshot:
        for name, table in TABLES.items():
            assert snapshot.read(name).schema.equals(table.schema)
            assert snapshot.rows(name) == 0


def test_nothing_of_an_uncommitted_batch_remains(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.batch() as batch:
            batch.write("seen", seen(1))
            batch.record_file("d", "f", rows=1, quarantined=0, bytes=1)
            batch.note("position", "7")
        assert segment_files(tmp_path) == []
        assert not store.has_file("d")
        assert store.note("position") is None
        with pytest.raises(StoreError, match="has ended"):
            batch.write("seen", seen(2))
        with pytest.raises(StoreError, match="has ended"):
            batch.commit()


def test_files_and_notes_arrive_with_the_commit(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.batch() as batch:
            batch.write("seen", seen())
            batch.record_file("d", "f.csv", rows=3, quarantined=2, bytes=9)
            batch.note("position", "7")
            batch.commit()
        assert store.has_file("d")
        assert not store.has_file("e")
        assert [(file.name, file.rows, file.quarantined, file.bytes) for file in store.files()] == [("f.csv", 3, 2, 9)]
        assert store.note("position") == "7"
        assert segment_files(tmp_path) == []


def test_a_file_enters_once(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        ingest(store, "d", 1)
        with pytest.raises(StoreError, match="UNIQUE"):
            ingest(store, "d", 2)
        assert store.read("seen")["exchange"].to_pylist() == [1]
        assert len(segment_files(tmp_path)) == 1


def test_a_writer_sweeps_what_a_crashed_one_left(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        ingest(store, "d", 1)
    folder = tmp_path / "segments" / "seen"
    (folder / "00000009-000.parquet").write_bytes(b"orphan")
    (folder / ".00000009-001.unfinished").write_bytes(b"half")
    with Store.open(tmp_path, read_only=True) as store:
        assert store.read("seen").num_rows == 1
        assert len(segment_files(tmp_path)) == 3
    with Store.open(tmp_path) as store:
        assert segment_files(tmp_path) == ["00000001-000.parquet"]
        ingest(store, "e", 2)
        assert store.read("seen").num_rows == 2


def test_a_second_writer_is_told_and_readers_are_not_disturbed(tmp_path: Path) -> None:
    with Store.open(tmp_path) as first:
        with pytest.raises(StoreError, match="another process is writing"):
            Store.open(tmp_path)
        with Store.open(tmp_path, read_only=True) as reader:
            ingest(first, "d", 1)
            assert reader.read("seen").num_rows == 1
    with Store.open(tmp_path, wait=True) as second:
        ingest(second, "e", 2)


def test_a_snapshot_does_not_see_later_commits(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        ingest(store, "d", 1)
        with store.snapshot() as snapshot:
            ingest(store, "e", 2)
            assert snapshot.read("seen").num_rows == 1
        assert store.read("seen").num_rows == 2


def test_compaction_spares_files_that_a_snapshot_reads(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for number in range(3):
            ingest(store, str(number), number)
        with store.snapshot() as snapshot:
            assert store.compact() == 3
            assert len(segment_files(tmp_path)) == 4
            store.compact()
            assert snapshot.read("seen").num_rows == 3
        assert store.compact() == 0
        assert segment_files(tmp_path) == ["00000004-compact.parquet"]
        assert store.read("seen").num_rows == 3
    with Store.open(tmp_path) as store:
        ingest(store, "next", 9)
        assert "00000005-000.parquet" in segment_files(tmp_path)


def test_a_failed_compaction_changes_nothing(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        ingest(store, "d", 1)
        ingest(store, "e", 2)
        before = segment_files(tmp_path)
        damaged = tmp_path / "segments" / "seen" / before[0]
        content = damaged.read_bytes()
        damaged.write_bytes(b"x" * len(content))
        with pytest.raises(StoreError, match="seen"):
            store.compact()
        damaged.write_bytes(content)
        assert segment_files(tmp_path) == before
        assert store.read("seen").num_rows == 2


def test_missing_and_truncated_segments_are_named(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        ingest(store, "d", 1)
    path = tmp_path / "segments" / "seen" / segment_files(tmp_path)[0]
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with Store.open(tmp_path) as store:
        with pytest.raises(StoreError, match=r"00000001-000\.parquet: \d+ bytes where"):
            store.snapshot()
        path.unlink()
        with pytest.raises(StoreError, match="No such file"):
            store.snapshot()
        path.write_bytes(content)
        assert store.read("seen").num_rows == 1


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "manifest.sqlite") as db:
        db.execute(f"PRAGMA user_version = {FORMAT + 1}")
    db.close()
    for read_only in (True, False):
        with pytest.raises(StoreError, match=f"store format {FORMAT + 1}"):
            Store.open(tmp_path, read_only=read_only)


def test_a_foreign_database_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "manifest.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (a)")
    db.close()
    before = path.read_bytes()
    for read_only in (True, False):
        with pytest.raises(StoreError, match="not a spiritsafe manifest"):
            Store.open(tmp_path, read_only=read_only)
    assert path.read_bytes() == before


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.sqlite").write_bytes(b"hello, this is no database at all" * 40)
    with pytest.raises(StoreError, match="not a database"):
        Store.open(tmp_path)


@pytest.mark.parametrize("how", [{"read_only": True}, {"create": False}])
def test_a_missing_store_is_not_made_by_accident(tmp_path: Path, how: dict[str, bool]) -> None:
    with pytest.raises(StoreError, match="no spiritsafe store here"):
        Store.open(tmp_path / "nowhere", **how)
    assert not (tmp_path / "nowhere").exists()


def test_reading_only_means_it(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    with Store.open(tmp_path, read_only=True) as store:
        with pytest.raises(StoreError, match="reading only"):
            store.batch()
        with pytest.raises(StoreError, match="reading only"):
            store.compact()


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (pa.table({"exchange": [1]}), "columns hour do not match"),
        (pa.table({"exchange": [1], "hour": [1], "extra": [1]}), "columns extra do not match"),
        (pa.table({"exchange": ["x"], "hour": [1]}), "x"),
        (pa.table({"exchange": [1], "hour": [2**40]}), "not in range"),
        (pa.table({"exchange": [1], "hour": pa.array([None], pa.int32())}), "'hour' holds 1 nulls"),
    ],
)
def test_rows_that_do_not_fit_are_refused(tmp_path: Path, rows: pa.Table, reason: str) -> None:
    with Store.open(tmp_path) as store, store.batch() as batch:
        with pytest.raises(StoreError, match=reason):
            batch.write("seen", rows)
        batch.write("seen", pa.table({"hour": [3], "exchange": [1]}))
        batch.commit()
        assert store.read("seen").to_pylist() == [{"exchange": 1, "hour": 3}]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("features", [1, 2], "every list must hold 64"),
        ("bodies", [1, None], "null elements"),
        ("body_n", [1, 2, 3], "not one count for every"),
    ],
)
def test_lists_that_do_not_fit_are_refused(
    tmp_path: Path, random_rows: RowMaker, column: str, value: list[int], reason: str
) -> None:
    row = random_rows(TABLES["pools"], 1, 1).to_pylist()[0] | {"bodies": [4, 5], "body_n": [1, 1]}
    rows = pa.Table.from_pylist([row | {column: value}], schema=TABLES["pools"].schema)
    with Store.open(tmp_path) as store, store.batch() as batch, pytest.raises(StoreError, match=reason):
        batch.write("pools", rows)


def test_sums_that_overflow_are_refused(tmp_path: Path, random_rows: RowMaker) -> None:
    row = random_rows(TABLES["traits"], 1, 1).to_pylist()[0] | {"n": 2**62}
    rows = pa.Table.from_pylist([row, row], schema=TABLES["traits"].schema)
    with Store.open(tmp_path) as store, store.batch() as batch:
        batch.write("traits", rows)
        with pytest.raises(StoreError, match="traits"):
            batch.commit()


@contextmanager
def powerless() -> Iterator[None]:
    """Act as nobody if the tests run as root, for whom permissions do not count."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_store_that_cannot_be_written_reads_and_says_so() -> None:
    with tempfile.TemporaryDirectory() as parent:
        root = Path(parent) / "store"
        Path(parent).chmod(0o755)
        with Store.open(root) as store:
            ingest(store, "d", 1)
            assert store.read("seen").num_rows == 1
        for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
            folder.chmod(0o555)
        with powerless():
            with pytest.raises(StoreError, match="Permission denied"):
                Store.open(root)
            with Store.open(root, read_only=True) as store:
                assert store.read("seen")["exchange"].to_pylist() == [1]
        for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
        with Store.open(root) as store:
            assert store.has_file("d")
