"""The policy command: from findings to a policy in force and back, and what it refuses."""

import json
from pathlib import Path

import msgspec
import pytest

from spiritsafe.cli.main import main
from spiritsafe.model.words import Step, Tier
from spiritsafe.policy.file import encode
from tests.casework.export.test_ocsf import findings
from tests.policy.policies import rows

CREATED = "2026-12-01T00:00:00Z"
FOREVER = "9999-01-01T00:00:00Z"


@pytest.fixture
def found(tmp_path_cwd: None, tmp_path: Path) -> Path:
    path = tmp_path / "findings.json"
    path.write_bytes(msgspec.json.encode(findings(tier=Tier.SUSPECTED)))
    return path


def written(path: Path, *, version: int = 1, step: Step = Step.RATE_LIMIT) -> str:
    row = rows(step=step, expires_at=FOREVER)
    path.write_bytes(encode([row], version=version, created_at=CREATED))
    return str(path)


def said(capsys: pytest.CaptureFixture[str], code: int, *words: object) -> tuple[str, str]:
    capsys.readouterr()
    assert main(["policy", *map(str, words)]) == code
    shown = capsys.readouterr()
    return shown.out, shown.err


def test_from_findings_to_a_policy_in_force_and_back(found: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = said(capsys, 0, "from-findings", found, "--out", "one.jsonl")
    assert err == "Policy version 1: one.jsonl (1 campaigns, 11 accounts, 0 traits)\n"
    assert said(capsys, 0, "check", "one.jsonl")[1] == "one.jsonl: version 1, 2 lines, not signed\n"
    said(capsys, 0, "from-findings", found, "--out", "two.jsonl", "--version", 2, "--tokens", "20k/m", "--shadow")
    assert said(capsys, 0, "apply", "one.jsonl", "--store", "store")[1] == "In force: version 1\n"
    said(capsys, 0, "apply", "two.jsonl", "--store", "store", "--reason", "harder")
    out, _ = said(capsys, 0, "show", "--store", "store")
    first, row, members = out.splitlines()
    assert first.startswith("version 2 of ")
    assert row.startswith("campaign c-1: rate_limit, 20k/m, in shadow, until ")
    assert members == "campaign c-1: accounts acct-0, acct-1, acct-10 and 8 more"
    _, err = said(capsys, 0, "undo", "--store", "store", "--reason", "too hard")
    assert err == "In force again: version 1\n"
    told = json.loads(said(capsys, 0, "show", "--store", "store", "--json")[0])
    assert (told["header"]["version"], told["lines"][0]["requests"]) == (1, "60/m")
    _, err = said(capsys, 0, "undo", "--store", "store", "--reason", "all of it")
    assert err == "In force again: no policy\n"
    assert "no policy to go back to" in said(capsys, 1, "undo", "--store", "store", "--reason", "again")[1]


def test_suspend_goes_by_an_operators_signature_alone(tmp_path_cwd: None, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, 0, "keygen", "--out", "operator")
    file = written(Path("policy.jsonl"), step=Step.SUSPEND)
    out, _ = said(capsys, 0, "show", file)
    assert "account a: suspend" in out
    assert "suspend in a file that nobody" in said(capsys, 2, "apply", file, "--store", "s")[1]
    assert said(capsys, 0, "sign", file, "--key", "operator")[1] == "Signed: policy.jsonl\n"
    for action in (["check", file], ["apply", file, "--store", "s"]):
        assert f"{file}, row 1, column 'step'" in said(capsys, 2, *action)[1]
        said(capsys, 0, *action, "--trust", "operator.pub")
    assert Path("operator.pub").read_text("ascii").strip() in said(capsys, 0, "show", "--store", "s")[0]


def test_a_signature_of_a_stranger_is_named(tmp_path_cwd: None, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, 0, "keygen", "--out", "key")
    file = written(Path("policy.jsonl"))
    said(capsys, 0, "sign", file, "--key", "key")
    assert said(capsys, 0, "check", file)[1].rstrip().endswith("whom nobody here trusts")
    assert not said(capsys, 0, "check", file, "--trust", "key.pub")[1].rstrip().endswith("trusts")


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["from-findings", "findings.json", "--out", "o", "--step", "suspend"], 2, "does not follow from findings"),
        (["from-findings", "findings.json", "--out", "o", "--requests", "60"], 2, "not a rate"),
        (["from-findings", "findings.json", "--out", "o", "--version", "0"], 2, "'version'"),
        (["from-findings", "none.json", "--out", "o"], 2, "No such file"),
        (["check", "none"], 2, "No such file"),
        (["check", "findings.json"], 2, "findings.json: "),
        (["sign", "findings.json", "--key", "none"], 2, "no signing key"),
        (["apply", "findings.json", "--store", "s"], 2, "findings.json: "),
        (["undo", "--store", "s", "--reason", "r"], 1, "no policy to go back to"),
        (["undo", "--store", "s"], 2, "--reason"),
        (["show"], 2, "name a FILE or a --store"),
        (["show", "f", "--store", "s"], 2, "name a FILE or a --store"),
        (["show", "--store", "s"], 1, "no policy was applied"),
        (["keygen", "--out", "findings.json"], 1, "already is a file"),
    ],
)
def test_what_is_refused(
    words: list[str], code: int, complaint: str, found: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = said(capsys, code, *words)
    assert not out
    assert complaint in err
    assert "hint: " in err
    assert not Path("o").exists()


def test_ids_left_out_are_told(found: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found.write_bytes(msgspec.json.encode(findings(name="acct\x07")))
    _, err = said(capsys, 0, "from-findings", found, "--out", "one.jsonl")
    assert "(1 campaigns, 0 accounts, 0 traits)" in err
    assert "Left out, because their ids hold control characters or are too long: 11 accounts" in err
