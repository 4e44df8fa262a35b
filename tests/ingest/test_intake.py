"""Intake: a gateway's sketches say what the texts would have said, and pseudonyms are taken as they are."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spiritsafe.engine.store import Store
from spiritsafe.ingest.entities import Entities
from spiritsafe.ingest.intake import Intake
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.sources import find
from spiritsafe.ingest.told import told_pseudonyms
from spiritsafe.ingest.traits import Traits
from spiritsafe.model.columns import EXCHANGES
from spiritsafe.model.epochs import Epochs
from spiritsafe.model.settings import IngestSettings
from spiritsafe.privacy.keys import MasterKey
from spiritsafe.privacy.pseudonyms import Pseudonymiser
from spiritsafe.sketch.codec import encode
from spiritsafe.sketch.sketches import sketch_texts

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


def taken(folder: Path, table: pa.Table) -> Store:
    """A store that holds ``table``."""
    folder.mkdir()
    pq.write_table(table, folder / "log.parquet")
    traits = Traits(Pseudonymiser(MasterKey(bytes(32)), Epochs(180, 60)), KEY, Entities())
    store = Store.open(folder / "store")
    Intake(store, IngestSettings(), KEY, traits).take(
        find([folder / "log.parquet"]), Reading(EXCHANGES), lambda *_: None
    )
    return store


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
        traits = store.read("traits").to_pylist()
    assert {row["value"] for row in traits if row["kind"] == "ip"} == set(range(1, 7))
    assert not [row for row in traits if row["kind"] == "prefix"]


def test_foreign_pseudonyms_are_hashed() -> None:
    rows, values = told_pseudonyms(pa.chunked_array([["00000000000000ff", None, "user-7", "user-7"]]))
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
