"""Policies are applied and undone whole, one at a time, with a row in the journal, whatever kills the process."""

import fcntl
import itertools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from spiritsafe.model.errors import InputError, StoreError
from spiritsafe.model.words import Step
from spiritsafe.policy.file import encode
from spiritsafe.policy.load import load_table
from spiritsafe.policy.versions import KEPT, Versions
from tests.policy.policies import CREATED, EXPIRES_US, NOW_US, SECRET, rows

WORKER = Path(__file__).with_name("crash_worker.py")


def content(version: int) -> bytes:
    return encode([rows(reason=f"Of version {version}.")], version=version, created_at=CREATED)


def apply(versions: Versions, *numbers: int) -> None:
    for number in numbers:
        assert versions.apply(content(number), now_us=NOW_US, who="eve", why=f"why {number}") == number


def undo(versions: Versions) -> int:
    return versions.undo(now_us=NOW_US, who="eve", why="a mistake")


def in_force(versions: Versions) -> int:
    """Load the current policy and return its version."""
    kept = versions.current()
    assert kept is not None
    header = load_table(kept.path, secret=SECRET).header
    assert header.version == kept.version
    return kept.version


def test_apply_and_undo(tmp_path: Path) -> None:
    versions = Versions(tmp_path / "policy")
    assert versions.current() is None
    assert versions.newest() == 0
    apply(versions, 1, 3, 7)
    assert in_force(versions) == 7
    assert versions.current() == Versions(tmp_path / "policy").current()
    assert (undo(versions), in_force(versions)) == (3, 3)
    assert (undo(versions), in_force(versions)) == (1, 1)
    assert (undo(versions), versions.current()) == (0, None)
    with pytest.raises(StoreError, match="no policy to go back to"):
        undo(versions)
    assert versions.newest() == 7
    apply(versions, 8)
    assert (undo(versions), versions.current()) == (0, None)


def test_the_journal_says_who_when_and_why(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    apply(versions, 1, 2)
    undo(versions)
    assert [(row.at_us, row.detail) for row in versions.journal()] == [
        (NOW_US, {"action": "apply", "version": "1", "who": "eve", "why": "why 1"}),
        (NOW_US, {"action": "apply", "version": "2", "before": "1", "who": "eve", "why": "why 2"}),
        (NOW_US, {"action": "undo", "version": "1", "before": "2", "who": "eve", "why": "a mistake"}),
    ]
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"why 1", b"why 9"))
    with pytest.raises(StoreError, match="audit chain is broken"):
        versions.journal()


@pytest.mark.parametrize("number", [1, 4, 5])
def test_a_number_is_never_given_twice(number: int, tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    apply(versions, 4, 5)
    undo(versions)
    with pytest.raises(StoreError, match=f"version {number} is not newer than 5"):
        apply(versions, number)
    assert in_force(versions) == 4


def test_what_is_no_policy_changes_nothing(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    apply(versions, 1)
    suspend = encode([rows(step=Step.SUSPEND)], version=2, created_at=CREATED)
    for bad in (b"", content(2)[:-1], suspend):
        with pytest.raises(InputError):
            versions.apply(bad, now_us=NOW_US, who="eve", why="")
    with pytest.raises(InputError, match="has expired"):
        versions.apply(content(2), now_us=EXPIRES_US, who="eve", why="")
    assert (in_force(versions), len(versions.journal())) == (1, 1)


def test_the_last_ones_are_kept(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    apply(versions, *range(1, KEPT + 6))
    kept = sorted(int(path.stem.split("-")[1]) for path in tmp_path.glob("policy-*"))
    assert kept == list(range(6, KEPT + 6))
    for number in range(KEPT + 4, 5, -1):
        assert undo(versions) == number
        assert in_force(versions) == number
    with pytest.raises(StoreError, match="no policy to go back to"):
        undo(versions)


def test_a_policy_that_can_be_gone_back_to_is_kept(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    apply(versions, 1)
    for number in range(2, KEPT + 5):
        apply(versions, number)
        undo(versions)
    assert in_force(versions) == 1


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"history":[],"newest":1}', b'{"history":["1"],"newest":1}', b"\xff"])
def test_a_damaged_folder_is_said(damage: bytes, tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    apply(versions, 1)
    (tmp_path / "current.json").write_bytes(damage)
    for ask in (versions.current, versions.newest, lambda: undo(versions), lambda: apply(versions, 2)):
        with pytest.raises(StoreError, match=r"current\.json: damaged"):
            ask()


def _run(folder: Path, action: str, version: int, at: int) -> int:
    command = [sys.executable, str(WORKER), str(folder), action, str(version), str(at)]
    return subprocess.run(command, check=False).returncode


@pytest.mark.parametrize(("action", "after"), [("apply", 3), ("undo", 1)])
def test_killed_at_any_call_of_the_system_the_old_or_the_new_is_in_force(
    action: str, after: int, tmp_path: Path
) -> None:
    apply(Versions(tmp_path / "start"), 1, 2)
    seen = []
    for at in itertools.count(1):
        folder = tmp_path / f"{action}-{at}"
        shutil.copytree(tmp_path / "start", folder)
        status = _run(folder, action, 3, at)
        assert status in {0, -signal.SIGKILL}
        versions = Versions(folder)
        seen.append(in_force(versions))
        recorded = [row.detail["version"] for row in versions.journal()]
        assert seen[-1] == 2 or recorded[2:] == [str(after)]
        apply(versions, 4)
        assert in_force(versions) == 4
        assert not list(folder.glob("*.draft"))
        if status == 0:
            break
    assert len(seen) > 8
    assert seen == sorted(seen, key=lambda version: version == after)
    assert (seen[0], seen[-1]) == (2, after)


def test_of_two_that_change_the_policy_at_once_one_is_told(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    apply(versions, 1)
    fd = os.open(tmp_path / "lock", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    for change in (lambda: apply(versions, 2), lambda: undo(versions)):
        with pytest.raises(StoreError, match="another process is changing the policy"):
            change()
    os.close(fd)
    apply(versions, 2)


def test_of_many_that_apply_one_version_at_once_one_wins(tmp_path: Path) -> None:
    command = [sys.executable, str(WORKER), str(tmp_path), "apply", "5", "0"]
    workers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(6)]
    told = [worker.communicate()[1] for worker in workers]
    assert sorted(worker.returncode for worker in workers) == [0, 1, 1, 1, 1, 1]
    assert all("StoreError" in text for text, worker in zip(told, workers, strict=True) if worker.returncode)
    assert in_force(Versions(tmp_path)) == 5
    assert len(Versions(tmp_path).journal()) == 1
