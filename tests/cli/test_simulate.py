"""``spiritsafe simulate``: what is asked for is written, twice the same."""

import json
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from spiritsafe.cli.main import main


def _simulate(out: Path, *words: str) -> int:
    return main(["simulate", "--out", str(out), "--days", "1", "--exchanges", "200", *words])


def test_a_world_is_written_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _simulate(tmp_path / "world", "--accounts", "40", "--campaign", "C1:8:rate=5", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["accounts"] == 48
    labels = pq.read_table(tmp_path / "world" / "labels.parquet")
    assert pc.count_distinct(labels["campaign"].drop_null()).as_py() == 1
    assert pq.read_table(tmp_path / "world" / "exchanges").num_rows == told["exchanges"]


def test_the_same_words_give_the_same_world(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert _simulate(tmp_path / name, "--accounts", "40", "--seed", "5") == 0
    files = [{p.name: p.read_bytes() for p in (tmp_path / name).rglob("*.parquet")} for name in ("one", "two")]
    assert files[0] == files[1]


def test_cohorts_replace_the_mix(tmp_path: Path) -> None:
    assert _simulate(tmp_path, "--cohort", "university:20", "--cohort", "judge_ci:3") == 0
    counted = pq.read_table(tmp_path / "labels.parquet")["cohort"].value_counts().to_pylist()
    assert {row["values"]: row["counts"] for row in counted} == {"university": 20, "judge_ci": 3}


@pytest.mark.parametrize("cohort", ["university", "university:many", "unheard_of:3"])
def test_a_cohort_that_cannot_be_is_refused(cohort: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _simulate(tmp_path / "world", "--cohort", cohort) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not (tmp_path / "world").exists()
