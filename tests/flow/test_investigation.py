"""What an investigator does after a scan: from an address to accounts, and with a key and a reason back to it."""

import json
from pathlib import Path
from typing import Any

import pytest

from spiritsafe.cli.main import main

ADDRESS = "198.51.100.23"
LOG = "exchange_id,started_at,account_id,model,input_tokens,output_tokens,client_ip\n" + "".join(
    f"e{n},2026-03-02T0{n}:00:00Z,acct-{n % 3},m,1,1,{ADDRESS if n < 2 else f'203.0.113.{n}'}\n" for n in range(8)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a vault, made by a scan, and the keys."""
    folder = tmp_path_factory.mktemp("investigation")
    assert main(["vault", "keygen", str(folder / "keys")]) == 0
    config = folder / "spiritsafe.toml"
    config.write_text(f"[privacy]\nvault_public_key = '{folder / 'keys' / 'vault.pub'}'\nvault_days = 36500\n", "utf-8")
    (folder / "day.csv").write_text(LOG, "utf-8")
    words = ["--store", str(folder / "store"), "--out", str(folder / "out"), "--config", str(config)]
    assert main(["scan", str(folder / "day.csv"), *words]) == 0
    return folder


def ask(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    capsys.readouterr()
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def seen(capsys: pytest.CaptureFixture[str], folder: Path, raw: str) -> dict[str, list[str]]:
    told = ask(capsys, "pseudonym", raw, "--store", folder / "store")
    return {item["kind"]: item["accounts"] for item in told["pseudonyms"] if item["accounts"]}


def test_an_address_leads_to_its_accounts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seen(capsys, folder, ADDRESS) == {"ip": ["acct-0", "acct-1"], "prefix": ["acct-0", "acct-1"]}
    assert seen(capsys, folder, "203.0.113.200") == {"prefix": ["acct-0", "acct-1", "acct-2"]}
    assert seen(capsys, folder, "192.0.2.1") == {}


def test_the_answer_in_words(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["pseudonym", ADDRESS, "--field", "ip", "--store", str(folder / "store")]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("ip ")
    assert line.endswith("2026-03-02T00:00:00Z to 2026-03-02T01:00:00Z: acct-0, acct-1")
    assert main(["pseudonym", "192.0.2.1", "--field", "ip", "--store", str(folder / "store")]) == 0
    assert capsys.readouterr().out.rstrip().endswith("not seen")


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["an address", "--field", "ip"], 2, "not an identifier of ip"),
        ([ADDRESS, "--store", "elsewhere"], 1, "no spiritsafe store here"),
    ],
)
def test_what_cannot_be_looked_up(
    words: list[str], code: int, complaint: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pseudonym", "--store", str(folder / "store"), *words]) == code
    assert complaint in capsys.readouterr().err


def test_the_vault_opens_with_key_role_case_and_reason(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ask(capsys, "pseudonym", ADDRESS, "--field", "ip", "--store", folder / "store")
    pseudonym = next(item["pseudonym"] for item in told["pseudonyms"] if item["accounts"])
    words = ["--store", folder / "store", "--key", folder / "keys" / "vault.key", "--case", "7", "--reason", "abuse"]
    opening = ["vault", "open", *words, "--role", "investigator", pseudonym]
    assert main([*map(str, opening)]) == 0
    assert capsys.readouterr().out == f"ip\t{ADDRESS}\n"

    refused = ["vault", "open", *words, "--role", "analyst", pseudonym]
    assert main([*map(str, refused)]) == 1
    assert "only an investigator" in capsys.readouterr().err

    store = str(folder / "store")
    assert main(["vault", "purge", "--store", store]) == 0
    assert "Deleted 0 expired" in capsys.readouterr().err
    assert main(["vault", "verify", "--store", store]) == 0
    shown = capsys.readouterr()
    assert "audit chain of 2 rows is whole" in shown.err
    head = shown.out.strip()
    audit = folder / "store" / "vault" / "audit.jsonl"
    audit.write_bytes(audit.read_bytes().splitlines(keepends=True)[0])
    assert main(["vault", "verify", "--store", store, "--head", head]) == 1
    assert "cut off" in capsys.readouterr().err


def test_links_alone_give_groups(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Four rings of 24 accounts that share cards, exits and devices crosswise among 300 that share nothing."""
    rows = ["account_id,family,value"]
    for n in range(400):
        ring, own = n // 24, n >= 96
        shared = {"payment": f"card-{n // 4}", "network": f"exit-{ring}-{n % 6}", "device": f"phone-{ring}-{n % 8}"}
        rows += [f"acct-{n},{family},{f'own-{n}' if own else value}" for family, value in shared.items()]
    links = tmp_path / "links.csv"
    links.write_text("\n".join(rows) + "\n", "utf-8")
    told = ask(capsys, "link", links)
    groups = {frozenset(group["accounts"]) for group in told["groups"]}
    assert groups == {frozenset(f"acct-{n}" for n in range(24 * ring, 24 * ring + 24)) for ring in range(4)}
    for group in told["groups"]:
        assert set(group) == {"id", "score_bits", "q_value", "accounts", "evidence"}
        assert group["score_bits"] == round(sum(item["weight_bits"] for item in group["evidence"]), 6)
    assert main(["link", str(links), "--out", str(tmp_path / "groups.json")]) == 0
    assert json.loads((tmp_path / "groups.json").read_bytes()) == told
