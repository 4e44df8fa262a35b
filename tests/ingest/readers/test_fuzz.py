"""Whatever the bytes, a reader yields batches or raises InputError, and accounts for every record."""

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.quarantine import Quarantine
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.readers import READERS, Format
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import EXCHANGES
from spiritsafe.model.errors import InputError
from spiritsafe.model.settings import OnError

BOUNDS = Limits(rows=3, batch_bytes=700, record_bytes=5_000, inflation=20, inflation_floor=10_000)
SETTINGS = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = st.sampled_from([column.name for column in EXCHANGES.columns]) | st.text(max_size=4)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just("2026-01-01")
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(NAMES, SCALARS, max_size=2)
ANY_TEXT = st.text(st.characters(), max_size=8)  # lone surrogates too


Feed = Callable[[bytes, Format | None], int | None]


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    """Read bytes as a file; return how many records were accounted for, None if it was refused."""

    def feed(data: bytes, form: Format | None) -> int | None:
        path = tmp_path / "log"
        path.write_bytes(data)
        with Quarantine(tmp_path / "quarantine.jsonl") as quarantine:
            reading = Reading(EXCHANGES, OnError.QUARANTINE, quarantine, form, BOUNDS)
            with suppress(InputError):
                for batch in reading.batches(source(path)):
                    assert len(batch.row_numbers) == batch.table.num_rows <= BOUNDS.rows
                    batch.table.validate(full=True)
        whole = reading.stats.files == 1
        return reading.stats.rows + reading.stats.quarantined if whole else None

    return feed


@SETTINGS
@given(data=st.binary(max_size=400), form=st.sampled_from([None, *Format]), packed=st.booleans())
def test_random_bytes(feed: Feed, data: bytes, form: Format | None, packed: bool) -> None:
    feed(gzip.compress(data, mtime=0) if packed else data, form)


@SETTINGS
@given(
    st.sampled_from([(form, example) for form in Format for example in READERS[form].examples()]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=3)), min_size=1, max_size=6),
    st.floats(0.3, 1),
    st.booleans(),
)
def test_mutated_files(
    feed: Feed,
    example: tuple[Format, bytes],
    edits: list[tuple[float, bytes]],
    length: float,
    packed: bool,
) -> None:
    form, data = example
    data = gzip.compress(data, mtime=0) if packed and form is not Format.PARQUET else data
    for place, change in edits:
        at = int(place * len(data))
        data = data[:at] + change + data[at + len(change) :]
    feed(data[: int(length * len(data)) or 1] if length < 0.9 else data, form)


@SETTINGS
@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=12), min_size=1, max_size=9))
def test_random_json(feed: Feed, records: list[dict[str, object]]) -> None:
    base = json.loads(READERS[Format.JSONL].examples()[0].splitlines()[0])
    lines = [json.dumps(base | record) for record in records]
    assert feed("\n".join(lines).encode(), None) == len(records)


@SETTINGS
@given(st.lists(st.tuples(NAMES, ANY_TEXT), max_size=6), st.lists(ANY_TEXT, max_size=9))
def test_random_fields(feed: Feed, columns: list[tuple[str, str]], rest: list[str]) -> None:
    header = [*EXCHANGES.required, *(name for name, _ in columns)]
    row = ["e", "2026-01-01", "a", "m", "1", "2", *(value for _, value in columns)]
    lines = [",".join(header), ",".join(row), *rest]
    feed("\n".join(lines).encode("utf-8", "surrogatepass"), Format.CSV)
