"""The first journey: simulate, scan, look, evaluate; then again with the same store, and with one more day."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from spiritsafe.cli.main import main
from spiritsafe.engine.store import Store
from tests.flow.contract import check_findings


def run(*words: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "spiritsafe", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def load(path: Path) -> Any:
    return json.loads(path.read_bytes())


@pytest.fixture(scope="module")
def scanned(world: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    """What a scan of the world without a store leaves behind."""
    out = tmp_path_factory.mktemp("scanned")
    return out, run("scan", world, "--out", out)


def test_a_scan_says_what_it_found_and_where(
    scanned: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    out, done = scanned
    assert done.returncode == 4, done.stderr
    assert "confirmed" in done.stdout or "suspected" in done.stdout
    assert done.stderr == f"Findings: {out / 'findings.json'}\nReport:   {out / 'report.html'}\n"
    assert {path.name for path in out.iterdir()} == {"findings.json", "report.html"}


def test_findings_keep_the_contract(scanned: tuple[Path, object]) -> None:
    findings = load(scanned[0] / "findings.json")
    check_findings(findings)
    assert findings["scanned"]["quarantined"] == 0


def test_the_report_is_one_offline_file(scanned: tuple[Path, object]) -> None:
    page = (scanned[0] / "report.html").read_text("utf-8")
    assert load(scanned[0] / "findings.json")["campaigns"][0]["id"] in page
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!#|data:)[^"']""", page)
    assert not re.findall(r"@import|url\((?!['\"]?(?:data:|#))", page)


def test_nothing_private_comes_out(world: Path, scanned: tuple[Path, object]) -> None:
    told = "".join((scanned[0] / name).read_text("utf-8") for name in ("findings.json", "report.html"))
    logs = pq.read_table(world / "exchanges", columns=["client_ip"])
    accounts = pq.read_table(world / "accounts.parquet")
    names = {"client_ip": logs} | dict.fromkeys(["email", "phone", "payment_fingerprint", "device_id"], accounts)
    for name, table in names.items():
        for value in table[name].drop_null().unique().to_pylist() if name in table.column_names else ():
            assert value not in told, name


def test_evaluate_finds_the_campaign_again(
    world: Path, scanned: tuple[Path, object], capsys: pytest.CaptureFixture[str]
) -> None:
    findings, labels = scanned[0] / "findings.json", world / "labels.parquet"
    assert main(["evaluate", str(findings), str(labels), "--exchanges", str(world), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (campaign,) = told["campaigns"]
    assert campaign["found"]
    assert campaign["members"] == 30
    assert campaign["leaked"] > 0
    assert told["precision"] == 1.0
    assert main(["evaluate", str(findings), str(labels)]) == 0
    assert "C3-1" in capsys.readouterr().out


def test_the_same_logs_give_the_same_findings(
    world: Path, scanned: tuple[Path, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", str(world), "--out", str(tmp_path), "--json"]) == 4
    first = (scanned[0] / "findings.json").read_text("utf-8")
    assert capsys.readouterr().out == first
    assert (tmp_path / "findings.json").read_text("utf-8") == first


def test_a_rescan_adds_nothing_and_a_new_day_reads_one_file(
    world: Path, tmp_path: Path, key: None, capsys: pytest.CaptureFixture[str]
) -> None:
    growing, store = tmp_path / "logs", tmp_path / "store"
    shutil.copytree(world, growing)
    newest = max((growing / "exchanges").iterdir())
    kept = newest.rename(tmp_path / newest.name)
    words = ["scan", str(growing), "--store", str(store), "--out"]

    main([*words, str(tmp_path / "first")])
    before = _segments(store)
    main([*words, str(tmp_path / "again")])
    assert _segments(store) == before
    assert _findings(tmp_path / "again") == _findings(tmp_path / "first")

    kept.rename(newest)
    main([*words, str(tmp_path / "more")])
    with Store.open(store, read_only=True) as opened:
        assert [Path(file.name).name for file in opened.files()].count(newest.name) == 1
    fresh = {path.split("/")[-1].split("-")[0] for path in _segments(store) - before}
    assert len(fresh) == 1  # one batch, that of the new file
    main(["scan", str(world), "--store", str(tmp_path / "whole"), "--out", str(tmp_path / "at once")])
    assert _findings(tmp_path / "more") == _findings(tmp_path / "at once")


def _segments(store: Path) -> set[str]:
    return {path.relative_to(store).as_posix() for path in (store / "segments").glob("*/*")}


def _findings(out: Path) -> str:
    return (out / "findings.json").read_text("utf-8")
