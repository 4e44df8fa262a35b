"""The audit chain shows every change, survives a torn line and never loses a row to the next."""

import logging
import random
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spiritsafe.model.errors import VaultError
from spiritsafe.privacy.appendlog import append, complete_lines
from spiritsafe.privacy.audit import GENESIS, Outcome, record, verify


def fill(path: Path, n: int) -> None:
    for number in range(n):
        record(path, at_us=number, outcome=Outcome.GRANTED, detail={"reason": f"reason {number}"})


def test_a_chain_of_rows_verifies(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    assert verify(path) == []
    fill(path, 5)
    rows = verify(path)
    assert [row.number for row in rows] == list(range(5))
    assert rows[0].previous == GENESIS
    assert all(after.previous == before.digest for before, after in pairwise(rows))
    assert verify(path, head=rows[-1].digest) == rows
    assert verify(path, head=GENESIS) == rows


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_any_changed_byte_is_found(tmp_path: Path, at: float, byte: int) -> None:
    path = tmp_path / "audit.jsonl"
    if not path.exists():
        fill(path, 4)
    good = path.read_bytes()
    head = verify(path)[-1].digest
    position = int(at * len(good))
    bad = good[:position] + bytes([byte]) + good[position + 1 :]
    if bad == good:
        return
    path.write_bytes(bad)
    with pytest.raises(VaultError):
        verify(path, head=head)
    path.write_bytes(good)


@pytest.mark.parametrize("change", ["drop", "swap", "double", "forge"])
def test_a_rearranged_chain_is_found(tmp_path: Path, change: str) -> None:
    path = tmp_path / "audit.jsonl"
    fill(path, 4)
    lines = complete_lines(path)
    changed = {
        "drop": lines[:1] + lines[2:],
        "swap": [lines[0], lines[2], lines[1], lines[3]],
        "double": [*lines[:2], lines[1], *lines[2:]],
        "forge": [lines[0].replace(b"reason 0", b"reason 9"), *lines[1:]],
    }[change]
    path.write_bytes(b"".join(line + b"\n" for line in changed))
    with pytest.raises(VaultError, match="line"):
        verify(path)


def test_rows_cut_off_are_found_by_whoever_kept_the_head(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    fill(path, 4)
    head = verify(path)[-1].digest
    path.write_bytes(b"".join(line + b"\n" for line in complete_lines(path)[:2]))
    assert len(verify(path)) == 2
    with pytest.raises(VaultError, match="cut off"):
        verify(path, head=head)


@pytest.mark.parametrize("keep", [1, 40, -1])
def test_a_torn_last_line_is_ignored_with_a_warning_and_cut_by_the_next(
    tmp_path: Path, keep: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "audit.jsonl"
    fill(path, 3)
    *whole, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole) + last[:keep])
    with caplog.at_level(logging.WARNING):
        assert len(verify(path)) == 2
    assert "unfinished last line" in caplog.text
    assert "reason" not in caplog.text
    record(path, at_us=9, outcome=Outcome.REFUSED, detail={})
    assert [row.at_us for row in verify(path)] == [0, 1, 9]


def test_a_damaged_last_row_stops_the_chain(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"{}\n")
    with pytest.raises(VaultError, match="cannot be read"):
        record(path, at_us=0, outcome=Outcome.GRANTED, detail={})


def _remember(seen: list[bytes], new: list[bytes], last: bytes) -> list[bytes]:
    seen.append(last)
    return new


def test_long_lines_and_many_appends_keep_their_places(tmp_path: Path) -> None:
    path = tmp_path / "log"
    rng = random.Random(3)
    expected: list[bytes] = []
    seen: list[bytes] = []
    for _ in range(40):
        new = [b"x" * rng.choice([0, 1, 100, 70_000]) for _ in range(rng.randrange(3))]
        append(path, partial(_remember, seen, new))
        assert seen[-1] == (expected[-1] if expected else b"")
        expected += new
    assert complete_lines(path) == expected
