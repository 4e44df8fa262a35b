"""What a crash leaves is finished by whoever comes next; what somebody writes is let be."""

import errno
import fcntl
import logging
import os
from pathlib import Path

import pytest

from spiritsafe.gateway.capture.files import GrowingFile, finish_left
from spiritsafe.ingest.sources import find
from spiritsafe.model.errors import InputError

LINES = b'{"exchange_id":"a"}\n{"exchange_id":"b"}\n'


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_scan_takes_finished_files_only_in_their_order(tmp_path: Path) -> None:
    first, second = GrowingFile(tmp_path, 1_767_225_600.5), GrowingFile(tmp_path, 1_767_225_600.25)
    first.append(LINES)
    second.append(LINES)
    with pytest.raises(InputError, match="holds no log files"):
        find([tmp_path])
    first.finish()
    second.finish()
    assert [file.path.name[:22] for file in find([tmp_path])] == ["20260101T000000250000Z", "20260101T000000500000Z"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())


def test_an_empty_file_goes(tmp_path: Path) -> None:
    GrowingFile(tmp_path, 0).finish()
    assert _names(tmp_path) == []


TAILS = {
    "nothing": b"",
    "half a line": b'{"exchange_id":"c","pro',
    "a line without its end": b'{"exchange_id":"c"}',
    "zeros": bytes(4096),
    "zeros within a line": b'{"exchange_id":"c\0\0"}\n',
    "zeros, then a whole line": bytes(4096) + b'\n{"exchange_id":"c"}\n',
    "half a character": b'{"exchange_id":"\xe4"}\n',
    "a long line": b'{"exchange_id":"' + b"x" * 3_000_000,
}


@pytest.mark.parametrize("tail", TAILS)
def test_a_torn_end_is_cut_off_and_told_of(tail: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / ".left.jsonl").write_bytes(LINES + TAILS[tail])
    with caplog.at_level(logging.WARNING):
        assert finish_left(tmp_path) == 1
    kept = (tmp_path / "left.jsonl").read_bytes()
    assert kept.startswith(LINES)
    if tail != "zeros, then a whole line":
        assert kept == LINES
        cut = [record for record in caplog.records if "cut" in record.message]
        assert [record.__dict__["bytes"] for record in cut] == ([len(TAILS[tail])] if TAILS[tail] else [])


@pytest.mark.parametrize("content", [b"", b"torn", bytes(100), b"\n"])
def test_what_holds_no_line_goes(content: bytes, tmp_path: Path) -> None:
    (tmp_path / ".left.jsonl").write_bytes(content)
    assert finish_left(tmp_path) == 1
    assert _names(tmp_path) == []


def test_a_file_that_somebody_writes_is_let_be(tmp_path: Path) -> None:
    growing = GrowingFile(tmp_path, 0)
    growing.append(LINES)
    assert finish_left(tmp_path) == 0
    growing.append(LINES)
    growing.finish()
    assert (tmp_path / _names(tmp_path)[0]).read_bytes() == LINES * 2


def test_a_new_file_that_was_finished_before_it_was_locked_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may find the file in the moment between its making and its locking."""
    lock = fcntl.flock

    def late(fd: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        assert finish_left(tmp_path) == 1
        lock(fd, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(BlockingIOError):
        GrowingFile(tmp_path, 0)
    assert _names(tmp_path) == []


@pytest.mark.parametrize("fails", ["pwrite", "fdatasync"])
def test_what_failed_to_be_written_is_overwritten(fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    growing = GrowingFile(tmp_path, 0)
    growing.append(LINES)
    real = os.pwrite

    def torn(fd: int, data: bytes, at: int) -> int:
        if at > len(LINES):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, data[:7], at)

    def refuse(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, fails, torn if fails == "pwrite" else refuse)
        with pytest.raises(OSError, match=r"No space left|Input/output error"):
            growing.append(b'{"exchange_id":"a longer line than the next one"}\n')
    growing.append(b'{"exchange_id":"c"}\n')
    growing.finish()
    assert (tmp_path / _names(tmp_path)[0]).read_bytes() == LINES + b'{"exchange_id":"c"}\n'
