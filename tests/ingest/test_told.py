"""Pseudonyms that an edge made: addresses with network, epochs and tags count as if they had been read here."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from spiritsafe.engine.tables import CARRIED
from spiritsafe.ingest.chunk import chunk_of
from spiritsafe.ingest.entities import Entities, EntityFile, load_entities
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.told import veiled
from spiritsafe.ingest.traits import Traits
from spiritsafe.model.columns import ENTITIES
from spiritsafe.model.epochs import Epochs
from spiritsafe.model.words import SHARED_EXIT
from spiritsafe.privacy.keys import MasterKey
from spiritsafe.privacy.pseudonyms import Pseudonymiser
from spiritsafe.privacy.told import Told

START = 1_767_225_600_000_000


def _told(addresses: Sequence[str | None], entities: Entities | None = None, **columns: object) -> dict[str, pa.Table]:
    rows = np.arange(len(addresses))
    table = pa.table(
        {
            "exchange_id": [f"x{i}" for i in rows],
            "started_at": pa.array(START + rows * 1_000_000, pa.timestamp("us", "UTC")),
            "account_id": [f"a{i:02d}" for i in rows],
            "model": ["m"] * len(rows),
            "client_ip": pa.array(addresses, pa.string()),
            **({"pseudonymised": [True] * len(rows)} | columns),
        }
    )
    maker = Traits(Pseudonymiser(MasterKey(bytes(32)), Epochs(180, 0)), b"key", entities or Entities())
    return maker.of_exchanges(chunk_of(table, b"key"), np.full(len(rows), -1))


def _addresses(told: dict[str, pa.Table]) -> set[tuple[int, ...]]:
    columns = [told["addresses"].column(name).to_pylist() for name in CARRIED["addresses"]]
    return set(zip(*columns, strict=True))


def _labels(told: dict[str, pa.Table]) -> set[tuple[str, object, str]]:
    labels = told["labels"].filter(pc.is_in(told["labels"].column("kind"), pa.array(["ip", "prefix", "entity"])))
    rows = labels.to_pylist()
    return {(row["kind"], row["value"] if row["kind"] != "entity" else None, row["label"]) for row in rows}


def test_epochs_and_networks_are_told() -> None:
    order = list(CARRIED["addresses"])
    assert order == ["ip", "ip_before", "prefix", "prefix_before"]
    told = _told([str(Told((1, 2), (3, 4))), str(Told((5,), (6,))), str(Told((7,))), None])
    assert _addresses(told) >= {(1, 2, 3, 4), (5, 0, 6, 0), (7, 0, 0, 0)}
    assert _labels(told) == set()


def test_a_told_exit_is_no_link_nor_is_its_network_if_that_is_told() -> None:
    told = _told(
        [str(Told((1,), (2,), ("vpn",))), str(Told((3,), (), ("tor", "Lab"))), str(Told((5,), (6,), ("Lab",)))]
    )
    assert _labels(told) == {
        ("ip", 1, SHARED_EXIT),
        ("prefix", 2, SHARED_EXIT),
        ("ip", 3, SHARED_EXIT),
        *(("entity", None, tag) for tag in ("vpn", "tor", "Lab")),
    }


def test_rows_of_both_kinds_stand_side_by_side() -> None:
    maker = Pseudonymiser(MasterKey(bytes(32)), Epochs(180, 0))
    kinds = maker.lookup("192.0.2.1", START, START)
    address, network = (next(one.value for one in kinds if one.kind == kind) for kind in ("ip", "prefix"))
    told = _told(["192.0.2.1", str(Told((1, 2), (3, 4)))], pseudonymised=[None, True])
    assert _addresses(told) >= {(address, 0, network, 0), (1, 2, 3, 4)}


@pytest.mark.parametrize("edge", [("hosting",), ("hosting", "Lab")])
def test_a_tag_that_both_know_counts_once(edge: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "asns").write_text("AS7\n", "utf-8")
    entities = load_entities([EntityFile(tmp_path / "asns", "hosting")], Reading(ENTITIES))
    told = _told([str(Told((1,), (2,), edge))], entities, asn=pa.array([7], pa.int64()))
    tagged = told["traits"].filter(pc.equal(told["traits"].column("kind"), "entity"))
    assert tagged.column("n").to_pylist() == [1] * len(edge)


def test_an_exit_that_only_the_scan_knows_by_its_asn_is_one() -> None:
    names = {("asn", "7"): ("vpn",)}
    entities = Entities(names=names)  # type: ignore[arg-type]
    assert ("prefix", 2, SHARED_EXIT) in _labels(
        _told([str(Told((1,), (2,)))], entities, asn=pa.array([7], pa.int64()))
    )


def test_zero_is_no_pseudonym_and_another_form_is_hashed() -> None:
    said = veiled(pa.chunked_array([[str(Told((0, 4), (0,))), "10.0.0.1", None, "10.0.0.1"]]))
    assert said.single[0].tolist() == [0, 1, 3]
    assert said.single[1][0] == 4
    assert said.single[1][1] == said.single[1][2] != 0
    assert not len(said.wide[0])
    assert not said.shared.any()
