"""Traits of exchanges: what intelligence fills in, what it tags, and that it moves nothing else."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from spiritsafe.ingest.chunk import chunk_of
from spiritsafe.ingest.entities import Entities, EntityFile, load_entities
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.traits import Traits
from spiritsafe.model.columns import ENTITIES
from spiritsafe.model.epochs import Epochs
from spiritsafe.model.words import SHARED_EXIT
from spiritsafe.privacy.keys import MasterKey
from spiritsafe.privacy.pseudonyms import Pseudonymiser
from tests.ingest.carried import traits_of
from tests.ingest.entities.databases import ASN, COUNTRY, database

START = 1_767_225_600_000_000
IPS = ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.200", "198.51.100.1", None, "2001:db8::1"]


def log(**columns: object) -> pa.Table:
    rows = np.arange(len(IPS))
    return pa.table(
        {
            "exchange_id": [f"x{i}" for i in rows],
            "started_at": pa.array(START + rows * 1_000_000, pa.timestamp("us", "UTC")),
            "account_id": [f"a{i}" for i in rows],
            "model": ["m"] * len(IPS),
            "client_ip": pa.array(IPS, pa.string()),
            **columns,
        }
    )


def traits(entities: Entities, table: pa.Table) -> tuple[list[tuple[str, str]], dict[tuple[str, str], int]]:
    """(kind, label) of every label, and how many exchanges each label's trait has."""
    maker = Traits(Pseudonymiser(MasterKey(bytes(32)), Epochs(180, 0)), b"key", entities)
    told = maker.of_exchanges(chunk_of(table, b"key"), np.full(len(table), -1))
    named = {(row["kind"], row["value"]): row["label"] for row in told["labels"].to_pylist()}
    counts: dict[tuple[str, str], int] = {}
    for row in traits_of(told):
        label = named.get((row["kind"], row["value"]))
        if label is not None:
            counts[row["kind"], label] = counts.get((row["kind"], label), 0) + row["n"]
    return sorted((kind, label) for (kind, _), label in named.items()), counts


@pytest.fixture
def known(tmp_path: Path) -> Entities:
    (tmp_path / "tor.txt").write_text("192.0.2.200\n", "utf-8")
    files = [
        database(tmp_path / "asn.mmdb", {"192.0.2.0/24": ASN, "2001:db8::/32": ASN}),
        database(tmp_path / "country.mmdb", {"192.0.2.0/24": COUNTRY}),
        tmp_path / "tor.txt",
    ]
    return load_entities(
        [EntityFile(file, "tor" if file.suffix == ".txt" else None) for file in files], Reading(ENTITIES)
    )


def test_asn_and_country_are_filled_in_where_the_log_is_silent(known: Entities) -> None:
    _, counts = traits(known, log())
    assert counts["asn", "64500"] == 4
    assert counts["country", "NL"] == 3


def test_what_the_log_says_stands(known: Entities) -> None:
    said = log(asn=pa.array([7, None, None, 7, 7, None], pa.int64()), country=["DE", None, None, None, "DE", None])
    _, counts = traits(known, said)
    assert (counts["asn", "7"], counts["asn", "64500"]) == (3, 3)
    assert (counts["country", "DE"], counts["country", "NL"]) == (2, 2)


def test_a_tag_is_an_entity_and_a_shared_exit_is_marked(known: Entities) -> None:
    labels, counts = traits(known, log())
    assert counts["entity", "tor"] == 1
    assert counts["ip", SHARED_EXIT] == 1
    # its neighbours are not behind it: one listed address must not hide a network
    assert ("prefix", SHARED_EXIT) not in labels
    assert ("entity", "vpn") not in labels


def test_a_network_that_is_an_exit_as_a_whole_is_marked(tmp_path: Path) -> None:
    (tmp_path / "vpn").write_text("192.0.2.0/23\n", "utf-8")
    entities = load_entities([EntityFile(tmp_path / "vpn", "vpn")], Reading(ENTITIES))
    _, counts = traits(entities, log())
    assert (counts["ip", SHARED_EXIT], counts["prefix", SHARED_EXIT]) == (3, 3)


def test_who_comes_by_a_listed_address_is_told_by_it_and_not_by_its_network(known: Entities) -> None:
    maker = Traits(Pseudonymiser(MasterKey(bytes(32)), Epochs(180, 0)), b"key", known)
    addresses = maker.of_exchanges(chunk_of(log(), b"key"), np.full(len(IPS), -1))["addresses"].to_pylist()
    by_prefix = {
        row["prefix"]: sum(other["n"] for other in addresses if other["prefix"] == row["prefix"]) for row in addresses
    }
    assert sum(row["ip"] != 0 for row in addresses) == 5
    assert by_prefix[0] == 1
    assert sorted(n for prefix, n in by_prefix.items() if prefix) == [1, 1, 2]


def test_an_asns_tag_needs_no_address(tmp_path: Path) -> None:
    (tmp_path / "asns").write_text("AS7\n", "utf-8")
    entities = load_entities([EntityFile(tmp_path / "asns", "hosting")], Reading(ENTITIES))
    silent = log(asn=pa.array([7] * len(IPS), pa.int64())).drop_columns("client_ip")
    assert traits(entities, silent)[1]["entity", "hosting"] == len(IPS)


def test_pseudonymised_addresses_are_known_nowhere(known: Entities) -> None:
    veiled = log(pseudonymised=[True] * len(IPS))
    assert not [kind for kind, _ in traits(known, veiled)[1] if kind in {"asn", "country", "entity"}]


def test_without_intelligence_nothing_is_filled_in() -> None:
    assert traits(Entities(), log())[0] == [("model", "m")]


def test_every_tag_of_an_address_counts_once_for_each_exchange(tmp_path: Path) -> None:
    (tmp_path / "wide").write_text("192.0.2.0/24\n", "utf-8")
    (tmp_path / "narrow").write_text("192.0.2.0/25\n198.51.100.0/24\n", "utf-8")
    files = [EntityFile(tmp_path / "wide", tag) for tag in ("hosting", "Example Lab")]
    entities = load_entities([*files, EntityFile(tmp_path / "narrow", "vpn")], Reading(ENTITIES))
    _, counts = traits(entities, log())
    told = {label: n for (kind, label), n in counts.items() if kind == "entity"}
    assert told == {"hosting": 3, "Example Lab": 3, "vpn": 3}
