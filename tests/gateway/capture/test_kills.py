"""SIGKILL at random moments, and processes that share a folder: what was acknowledged is there, once and whole."""

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from spiritsafe.gateway.capture.files import finish_left
from tests.gateway.capture.exchanges import rows

WORKER = Path(__file__).with_name("capture_worker.py")
KILLS = 15


class Worker:
    """Writes in children that can be killed."""

    def __init__(self) -> None:
        command, env = [sys.executable, str(WORKER)], {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        assert self._hear() == "ready"

    def write(self, *asked: tuple[Path, int, float]) -> None:
        """Let a child per (folder, first number, seconds until it is killed) write."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(f"{folder} {first} {patience}" for folder, first, patience in asked) + "\n")
        self._process.stdin.flush()
        assert self._hear() == "gone"

    def close(self) -> None:
        self._process.communicate()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


def _acknowledged(folder: Path) -> list[str]:
    return folder.with_name("acknowledged").read_text("utf-8").split()


def _hidden(folder: Path) -> list[Path]:
    return list(folder.glob(".*"))


def test_what_was_acknowledged_survives_every_kill_once(worker: Worker, tmp_path: Path) -> None:
    folder, rng = tmp_path / "captured", random.Random(5)
    left = 0
    for kill in range(KILLS):
        worker.write((folder, kill * 100_000, rng.uniform(0.02, 0.8)))
        left += bool(_hidden(folder))
    finish_left(folder)
    assert _hidden(folder) == []
    found = Counter(row["exchange_id"] for row in rows(folder))
    told = _acknowledged(folder)
    assert len(told) > KILLS * 5
    assert left > KILLS // 2
    assert set(told) - set(found) == set()
    assert found.most_common(1)[0][1] == 1


def test_processes_that_share_a_folder_keep_apart(worker: Worker, tmp_path: Path) -> None:
    folder = tmp_path / "captured"
    worker.write(*((folder, at * 1_000, 0) for at in range(3)), (folder, 9_000, 0.2))
    worker.write((folder, 4_000, 0))
    assert _hidden(folder) == []
    found = Counter(row["exchange_id"] for row in rows(folder))
    whole = {f"e-{at * 1_000 + n}" for at in (0, 1, 2, 4) for n in range(100)}
    assert whole | set(_acknowledged(folder)) <= set(found)
    assert found.most_common(1)[0][1] == 1
