"""The export command: data on stdout or in a file, and findings that are none."""

import json
from pathlib import Path

import msgspec
import pytest

from spiritsafe.cli.main import main
from spiritsafe.model.findings import Findings
from tests.casework.export.test_ocsf import findings


@pytest.fixture
def found(tmp_path: Path) -> Path:
    path = tmp_path / "findings.json"
    path.write_bytes(msgspec.json.encode(findings()))
    return path


@pytest.mark.parametrize("shape", ["ocsf", "csv"])
def test_stdout_and_a_file_say_the_same(shape: str, found: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", shape, str(found)]) == 0
    shown = capfd.readouterr()
    assert not shown.err
    assert main(["export", shape, str(found), "--out", str(found.with_name("out"))]) == 0
    assert found.with_name("out").read_bytes().decode() == shown.out


def test_an_event_a_line(found: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["export", "ocsf", str(found), "--json"])
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["class_uid"] for line in lines] == [2004, 2004]


def _changed(**changes: object) -> bytes:
    return msgspec.json.encode(msgspec.to_builtins(findings()) | changes)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no findings"),
        (b"[]", "no findings"),
        (b'{"a": 1', "no findings"),
        (b"\xff\xfe", "no findings"),
        (b"[" * 100_000, "no findings"),
        (msgspec.json.encode(findings())[:-30], "no findings"),
        (_changed(schema="spiritsafe.findings/9"), "another version"),
        (_changed(scanned={"exchanges": 1, "accounts": 1, "from": "then", "to": "now", "quarantined": 0}), "not UTC"),
        (_changed(campaigns=[{"id": "c"}]), "no findings"),
    ],
)
def test_what_is_no_findings_is_refused(
    content: bytes, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "findings.json"
    path.write_bytes(content)
    assert main(["export", "ocsf", str(path)]) == 2
    shown = capsys.readouterr()
    assert not shown.out
    error, hint = shown.err.splitlines()
    assert error.startswith(f"error: {path}: ")
    assert complaint in error
    assert hint.startswith("hint: ")


def test_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "csv", str(tmp_path / "none")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_findings_written_are_findings_read(found: Path) -> None:
    assert msgspec.json.decode(found.read_bytes(), type=Findings) == findings()
