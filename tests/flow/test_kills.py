"""SIGKILL at random points of a scan, and readers beside it: the next scan says what an undisturbed one says."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spiritsafe.cli.main import main
from spiritsafe.engine.store import Store
from tests.flow.contract import check_findings

WORKER = Path(__file__).with_name("scan_worker.py")
STORES, KILLS = 2, 3


class Worker:
    """Runs scans of one world in children that can be killed."""

    def __init__(self, world: Path) -> None:
        command = [sys.executable, str(WORKER), str(world)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._hear() == "ready"

    def scan(self, store: Path, out: Path, patience: float = 600) -> int:
        """Return the scan's exit code, negative if it was killed after ``patience`` seconds."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{store} {out} {patience}\n")
        self._process.stdin.flush()
        return int(self._hear())

    def close(self) -> None:
        self._process.communicate()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture
def worker(world: Path, key: None) -> Iterator[Worker]:
    worker = Worker(world)
    yield worker
    worker.close()


def test_a_killed_scan_is_finished_by_the_next(worker: Worker, tmp_path: Path) -> None:
    begun = time.monotonic()
    assert worker.scan(tmp_path / "calm", tmp_path / "calm-out") == 4
    whole = time.monotonic() - begun
    expected = (tmp_path / "calm-out" / "findings.json").read_bytes()
    rng = random.Random(11)
    killed = 0
    for number in range(STORES):
        store, out = tmp_path / f"store-{number}", tmp_path / f"out-{number}"
        for _ in range(KILLS):
            killed += worker.scan(store, out, patience=rng.uniform(0, 0.8 * whole)) == -signal.SIGKILL
            if (out / "findings.json").exists():
                check_findings(json.loads((out / "findings.json").read_bytes()))
        assert worker.scan(store, out) == 4
        assert (out / "findings.json").read_bytes() == expected
        assert {path.name for path in out.iterdir()} == {"findings.json", "report.html"}
    assert killed >= STORES * KILLS // 2


def test_a_scan_works_beside_an_open_snapshot(world: Path, tmp_path: Path, key: None) -> None:
    store, logs = tmp_path / "store", sorted((world / "exchanges").iterdir())
    words = ["--store", str(store), "--out", str(tmp_path / "out")]
    main(["scan", str(logs[0]), *words])
    with Store.open(store, read_only=True) as reader, reader.snapshot() as before:
        exchanges = before.read("seen").num_rows
        main(["scan", *map(str, logs), *words])
        assert before.read("seen").num_rows == exchanges
    told = json.loads((tmp_path / "out" / "findings.json").read_bytes())
    assert told["scanned"]["exchanges"] > exchanges


def test_two_scans_into_one_store_do_not_mix(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(tmp_path / "store"):
        assert main(["scan", str(world), "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out")]) == 1
    assert "another process is writing" in capsys.readouterr().err
    assert not (tmp_path / "out" / "findings.json").exists()


def test_a_terminated_scan_leaves_no_temporary_files(world: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [sys.executable, "-m", "spiritsafe", "scan", str(world), "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, env=os.environ | {"TMPDIR": str(scratch)}, stderr=subprocess.PIPE) as scan:
        while not list(scratch.glob("spiritsafe-*/manifest.sqlite")):
            time.sleep(0.01)
        scan.send_signal(signal.SIGTERM)
        assert scan.wait() == 128 + signal.SIGTERM
    assert not list(scratch.iterdir())
    assert not (tmp_path / "out" / "findings.json").exists()
