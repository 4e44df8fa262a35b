"""From a links table to groups, as the command prints them."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spiritsafe.ingest.quarantine import Quarantine
from spiritsafe.model.errors import InputError
from spiritsafe.model.settings import IngestSettings, OnError, Settings
from spiritsafe.pipeline.link import LinkFindings, link_groups

GROUP = [f"a{i:04d}" for i in range(60)]


def _links(times: int = 1) -> pa.Table:
    """Sixty accounts on ten cards and five networks, and a noisy family 'mine' that ties everybody."""
    rng, who = np.random.default_rng(0), np.arange(1_000)
    network = np.where(who < 60, rng.integers(0, 5, 1_000), 10 + rng.integers(0, 3_000, 1_000))
    values = {
        "payment": [f"shared{i // 6}" if i < 60 else f"own{i}" for i in who.tolist()],
        "network": [f"n{value}" for value in network.tolist()],
        "mine": [f"m{value}" for value in rng.integers(0, 100, 1_000).tolist()],
    }
    return pa.table(
        {
            "account_id": [f"a{i:04d}" for i in who.tolist()] * 3,
            "family": [name for name in values for _ in range(1_000)],
            "value": [value for column in values.values() for value in column],
            "n": [times] * 3_000,
        }
    )


def _grouped(path: Path, on_error: OnError = OnError.FAIL) -> LinkFindings:
    with Quarantine(path.with_name("quarantine.jsonl")) as aside:
        return link_groups(path, Settings(ingest=IngestSettings(on_error=on_error)), aside)


def _found(table: pa.Table, path: Path) -> LinkFindings:
    pq.write_table(table, path)
    return _grouped(path)


def test_the_groups_of_a_links_table(tmp_path: Path) -> None:
    (group,) = _found(_links(), tmp_path / "links.parquet").groups
    assert group.accounts == GROUP
    assert group.q_value <= 0.05
    assert group.score_bits == pytest.approx(sum(item.weight_bits for item in group.evidence))
    assert {str(item.family) for item in group.evidence} == {"payment", "network", "context"}


def test_findings_are_the_contracts_and_the_same_whatever_the_rows_order(tmp_path: Path) -> None:
    table = _links()
    one = _found(table, tmp_path / "one.parquet")
    two = _found(table.take(np.random.default_rng(1).permutation(len(table))), tmp_path / "two.parquet")
    assert one == two
    told = msgspec.json.decode(msgspec.json.encode(one))
    assert set(told["groups"][0]) == {"id", "score_bits", "q_value", "accounts", "evidence"}


def test_n_is_told(tmp_path: Path) -> None:
    (group,) = _found(_links(times=7), tmp_path / "links.parquet").groups
    assert any("(seen 420 times)" in item.detail for item in group.evidence)


def test_a_family_of_ones_own_testifies_under_its_name(tmp_path: Path) -> None:
    table = _links()
    family = pa.array(["badge colour" if name == "payment" else name for name in table["family"].to_pylist()])
    (group,) = _found(table.set_column(1, "family", family), tmp_path / "links.parquet").groups
    assert group.accounts == GROUP
    assert ("rare_badge colour", "own") in {(item.signal, str(item.family)) for item in group.evidence}


def test_no_group_is_no_error_and_a_bad_table_is(tmp_path: Path) -> None:
    path = tmp_path / "links.csv"
    for body in ("a,payment,1\nb,payment,2\n", ""):
        path.write_text(f"account_id,family,value\n{body}", "utf-8")
        assert _grouped(path) == LinkFindings(groups=[])
    path.write_text("account_id,family\na,payment\n", "utf-8")
    with pytest.raises(InputError, match="value"):
        _grouped(path)


def test_bad_rows_are_set_aside_if_the_settings_say_so(tmp_path: Path) -> None:
    path = tmp_path / "links.csv"
    path.write_text("account_id,family,value,n\na,payment,1,1\nb,payment,2,many\n", "utf-8")
    assert _grouped(path, OnError.QUARANTINE) == LinkFindings(groups=[])
    (line,) = (tmp_path / "quarantine.jsonl").read_text("ascii").splitlines()
    assert (json.loads(line)["row"], json.loads(line)["column"]) == (2, "n")
