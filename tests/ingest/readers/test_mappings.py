"""What holds for every foreign format: told apart, documented, and no record that could break a scan."""

import csv
import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spiritsafe.ingest.batch import Batch, Limits
from spiritsafe.ingest.quarantine import Quarantine
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.readers import READERS, Format
from spiritsafe.ingest.readers.records import RecordReader, Rows
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import ACCOUNTS, EXCHANGES
from spiritsafe.model.errors import InputError
from spiritsafe.model.settings import OnError
from spiritsafe.wire.objects import Record
from spiritsafe.wire.unfit import Unfit

FOREIGN = {form: reader for form, reader in READERS.items() if isinstance(reader, RecordReader)}
TEXTUAL: dict[Format, RecordReader] = {
    form: reader for form, reader in FOREIGN.items() if form is not Format.OTLP_PROTOBUF
}
Batches = Callable[..., list[Batch]]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
VALUES = SCALARS | st.sampled_from([[], {}, [{}], [None], "{", "[1]", '{"a": 1}', -1, 2**64, "user", "\0", [[[]]]])
SETTINGS = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _records(example: bytes) -> list[Record]:
    """Return an example's records, whatever frames them."""
    if not example.lstrip().startswith((b"{", b"[")):
        return list(csv.DictReader(io.StringIO(example.decode())))
    with suppress(json.JSONDecodeError):
        whole = json.loads(example)
        return whole if isinstance(whole, list) else [whole]
    return [json.loads(line) for line in example.splitlines()]


def _rows(example: bytes, batches: Batches, path: Path) -> list[dict[str, Any]]:
    path.write_bytes(example)
    return [row for batch in batches(path) for row in batch.table.to_pylist()]


@pytest.mark.parametrize("form", FOREIGN)
def test_a_mapping_says_where_every_column_is_from(form: Format, batches: Batches, tmp_path: Path) -> None:
    reader = FOREIGN[form]
    rows = [row for example in reader.examples() for row in _rows(example, batches, tmp_path / "log")]
    filled = {name for row in rows for name, value in row.items() if value is not None}
    assert filled == set(reader.mapping.sources)
    assert set(reader.mapping.sources) <= {column.name for column in EXCHANGES.columns}
    assert set(EXCHANGES.required) <= set(reader.mapping.sources)
    assert set(reader.mapping.hints) <= set(EXCHANGES.required)


@pytest.mark.parametrize("form", FOREIGN)
def test_every_example_is_read_without_a_bad_record(form: Format, batches: Batches, tmp_path: Path) -> None:
    for example in FOREIGN[form].examples():
        (tmp_path / "log").write_bytes(example)
        taken = batches(tmp_path / "log")
        assert [bad for batch in taken for bad in batch.rejected] == []
        assert sum(batch.table.num_rows for batch in taken)


@pytest.mark.parametrize("form", [Format.JSONL, Format.CSV, *TEXTUAL])
def test_no_format_is_taken_for_another(form: Format) -> None:
    for example in READERS[form].examples():
        takers = {f for f, reader in FOREIGN.items() for r in _records(example) if reader.mapping.recognises(r)}
        assert takers <= {form}


@pytest.mark.parametrize("form", FOREIGN)
def test_a_foreign_log_is_no_other_table(form: Format, tmp_path: Path) -> None:
    (tmp_path / "accounts").write_bytes(FOREIGN[form].examples()[0])
    with pytest.raises(InputError, match="which holds exchanges and no accounts table"):
        list(Reading(ACCOUNTS).batches(source(tmp_path / "accounts")))


@pytest.mark.parametrize("form", FOREIGN)
def test_a_file_of_another_format_is_refused(form: Format, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b'{"colour": "red"}\n' * 5)
    with pytest.raises(InputError, match=r"exchange_id is read from|is no OTLP trace|is no line of|is damaged"):
        list(Reading(EXCHANGES, format=form).batches(source(tmp_path / "log")))


def _paths(value: object, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything inside a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, item in inside for path in [(*at, key), *_paths(item, (*at, key))]]


def _changed(value: Any, path: tuple[Any, ...], new: object) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _changed(copy[path[0]], path[1:], new)
    return copy


ODD: tuple[object, ...] = (
    None,
    True,
    -1,
    2**64,
    10**400,
    0.5,
    float("nan"),
    "",
    "-",
    "word",
    "\0",
    "\ud800",
    "[1]",
    [],
    {},
    [[]],
    {"a": [{}]},
)


@pytest.mark.parametrize("form", TEXTUAL)
def test_any_field_may_hold_anything(form: Format, tmp_path: Path) -> None:
    records = _records(FOREIGN[form].examples()[0])
    changed = [_changed(record, path, odd) for record in records for path in _paths(record) for odd in ODD]
    (tmp_path / "log").write_text("".join(json.dumps(record) + "\n" for record in [*records, *changed]))
    with Quarantine(tmp_path / "quarantine.jsonl") as quarantine:
        reading = Reading(EXCHANGES, OnError.QUARANTINE, quarantine, form)
        for batch in reading.batches(source(tmp_path / "log")):
            batch.table.validate(full=True)
    assert reading.stats.files == 1
    assert reading.stats.rows > len(changed) / 3
    assert reading.stats.rows + reading.stats.quarantined + reading.stats.passed >= len(changed)


@pytest.mark.parametrize("form", TEXTUAL)
@SETTINGS
@given(data=st.data())
def test_any_change_gives_rows_rejects_or_an_error(form: Format, data: st.DataObject, tmp_path: Path) -> None:
    example = data.draw(st.sampled_from(FOREIGN[form].examples()))
    records = [record for record in _records(example) for _ in range(2)]
    paths = _paths(records)
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(paths))
        with suppress(KeyError, IndexError, TypeError, ValueError):
            records = _changed(records, path, data.draw(VALUES))
    framed = data.draw(st.sampled_from([json.dumps(records), "\n".join(map(json.dumps, records))]))
    (tmp_path / "log").write_text(framed)
    with Quarantine(tmp_path / "quarantine.jsonl") as quarantine:
        reading = Reading(EXCHANGES, OnError.QUARANTINE, quarantine, form, Limits(rows=3))
        with suppress(InputError):
            for batch in reading.batches(source(tmp_path / "log")):
                batch.table.validate(full=True)
                assert len(batch.row_numbers) == batch.table.num_rows <= 3
    if reading.stats.files:
        accounted = reading.stats.rows + reading.stats.quarantined + reading.stats.passed
        assert accounted >= len(records) or form is Format.OTLP_JSON  # a request may hold no span


CONFIDED = "secret-that-nobody-may-read"
HOLDING_KEYS: tuple[dict[str, Any], ...] = (
    {"authorization": CONFIDED, "x-api-key": f"sk-{CONFIDED}"},
    {"metadata": {"headers": {"Authorization": [f"Basic {CONFIDED}"]}}, "litellm_params": {"api_key": CONFIDED}},
    {"proxy_server_request": json.dumps({"headers": {"api-key": CONFIDED}, "body": {}})},
    {"attributes": [{"key": "http.request.header.authorization", "value": {"stringValue": CONFIDED}}]},
    {"attributes": {"http.request.header.cookie": [CONFIDED]}, "helicone-auth": CONFIDED},
)


@pytest.mark.parametrize("form", FOREIGN)
@pytest.mark.parametrize("holding", HOLDING_KEYS, ids=range(len(HOLDING_KEYS)))
def test_no_format_keeps_a_key_of_a_refused_record(form: Format, holding: dict[str, Any]) -> None:
    rows = Rows(FOREIGN[form].mapping, "log")
    given = {**holding, "kept": "words"}
    for one in (json.dumps(given).encode(), given, [json.dumps(value) for value in given.values()]):
        rows.refuse(1, Unfit("is bad"), one)
    told = json.dumps([rejected.record for rejected in rows.rejected[:2]])
    assert CONFIDED not in told
    assert told.count("words") == 2


@pytest.mark.parametrize("form", [form for form in TEXTUAL if form is not Format.HAR])
def test_a_line_that_is_cut_off_is_set_aside_without_its_key(form: Format, tmp_path: Path) -> None:
    good = READERS[form].examples()[0].splitlines()[0]
    torn = b'{"headers": {"Authorization": "%b"}, ' % CONFIDED.encode() + good[1:-2]
    (tmp_path / "log").write_bytes(good + b"\n" + torn + b"\n")
    with Quarantine(tmp_path / "aside") as aside:
        reading = Reading(EXCHANGES, OnError.QUARANTINE, aside, form)
        assert sum(batch.table.num_rows for batch in reading.batches(source(tmp_path / "log")))
    kept = (tmp_path / "aside").read_text("ascii")
    assert (reading.stats.quarantined, CONFIDED in kept, "key kept out" in kept) == (1, False, True)


def test_a_request_of_protobuf_that_does_not_decode_is_set_aside_without_its_key(tmp_path: Path) -> None:
    good = FOREIGN[Format.OTLP_PROTOBUF].examples()[0]
    header = b"\x0a\x21http.request.header.authorization\x12"
    value = b"\x0a" + bytes([len(CONFIDED)]) + CONFIDED.encode()
    torn = b"\x0a\x7f" + (header + bytes([len(value)]) + value + b" after").ljust(127, b"\xff")
    (tmp_path / "log").write_bytes(good + torn)
    with Quarantine(tmp_path / "aside") as aside:
        reading = Reading(EXCHANGES, OnError.QUARANTINE, aside)
        assert sum(batch.table.num_rows for batch in reading.batches(source(tmp_path / "log")))
    kept = (tmp_path / "aside").read_text("ascii")
    assert (reading.stats.quarantined, CONFIDED in kept, "key kept out" in kept) == (1, False, True)
