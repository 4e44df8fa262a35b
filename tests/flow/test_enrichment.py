"""Intelligence about networks, from files to findings: what it changes, and what it must not."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spiritsafe.cli.main import main
from spiritsafe.engine.store import Store
from tests.ingest.entities.databases import ASN, database

LAND = {"country": {"iso_code": "XA"}}


def _networks(world: Path) -> Iterator[str]:
    """The /24 of every address that a member of the campaign used."""
    labels = pq.read_table(world / "labels.parquet").to_pylist()
    members = {row["account_id"] for row in labels if row["campaign"]}
    logs = pq.read_table(world / "exchanges", columns=["account_id", "client_ip"]).to_pylist()
    ips = {row["client_ip"] for row in logs if row["account_id"] in members}
    yield from sorted({ip.rpartition(".")[0] + ".0/24" for ip in ips if ip and "." in ip})


@pytest.fixture
def silent(world: Path, tmp_path: Path) -> Path:
    """The world's logs without what a database could tell."""
    for day in sorted((world / "exchanges").iterdir()):
        (tmp_path / "silent" / "exchanges").mkdir(parents=True, exist_ok=True)
        pq.write_table(
            pq.read_table(day).drop_columns(["asn", "country"]), tmp_path / "silent" / "exchanges" / day.name
        )
    for name in ("accounts", "models"):
        (tmp_path / "silent" / f"{name}.parquet").write_bytes((world / f"{name}.parquet").read_bytes())
    return tmp_path / "silent"


def _scan(logs: Path, out: Path, *words: object) -> str:
    assert main(["scan", str(logs), "--out", str(out), "--store", str(out / "store"), *map(str, words)]) in {0, 4}
    return (out / "findings.json").read_text("utf-8")


def test_a_country_and_an_asn_are_no_evidence(world: Path, silent: Path, tmp_path: Path, key: None) -> None:
    """All members, and nobody else, come from one country and one ASN: nothing that is found changes by it."""
    where = database(tmp_path / "where.mmdb", dict.fromkeys(_networks(world), LAND | ASN), kind="GeoLite2-City")
    bare = _scan(silent, tmp_path / "bare")
    assert _scan(silent, tmp_path / "told", "--entities", where) == bare
    with Store.open(tmp_path / "told" / "store") as store:
        labels = {row["label"] for row in store.read("labels").to_pylist()}
    assert '"shared_network"' in bare
    assert {"XA", "64500"} <= labels
    page = (tmp_path / "told" / "report.html").read_text("utf-8")
    assert re.search(r"looked up in the provider&#39;s intelligence: where\.mmdb \([0-9a-f]{16}\)", page)
    assert "XA" not in re.sub(r"<style.*?</style>|<script.*?</script>", "", page, flags=re.DOTALL)


def test_shared_exits_take_the_network_out_of_the_evidence(world: Path, tmp_path: Path, key: None) -> None:
    exits = tmp_path / "exits.txt"
    exits.write_text("\n".join(["# exits", *_networks(world)]), "utf-8")
    _scan(world, tmp_path / "told", "--entities", f"{exits}:vpn")
    with Store.open(tmp_path / "told" / "store") as store:
        labels = store.read("labels").to_pylist()
    assert {row["kind"] for row in labels if row["label"] == "shared exit"} >= {"ip", "prefix"}
    assert "shared_network" not in (tmp_path / "told" / "findings.json").read_text("utf-8")


def test_a_bad_line_ends_the_scan_before_anything_is_written(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "vpn.txt"
    path.write_text("192.0.2.0/24\n192.0.2.0/99\n", "utf-8")
    assert main(["scan", str(world), "--out", str(tmp_path / "out"), "--entities", f"{path}:vpn"]) == 2
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith(f"error: {path}, row 2: is no network")
    assert "--on-error quarantine" in hint
    assert not (tmp_path / "out" / "findings.json").exists()


def test_a_table_beside_the_logs_is_found(world: Path, tmp_path: Path, key: None) -> None:
    (tmp_path / "world" / "exchanges").mkdir(parents=True)
    for day in sorted((world / "exchanges").iterdir())[:1]:
        (tmp_path / "world" / "exchanges" / day.name).write_bytes(day.read_bytes())
    table = pa.table({"kind": ["asn"], "value": ["AS64500"], "tag": ["hosting"]})
    pq.write_table(table, tmp_path / "world" / "entities.parquet")
    _scan(tmp_path / "world", tmp_path / "out")
    assert "entities.parquet (" in (tmp_path / "out" / "report.html").read_text("utf-8")
