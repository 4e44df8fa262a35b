"""Which files a path stands for."""

import hashlib
import logging
import os
from pathlib import Path

import pytest

from spiritsafe.ingest.sources import find, source
from spiritsafe.model.errors import InputError


def _make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def _found(root: Path, *paths: str) -> list[str]:
    return [str(item.path.relative_to(root)) for item in find([root / path for path in paths])]


def test_a_folder_is_read_in_order_without_hidden_and_partial_files(tmp_path: Path) -> None:
    _make(tmp_path, "b/2.jsonl", "a.csv", ".hidden", "b/_SUCCESS", ".git/x", "b/1.jsonl.gz")
    assert _found(tmp_path, ".") == ["a.csv", "b/1.jsonl.gz", "b/2.jsonl"]


def test_a_world_stands_for_its_exchanges(tmp_path: Path) -> None:
    _make(tmp_path, "world/exchanges/1.parquet", "world/accounts.parquet", "world/notes.parquet")
    assert _found(tmp_path, "world") == ["world/exchanges/1.parquet"]


def test_side_tables_beside_logs_are_named_and_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _make(tmp_path, "1.parquet", "labels.parquet")
    with caplog.at_level(logging.WARNING):
        assert _found(tmp_path, ".") == ["1.parquet"]
    assert [record.__dict__["source"] for record in caplog.records] == [str(tmp_path / "labels.parquet")]


def test_a_file_reached_twice_counts_once(tmp_path: Path) -> None:
    _make(tmp_path, "a.csv", "sub/b.csv")
    (tmp_path / "link.csv").symlink_to("a.csv")
    assert _found(tmp_path, ".", "a.csv", "*.csv") == ["a.csv", "sub/b.csv"]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    _make(tmp_path, "sub/a.csv")
    (tmp_path / "sub/up").symlink_to("..")
    (tmp_path / "sub/self").symlink_to(".")
    assert _found(tmp_path, ".") == ["sub/a.csv"]


def test_a_glob_takes_files_and_folders(tmp_path: Path) -> None:
    _make(tmp_path, "day1/a.csv", "day2/b.csv", "other/c.csv")
    assert _found(tmp_path, "day*") == ["day1/a.csv", "day2/b.csv"]
    assert _found(tmp_path, "**/[bc].csv") == ["day2/b.csv", "other/c.csv"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.csv", "does not exist"),
        ("empty", "holds no log files"),
        ("*.nope", "matches nothing"),
        ("pipe", "not a regular file"),
        ("loop", "does not exist|cannot be read"),
    ],
)
def test_what_cannot_be_read_says_so(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=message) as caught:
        find([tmp_path / name])
    assert str(tmp_path / name) in str(caught.value)
    assert caught.value.hint


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    _make(tmp_path, "a.csv")
    assert source(tmp_path / "a.csv").digest() == hashlib.blake2b(b"a.csv", digest_size=32).hexdigest()
    assert source(tmp_path / "a.csv").size == 5
