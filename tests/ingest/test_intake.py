"""Intake: a gateway's sketches say what the texts would have said, and pseudonyms are taken as they are."""

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spiritsafe.engine.store import Store
from spiritsafe.engine.tables import CARRIED, TABLES
from spiritsafe.ingest.entities import Entities
from spiritsafe.ingest.intake import Intake
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.sources import find
from spiritsafe.ingest.told import veiled
from spiritsafe.ingest.traits import Traits
from spiritsafe.model.columns import EXCHANGES
from spiritsafe.model.epochs import Epochs
from spiritsafe.model.errors import InputError
from spiritsafe.model.settings import IngestSettings
from spiritsafe.privacy.keys import MasterKey
from spiritsafe.privacy.pseudonyms import Pseudonymiser
from spiritsafe.sketch.codec import encode
from spiritsafe.sketch.sketches import sketch_texts
from tests.ingest.carried import traits_of

KEY = b"text key of this test"
TEMPLATE = "Think step by step and show all of your reasoning. Then give the final answer."
TOPICS = ("rivers", "prime numbers", "sourdough", "sailing boats", "volcanoes", "tax law", "violins", "bees")


def exchanges(rows: int = 48) -> pa.Table:
    """Six accounts that send one template with bodies of their own."""
    at = np.arange(rows)
    return pa.table(
        {
            "exchange_id": [f"x{i}" for i in at],
            "started_at": pa.array(1_767_225_600_000_000 + at * 600_000_000, pa.timestamp("us", "UTC")),
            "account_id": [f"a{i % 6}" for i in at],
            "model": ["m"] * rows,
            "input_tokens": at + 10,
            "output_tokens": at + 20,
            "client_ip": [f"192.0.2.{i % 6}" for i in at],
            "prompt": [f"{TEMPLATE}\nExplain {TOPICS[i % 8]} to a reader who saw number {i} of them." for i in at],
        }
    )


def taken(folder: Path, *tables: pa.Table, fresh: bool = False) -> Store:
    """A store that holds ``tables``, a file each; ``fresh`` to take each with an intake of its own."""
    folder.mkdir()
    paths = [folder / f"{at:02d}.parquet" for at in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        pq.write_table(table, path)
    store = Store.open(folder / "store")
    for some in [[path] for path in paths] if fresh else [paths]:
        intake(store).take(find(some), Reading(EXCHANGES), lambda *_: None)
    return store


def intake(store: Store) -> Intake:
    traits = Traits(Pseudonymiser(MasterKey(bytes(32)), Epochs(180, 60)), KEY, Entities())
    return Intake(store, IngestSettings(), KEY, traits)


def sketched(table: pa.Table) -> pa.Table:
    """The same exchanges as a gateway captures them: a sketch in place of the text."""
    nothing, zeros = [None] * len(table), np.zeros(len(table), np.int64)
    made = sketch_texts(
        table.column("prompt").to_pylist(), nothing, nothing,
        tool_count=zeros, image_count=zeros, message_count=zeros, key=KEY,
    )  # fmt: skip
    return table.drop_columns("prompt").append_column("sketch", encode(made, KEY).cast(pa.binary()))


@pytest.mark.parametrize("name", ["content", "pools", "templates"])
def test_a_sketch_says_what_the_text_said(tmp_path: Path, name: str) -> None:
    with taken(tmp_path / "text", exchanges()) as text, taken(tmp_path / "sketch", sketched(exchanges())) as sketch:
        assert text.read(name).num_rows > 0
        assert text.read(name).equals(sketch.read(name))


def test_the_words_of_a_template_are_kept_only_where_there_were_words(tmp_path: Path) -> None:
    with taken(tmp_path / "text", exchanges()) as text, taken(tmp_path / "sketch", sketched(exchanges())) as sketch:
        kept = [words for words in text.read("sentences").column("words").to_pylist() if words]
        assert any("think step by step" in words for words in kept)
        assert not any("number 7" in words for words in kept)
        assert not any(sketch.read("sentences").column("words").to_pylist())


def test_words_of_few_senders_are_not_kept(tmp_path: Path) -> None:
    table = exchanges().set_column(2, "account_id", pa.array([f"a{i % 4}" for i in range(48)]))
    with taken(tmp_path / "few", table) as store:
        assert store.read("templates").num_rows > 0
        assert not any(store.read("sentences").column("words").to_pylist())


def test_pseudonyms_are_taken_as_they_are(tmp_path: Path) -> None:
    veiled = exchanges()
    names = [f"{i % 6 + 1:016x}" for i in range(len(veiled))]
    veiled = veiled.set_column(veiled.column_names.index("client_ip"), "client_ip", pa.array(names))
    veiled = veiled.append_column("pseudonymised", pa.array([True] * len(veiled)))
    with taken(tmp_path / "veiled", veiled) as store:
        traits = traits_of({name: store.read(name) for name in ("traits", *CARRIED)})
    assert {row["value"] for row in traits if row["kind"] == "ip"} == set(range(1, 7))
    assert not [row for row in traits if row["kind"] == "prefix"]


def test_foreign_pseudonyms_are_hashed() -> None:
    rows, values = veiled(pa.chunked_array([["00000000000000ff", None, "user-7", "user-7"]])).single
    assert rows.tolist() == [0, 2, 3]
    assert values[0] == 255
    assert values[1] == values[2] != 0


def test_classes_are_believed_only_without_a_text(tmp_path: Path) -> None:
    told = exchanges().append_column("elicitation", pa.array(["persona"] * 48))
    silent = told.drop_columns("prompt").append_column("template_id", pa.array([f"t{i % 2}" for i in range(48)]))
    with taken(tmp_path / "told", told) as loud, taken(tmp_path / "silent", silent) as quiet:
        persona = 4
        assert sum(row["elicitations"][persona] for row in loud.read("pools").to_pylist()) == 0
        assert sum(row["elicitations"][persona] for row in quiet.read("pools").to_pylist()) == 48
        assert len(set(quiet.read("content").column("template").to_pylist())) == 2


def silent(rows: int = 48) -> pa.Table:
    return exchanges(rows).drop_columns("prompt")


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("cuts", [[0, 48], [0, 5, 30, 48], [0, 1, 2, 3, 48]])
def test_how_a_silent_log_is_cut_into_files_changes_nothing(tmp_path: Path, cuts: list[int], fresh: bool) -> None:
    log = silent()
    parts = [log.slice(low, high - low) for low, high in itertools.pairwise(cuts)]
    # a repeat in a later file counts nowhere, wherever files are cut
    again = log.slice(3, 2).set_column(1, "started_at", log.column("started_at").slice(40, 2))
    with taken(tmp_path / "whole", log) as whole, taken(tmp_path / "cut", *parts, again, fresh=fresh) as cut:
        assert sum(file.rows for file in cut.files()) == 48
        assert [file.rows for file in cut.files()] == [len(part) for part in parts] + [0]
        for name in TABLES:
            assert cut.read(name).equals(whole.read(name)), name


def test_files_without_text_wait_for_each_other(tmp_path: Path) -> None:
    quiet = [silent().slice(at * 8, 8) for at in range(3)]
    with taken(tmp_path / "store", *quiet, exchanges(64).slice(48)) as store, store.snapshot() as snapshot:
        assert len(snapshot.paths("activity")) == 2
        assert [file.rows for file in store.files()] == [8, 8, 8, 16]


def test_a_file_out_of_its_time_is_counted_as_it_would_be_alone(tmp_path: Path) -> None:
    late, early = silent().slice(24), silent().slice(0, 24)
    with taken(tmp_path / "whole", silent()) as whole, taken(tmp_path / "cut", late, early) as cut:
        for name in TABLES:
            assert cut.read(name).equals(whole.read(name)), name


def test_what_waits_before_a_bad_file_is_taken(tmp_path: Path) -> None:
    paths = [tmp_path / f"{at}.parquet" for at in range(3)]
    bad = silent().set_column(4, "input_tokens", pa.array([-1] * 48))
    for path, table in zip(paths, [silent().slice(0, 8), bad, silent().slice(8, 8)], strict=True):
        pq.write_table(table, path)
    with Store.open(tmp_path / "store") as store:
        with pytest.raises(InputError, match="smallest legal value"):
            intake(store).take(find(paths), Reading(EXCHANGES), lambda *_: None)
        assert [file.rows for file in store.files()] == [8]
        assert sum(store.read("activity").column("n").to_pylist()) == 8


def test_one_content_counts_once_among_files_that_wait(tmp_path: Path) -> None:
    with taken(tmp_path / "twice", silent(), silent()) as store:
        assert [file.rows for file in store.files()] == [48]


def test_an_address_carries_its_network_and_both_epochs(tmp_path: Path) -> None:
    with taken(tmp_path / "store", silent()) as store:
        addresses = store.read("addresses").to_pylist()
        traits = traits_of({name: store.read(name) for name in ("traits", *CARRIED)})
    assert len({row["prefix"] for row in addresses}) == 1
    assert all(row["ip"] and row["ip_before"] and row["prefix_before"] for row in addresses)
    for kind in ("ip", "prefix"):
        assert sum(row["n"] for row in traits if row["kind"] == kind) == 2 * 48
