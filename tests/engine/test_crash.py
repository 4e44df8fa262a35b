"""SIGKILL at random points and full disks lose nothing committed and double nothing."""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from spiritsafe.engine.manifest import Manifest
from spiritsafe.engine.store import Store
from spiritsafe.model.errors import StoreError

WORKER = Path(__file__).with_name("crash_worker.py")
KILLS = 32
ROWS = 50


def _start(role: str, root: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, str(WORKER), role, str(root)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _ask(worker: "subprocess.Popen[str]", line: str = "") -> str:
    assert worker.stdin is not None
    assert worker.stdout is not None
    if line:
        worker.stdin.write(line)
        worker.stdin.flush()
    return worker.stdout.readline().strip()


def _check(root: Path) -> int:
    """Open for writing and return the committed batches, each of them whole and there once."""
    with Store.open(root) as store, store.snapshot() as snapshot:
        batches = len(store.files())
        assert [file.digest for file in store.files()] == [f"digest-{number}" for number in range(batches)]
        assert snapshot.read("seen")["exchange"].to_pylist() == list(range(batches * ROWS))
        assert sum(snapshot.read("traits")["n"].to_pylist()) == batches * ROWS
        listed = {segment.path for segments in snapshot.segments.values() for segment in segments}
    found = {path.relative_to(root).as_posix() for path in (root / "segments").glob("*/*")}
    retired = set(Manifest(root / "manifest.sqlite", writable=False).retired())
    # A kill between the deletion of a retired file and that of its row leaves the row, which is harmless.
    assert listed <= found <= listed | retired
    return batches


def _await_batches(root: Path, number: int) -> None:
    manifest = Manifest(root / "manifest.sqlite", writable=False)
    for _ in range(20_000):
        if len(manifest.files()) >= number:
            return
        time.sleep(0.005)
    pytest.fail(f"the writer never committed batch {number}")


def test_kills_at_random_points_lose_and_double_nothing(tmp_path: Path) -> None:
    rng = random.Random(20240)
    Store.open(tmp_path).close()
    committed = [0]
    with _start("ingest", tmp_path) as writers, _start("read", tmp_path) as reader:
        assert _ask(writers) == "ready"
        for _ in range(KILLS):
            pid = int(_ask(writers, "fork\n"))
            _await_batches(tmp_path, committed[-1] + rng.randrange(3))
            time.sleep(rng.uniform(0, 0.06))
            os.kill(pid, signal.SIGKILL)
            assert _ask(writers) == "dead"
            committed.append(_check(tmp_path))
        scans, _ = reader.communicate("stop\n")
        writers.communicate()
    assert reader.returncode == 0
    assert int(scans) > 0
    assert committed == sorted(committed)
    assert committed[-1] >= KILLS


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Let every write beyond ``size`` fail, as on a full disk; Python ignores the signal that comes along."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _write(store: Store, digest: str, start: int, n: int) -> None:
    rng = random.Random(start)
    rows = pa.table({"exchange": [rng.getrandbits(62) for _ in range(n)], "hour": [1] * n})
    with store.batch() as batch:
        batch.write("seen", rows)
        batch.record_file(digest, digest, rows=n, quarantined=0, bytes=1)
        batch.commit()


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        _write(store, "small", 1, 100)
        with files_no_larger_than(100_000), pytest.raises(StoreError, match=r"parquet: File too large"):
            _write(store, "large", 2, 100_000)
        assert not store.has_file("large")
        assert store.read("seen").num_rows == 100
        assert len(list((tmp_path / "segments" / "seen").iterdir())) == 1
        _write(store, "large", 2, 100_000)
        assert store.read("seen").num_rows == 100_100


def test_a_disk_that_fills_up_within_the_commit_loses_nothing(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        _write(store, "first", 1, 10)
        manifest_full = (tmp_path / "manifest.sqlite").stat().st_size // 2
        with store.batch() as batch:
            batch.write("seen", pa.table({"exchange": [1], "hour": [2]}))
            batch.record_file("second", "second", rows=1, quarantined=0, bytes=1)
            with files_no_larger_than(manifest_full), pytest.raises(StoreError, match=r"manifest\.sqlite"):
                batch.commit()
        assert not store.has_file("second")
    with Store.open(tmp_path) as store:
        assert store.read("seen").num_rows == 10
        _write(store, "second", 3, 10)
        assert store.read("seen").num_rows == 20
