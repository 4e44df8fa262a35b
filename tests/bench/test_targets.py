"""The bench from end to end on tiny worlds: measured once, kept, and read again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"
EXPERIMENTS = ("peers", "framed")


def targets(out: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, str(BENCH / "targets.py"), "--quick", "--only", *EXPERIMENTS, "--out", str(out), *more]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    out = tmp_path_factory.mktemp("targets")
    return out, targets(out)


def test_every_experiment_has_rows_and_a_section(first: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    out, done = first
    assert done.returncode == 0, done.stderr
    told = json.loads((out / "targets.json").read_bytes())
    assert {row["experiment"] for row in told["rows"]} == {*EXPERIMENTS, "fdr"}
    assert all(row["events"] is None or row["events"] <= row["trials"] for row in told["rows"])
    assert told["failures"] == []
    text = (out / "targets.md").read_text("utf-8")
    assert text == done.stdout
    assert text.count("\n## ") == len(EXPERIMENTS)
    assert "The figures below say nothing" in text


def test_worlds_are_thrown_away_and_outcomes_kept(first: tuple[Path, object]) -> None:
    files = [path for path in (first[0] / "quick").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json"}
    assert len(files) == 3


def test_a_second_run_measures_only_what_was_asked_otherwise(
    first: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    out, _ = first
    rows = json.loads((out / "targets.json").read_bytes())["rows"]
    (stored,) = (out / "quick" / "peers").glob("*.json")
    outcome = json.loads(stored.read_bytes())
    stored.write_text(json.dumps(outcome | {"identity": "another"}), "utf-8")
    again = targets(out, "--reuse")
    assert again.stderr.startswith("peers/")
    assert len(again.stderr.splitlines()) == 1
    assert json.loads(stored.read_bytes())["identity"] == outcome["identity"]
    assert json.loads((out / "targets.json").read_bytes())["rows"] == rows


def test_tables_of_what_was_measured_need_no_world(first: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    out, done = first
    again = targets(out, "--tables")
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.replace(" --tables`", "`") == done.stdout
