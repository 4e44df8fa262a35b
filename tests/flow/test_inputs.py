"""The same exchanges in three formats, and what a bad row does."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from spiritsafe.cli.main import main


def _jsonl(table: pa.Table, path: Path) -> None:
    with path.with_suffix(".jsonl").open("w", encoding="utf-8") as file:
        for row in table.to_pylist():
            row["started_at"] = row["started_at"].isoformat()
            file.write(json.dumps({name: value for name, value in row.items() if value is not None}) + "\n")


def _csv(table: pa.Table, path: Path) -> None:
    moment = table["started_at"].cast(pa.timestamp("us")).cast(pa.string())
    at = table.column_names.index("started_at")
    pc.write_csv(table.set_column(at, "started_at", moment), path.with_suffix(".csv"))


def _copy(world: Path, folder: Path, write: object) -> None:
    (folder / "exchanges").mkdir(parents=True)
    for name in ("accounts", "models"):
        (folder / f"{name}.parquet").write_bytes((world / f"{name}.parquet").read_bytes())
    for day in sorted((world / "exchanges").iterdir()):
        assert callable(write)
        write(pq.read_table(day), folder / "exchanges" / day.name)


def test_three_formats_give_identical_findings(world: Path, tmp_path: Path, key: None) -> None:
    texts = set()
    for name, write in {"parquet": pq.write_table, "jsonl": _jsonl, "csv": _csv}.items():
        _copy(world, tmp_path / name, write)
        store, out = tmp_path / f"{name}-store", tmp_path / f"{name}-out"
        main(["scan", str(tmp_path / name), "--store", str(store), "--out", str(out)])
        texts.add((out / "findings.json").read_text("utf-8"))
    assert len(texts) == 1


HEADER = "exchange_id,started_at,account_id,model,input_tokens,output_tokens\n"
GOOD = "".join(f"e{n},2026-03-02T00:0{n}:00Z,a{n},m,1,1\n" for n in range(5))
BAD = HEADER + GOOD + "e9,2026-03-02T00:09:00Z,a,m,many,1\n"


def test_a_bad_row_is_named_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "day.csv"
    log.write_text(BAD, "utf-8")
    assert main(["scan", str(log), "--out", str(tmp_path / "out")]) == 2
    shown = capsys.readouterr()
    assert not shown.out
    error, hint = shown.err.splitlines()
    assert error.startswith(f"error: {log}, row 6, column 'input_tokens': ")
    assert "--on-error quarantine" in hint
    assert not (tmp_path / "out" / "findings.json").exists()


@pytest.mark.parametrize("mode", ["quarantine", "skip"])
def test_a_bad_row_can_be_left_out_and_is_counted(
    mode: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "day.csv"
    log.write_text(BAD, "utf-8")
    out = tmp_path / "out"
    assert main(["scan", str(log), "--out", str(out), "--on-error", mode, "--json"]) == 0
    shown = capsys.readouterr()
    scanned = json.loads(shown.out)["scanned"]
    assert (scanned["exchanges"], scanned["quarantined"]) == (5, 1)
    assert "Unreadable rows left out: 1" in shown.err
    assert (out / "quarantine.jsonl").exists() == (mode == "quarantine")


def test_a_damaged_file_leaves_no_findings(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "day.parquet"
    log.write_bytes(next((world / "exchanges").iterdir()).read_bytes()[:-100])
    assert main(["scan", str(log), "--out", str(tmp_path / "out")]) == 2
    assert str(log) in capsys.readouterr().err
    assert not (tmp_path / "out" / "findings.json").exists()
