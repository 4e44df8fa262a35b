"""Side tables, settings, findings and labels are as hostile as the logs; strings that would drive a terminal."""

import gzip
import json
import os
from pathlib import Path

import pytest

from tests.flow.hostile import Shell, exchange, lines

SIDES = {
    "accounts": ("account_id,created_at,email", "a-1,2026-01-01,x@example.org"),
    "models": ("model,released_at,price_in", "m,2026-01-01,1"),
    "entities": ("kind,value,tag", "cidr,192.0.2.0/24,vpn"),
    "links": ("account_id,family,value", "a-1,payment,x"),
}
EVIL = "\x1b]0;owned\x07\u202e<script>alert(1)</script>\x9b[red]"


@pytest.fixture
def log(shell: Shell) -> Path:
    path = shell.folder / "log.jsonl"
    path.write_bytes(lines(exchange(1), exchange(2)))
    return path


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "damage", ["empty", "short row", "NUL", "cut gzip", "cut Parquet", "deep JSON", "folder", "missing"]
)
def test_a_broken_side_table_is_refused_by_name(shell: Shell, log: Path, side: str, damage: str) -> None:
    header, row = (text.encode() + b"\n" for text in SIDES[side])
    data = {
        "empty": b"",
        "short row": header + row + b"x\n",
        "NUL": header + row + b"\0" + row,
        "cut gzip": gzip.compress(header + row, mtime=0)[:-5],
        "cut Parquet": b"PAR1" + b"x" * 30,
        "deep JSON": b'{"a":' * 100_000,
    }
    table = shell.folder / side
    if damage in data:
        table.write_bytes(data[damage])
    elif damage == "folder":
        table.mkdir()
    shell.refuse(log, says="", place=str(table), options=(f"--{side}", table))


@pytest.mark.parametrize("side", SIDES)
def test_a_bad_row_of_a_side_table_is_set_aside_and_counted(shell: Shell, log: Path, side: str) -> None:
    table = shell.folder / "side.csv"
    bad = "cidr,999.0.0.0/8,vpn" if side == "entities" else "x"
    table.write_text("\n".join([*SIDES[side], bad, ""]))
    shell.refuse(log, says="", place=f"{table}, row 2", options=(f"--{side}", table))
    shown = shell.scan(log, options=(f"--{side}", table, "--on-error", "quarantine", "--json"))
    assert shown.code == 0
    assert [(item["file"], item["row"]) for item in shell.quarantine] == [(str(table), 2)]
    if side != "entities":  # which the store does not take
        assert json.loads(shown.out)["scanned"]["quarantined"] == 1


SETTINGS: dict[str, tuple[str | bytes, str]] = {
    "not TOML": ("]]]", "not readable as TOML"),
    "not text": (b"\xff\xfe[", "not readable as TOML"),
    "deep": ("a=" + "[" * 100_000, "nested too deeply"),
    "digits": ("[ingest]\nbatch_rows=" + "9" * 5000, "not readable as TOML"),
    "huge": ("[ingest]\nbatch_rows=" + "9" * 30, "line 2: ingest.batch_rows: "),
    "unknown": ("[ingest]\nbatch_row=1", "line 2: ingest.batch_row: unknown key"),
    "not a number": ("[detection]\nfdr=nan", "line 2: detection.fdr: "),
    "infinite": ("[engine]\nmemory_gib=inf", "line 2: engine.memory_gib: "),
    "threads": ("[engine]\nthreads=999999", "line 2: engine.threads: "),
    "years": ("[privacy]\nepoch_days=" + "9" * 30, "line 2: privacy.epoch_days: "),
    "beyond the sample": ("[ingest]\ntemplate_instances=9", "line 2: ingest.template_instances: "),
    "escape": ('["\\u001b[31m"]\n"\\u202e"=1', "unknown key"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_bad_settings_are_refused_by_line(shell: Shell, log: Path, name: str) -> None:
    text, says = SETTINGS[name]
    file = shell.folder / "settings.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    shell.refuse(log, says=says, place=str(file), options=("--config", file))


def test_settings_are_a_regular_file(shell: Shell, log: Path) -> None:
    os.mkfifo(shell.folder / "fifo")
    for place in (shell.folder, shell.folder / "fifo", shell.folder / "none"):
        shell.refuse(log, says="", place=str(place), options=("--config", place))


CAMPAIGN = {"id": "c", "tier": "confirmed", "accounts": ["a"]}
FINDINGS = {
    "empty": b"",
    "list": b"[]",
    "null": b"null",
    "NaN": b"NaN",
    "deep": b"[" * 200_000,
    "deep within": b'{"campaigns":' + b"[" * 200_000,
    "digits": b'{"campaigns":' + b"9" * 10_000 + b"}",
    "not text": b'{"campaigns":[{"id":"\xff"}]}',
    "no tier": json.dumps({"campaigns": [CAMPAIGN | {"tier": EVIL}]}).encode(),
    "wrong type": json.dumps({"campaigns": [CAMPAIGN | {"accounts": 7}]}).encode(),
    "no time": json.dumps({"campaigns": [CAMPAIGN], "scanned": {"to": "yesterday"}}).encode(),
}


@pytest.mark.parametrize("name", FINDINGS)
def test_bad_findings_are_refused(shell: Shell, log: Path, name: str) -> None:
    findings, labels = shell.folder / "findings.json", shell.folder / "labels.csv"
    findings.write_bytes(FINDINGS[name])
    labels.write_text("account_id,cohort,campaign\na,b,c\n")
    shown = shell.call("evaluate", findings, labels, "--exchanges", log)
    shell.refused(shown, "not ", "")


def test_findings_are_a_regular_file(shell: Shell) -> None:
    os.mkfifo(shell.folder / "fifo")
    labels = shell.folder / "labels.csv"
    labels.write_text("account_id,cohort,campaign\na,b,c\n")
    for place in (shell.folder / "fifo", shell.folder, "/dev/zero"):
        shell.refused(shell.call("evaluate", place, labels), "is not a regular file", str(place))


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["table", "json"])
def test_labels_and_findings_cannot_drive_the_terminal(shell: Shell, form: tuple[str, ...]) -> None:
    findings, labels = shell.folder / "findings.json", shell.folder / "labels.jsonl"
    findings.write_text(json.dumps({"campaigns": [CAMPAIGN | {"id": EVIL, "accounts": [EVIL, "\ud800"]}]}))
    labels.write_bytes(lines({"account_id": EVIL, "cohort": EVIL, "campaign": EVIL}))
    shown = shell.call("evaluate", findings, labels, *form)
    assert shown.code == 0
    assert shown.out


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["table", "json"])
def test_ids_cannot_drive_the_terminal(shell: Shell, form: tuple[str, ...]) -> None:
    columns = ("account_id", "organization_id", "model", "user_agent", "country", "channel", "finish_reason", "ja4")
    log, links = shell.folder / "log.jsonl", shell.folder / "links.csv"
    log.write_bytes(lines(*(exchange(n, **{name: EVIL + str(n % 5) for name in columns}) for n in range(50))))
    links.write_text("account_id,family,value\n" + "".join(f"{EVIL}{n},{EVIL},v\n" for n in range(9)), newline="")
    assert shell.scan(log, options=form).code == 0
    shown = shell.call("link", links)
    assert shown.code == 0
    json.loads(shown.out)


def test_words_of_a_call_cannot_drive_the_terminal(shell: Shell) -> None:
    for words in ((EVIL,), ("scan", EVIL), ("scan", "log", f"--{EVIL}"), ("scan", "log", "--format", EVIL)):
        shell.refused(shell.call(*words), "", "")
