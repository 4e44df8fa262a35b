"""The journal: what it acknowledges is on the disk once, it never raises, and its memory is bounded."""

import errno
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from spiritsafe.gateway.capture import Fate, Journal
from spiritsafe.model.errors import StoreError
from spiritsafe.model.settings import CaptureSettings
from tests.gateway.capture.exchanges import exchange, finished, rows, veil
from tests.gateway.capture.test_veil import CANARIES, spellings

QUICK = CaptureSettings(linger_ms=1)


class Disk:
    """Lets writes through, or refuses them as a full disk does: in the middle."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self.refused = 0
        self._write = os.pwrite
        monkeypatch.setattr(os, "pwrite", self.write)

    def write(self, fd: int, data: bytes, at: int) -> int:
        if not self.full:
            return self._write(fd, data, at)
        self.refused += 1
        if self.refused % 2:
            return self._write(fd, data[: len(data) // 2], at)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def wait(self) -> None:
        """Wait until a write was refused."""
        deadline = time.monotonic() + 60
        while self.refused < 2:
            assert time.monotonic() < deadline
            time.sleep(0.005)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def _fates(offered: Sequence["Future[Fate]"]) -> set[Fate]:
    return {fate.result(60) for fate in offered}


def _ids(folder: Path) -> list[str]:
    return sorted(row["exchange_id"] for row in rows(folder))


def test_what_many_threads_offer_is_written_once(tmp_path: Path) -> None:
    settings = CaptureSettings(linger_ms=1, batch_rows=7)
    with Journal(tmp_path, veil(), settings) as journal:
        offered: dict[int, list[Future[Fate]]] = {at: [] for at in range(8)}

        def offer(at: int) -> None:
            offered[at] += [journal.offer(exchange(100 * at + n)) for n in range(50)]

        threads = [threading.Thread(target=offer, args=(at,)) for at in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {fate for fates in offered.values() for fate in _fates(fates)} == {Fate.WRITTEN}
        assert journal.health().written == 400
        assert journal.health().queued_bytes == 0
    assert _ids(tmp_path) == sorted(f"e-{100 * at + n}" for at in range(8) for n in range(50))


def test_closing_writes_what_waits(tmp_path: Path) -> None:
    journal = Journal(tmp_path, veil(), CaptureSettings(linger_ms=10_000)).start()
    offered = [journal.offer(exchange(n)) for n in range(10)]
    health = journal.close()
    assert _fates(offered) == {Fate.WRITTEN}
    assert (health.closed, health.queued, health.written, health.lost) == (True, 0, 10, 0)
    assert len(rows(tmp_path)) == 10
    assert journal.offer(exchange()).result(0) is Fate.REFUSED


def test_files_are_finished_by_size_and_by_age(tmp_path: Path) -> None:
    with Journal(tmp_path, veil(), CaptureSettings(linger_ms=0, file_mib=1)) as journal:
        for _ in range(3):
            assert _fates([journal.offer(exchange(n)) for n in range(500)]) == {Fate.WRITTEN}
        deadline = time.monotonic() + 60
        while not finished(tmp_path):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    aged = tmp_path / "aged"
    with Journal(aged, veil(), CaptureSettings(linger_ms=0, file_seconds=1)) as journal:
        assert journal.offer(exchange()).result(60) is Fate.WRITTEN
        while not finished(aged):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert list(aged.glob(".*")) == []  # nothing came since, so there is no other file


def test_a_full_disk_loses_nothing_and_says_so(tmp_path: Path, disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    with Journal(tmp_path, veil(), QUICK) as journal:
        assert journal.offer(exchange(0)).result(60) is Fate.WRITTEN
        disk.full = True
        offered = [journal.offer(exchange(n)) for n in range(1, 40)]
        disk.wait()
        health = journal.health()
        assert "No space left" in health.problem
        assert (health.queued, health.written) == (39, 1)
        assert not any(fate.done() for fate in offered)
        disk.full = False
        assert _fates(offered) == {Fate.WRITTEN}
        assert journal.health().problem == ""
    assert _ids(tmp_path) == sorted(f"e-{n}" for n in range(40))
    said = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == ["captured exchanges cannot be written", "captured exchanges are written again"]


def test_a_full_queue_refuses_and_memory_is_bounded(tmp_path: Path, disk: Disk) -> None:
    settings = CaptureSettings(linger_ms=0, queue_rows=10, queue_mib=1)
    with Journal(tmp_path, veil(), settings) as journal:
        disk.full = True
        large = [journal.offer(exchange(n, prompt="word " * 60_000)) for n in range(6)]
        small = [journal.offer(exchange(100 + n)) for n in range(20)]
        assert [fate.done() for fate in large].count(True) == 3
        assert [fate.done() for fate in small].count(True) == 13
        assert journal.health().queued_bytes <= 1 << 20
        assert journal.health().refused == 16
        assert journal.is_full()
        disk.full = False
        assert _fates([*large, *small]) == {Fate.WRITTEN, Fate.REFUSED}
        assert not journal.is_full()
    assert journal.is_full()  # closed
    assert len(rows(tmp_path)) == 10


def test_a_disk_that_stays_full_is_given_up_on_closing(tmp_path: Path, disk: Disk) -> None:
    journal = Journal(tmp_path, veil(), QUICK).start()
    assert journal.offer(exchange(0)).result(60) is Fate.WRITTEN
    disk.full = True
    offered = [journal.offer(exchange(n)) for n in range(1, 4)]
    health = journal.close(patience=0.2)
    assert _fates(offered) == {Fate.LOST}
    assert (health.written, health.lost, health.queued) == (1, 3, 0)
    assert _ids(tmp_path) == ["e-0"]


def test_one_exchange_that_breaks_our_code_holds_up_no_other(tmp_path: Path) -> None:
    broken = exchange(3, prompt=7)
    with Journal(tmp_path, veil(), CaptureSettings(linger_ms=20)) as journal:
        offered = [journal.offer(one) for one in (exchange(1), exchange(2), broken, exchange(4))]
        assert [fate.result(60) for fate in offered] == [Fate.WRITTEN, Fate.WRITTEN, Fate.REFUSED, Fate.WRITTEN]
    assert _ids(tmp_path) == ["e-1", "e-2", "e-4"]


def test_a_fate_cannot_be_cancelled(tmp_path: Path) -> None:
    """A client that leaves cancels whoever waits, and the exchange is kept all the same."""
    with Journal(tmp_path, veil(), QUICK) as journal:
        fate = journal.offer(exchange())
        assert not fate.cancel()
        assert fate.result(60) is Fate.WRITTEN


def test_a_folder_that_cannot_be_written_is_an_error_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "captured").write_bytes(b"")
    with pytest.raises(StoreError, match="captured"):
        Journal(tmp_path / "captured", veil(), QUICK).start()


def test_nothing_raw_is_on_the_disk_or_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), Journal(tmp_path, veil(), QUICK) as journal:
        offered = [journal.offer(exchange(n, **CANARIES)) for n in range(20)]
        offered.append(journal.offer(exchange(20, **CANARIES | {"prompt": ["Canary"]})))
        assert _fates(offered) == {Fate.WRITTEN, Fate.REFUSED}
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    told = "".join(f"{record.getMessage()}{record.__dict__}" for record in caplog.records).encode()
    assert b"e-19" in written
    for value in CANARIES.values():
        assert [found for found in spellings(value) if found in written + told] == []


_FULL = """
import resource, signal, sys, time
from pathlib import Path
from spiritsafe.gateway.capture import Fate, Journal
from spiritsafe.model.settings import CaptureSettings
from tests.gateway.capture.exchanges import exchange, veil
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Path(sys.argv[1]), veil(), CaptureSettings(linger_ms=1, batch_rows=5)).start()
resource.setrlimit(resource.RLIMIT_FSIZE, (30_001, resource.RLIM_INFINITY))
offered = [journal.offer(exchange(n)) for n in range(100)]
while not journal.health().problem:
    time.sleep(.01)
before = sum(fate.done() for fate in offered)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert {fate.result(60) for fate in offered} == {Fate.WRITTEN}
journal.close()
sys.exit(0 if 0 < before < 100 else 7)
"""


def test_writes_that_the_kernel_cuts_short_are_written_again(tmp_path: Path) -> None:
    """No file may grow beyond some kilobytes: the kernel takes a part of a write and refuses the rest."""
    subprocess.run([sys.executable, "-c", _FULL, str(tmp_path)], check=True)
    assert _ids(tmp_path) == sorted(f"e-{n}" for n in range(100))
