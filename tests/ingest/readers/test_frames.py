"""Where records begin and end, however a file frames its JSON."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.readers.frames import values
from spiritsafe.ingest.readers.lines import filled, stretches
from spiritsafe.ingest.sources import source
from spiritsafe.model.errors import InputError

Read = Callable[..., tuple[list[Any], list[tuple[int, str]]]]
Exchange = Callable[..., dict[str, Any]]
WITHIN = frozenset({"data"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(st.dictionaries(st.text(max_size=6), JSON, max_size=4), max_size=7)


class _Drops(io.BytesIO):
    """A stream that gives little at a time, so that every boundary is crossed."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self.most = most

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self.most)


def _values(data: bytes, within: frozenset[str] = WITHIN, most: int = 1 << 20) -> list[Any]:
    return [json.loads(value) for value in values(_Drops(data, most), Limits(), "log", within)]


@settings(deadline=None)
@given(RECORDS, st.sampled_from([None, 0, 3]), st.integers(3, 40))
def test_every_framing_gives_the_same_records(records: list[Any], indent: int | None, most: int) -> None:
    array = json.dumps(records, indent=indent).encode()
    wrapped = json.dumps({"object": "list", "data": records, "meta": {"data": [1]}}, indent=indent).encode()
    one_by_one = "\n".join(json.dumps(record, indent=indent) for record in records).encode()
    assert _values(array, most=most) == records
    assert _values(b"\xef\xbb\xbf" + array + b"\n" + array, most=most) == records * 2
    assert _values(wrapped + wrapped, most=most) == records * 2
    assert _values(one_by_one, frozenset(), most) == records


@pytest.mark.parametrize(
    "data", [b'{"data": "x"}', b'{"data": {"data": [1]}}', b'{"a": {"data": [1]}}', b'{"a":"data"}']
)
def test_a_name_wraps_records_only_where_an_array_follows_on_top(data: bytes) -> None:
    assert _values(data) == [json.loads(data)]


@pytest.mark.parametrize(
    "data", [b"[", b"[{}", b"[1", b'{"a": ', b'[{"a": "', b'{"data": [{}]', b'[{"a": "\\', b"[[{}]"]
)
def test_a_file_that_ends_inside_a_value_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="cut off"):
        _values(data)


@pytest.mark.parametrize("data", [b'[{"a": "%s"}]', b"[%s]", b'{"a": %s}', b'[{"a": 1}, %s]', b"[{%s}]"])
def test_a_record_without_end_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="longer than 1000 bytes"):
        list(values(io.BytesIO(data % (b"1" * 3_000_000)), Limits(record_bytes=1000), "log"))


def test_what_is_no_object_is_one_record_each() -> None:
    taken = list(values(io.BytesIO(b'[1, "a,]", [2, 3], {"b" 4}, nul}] x'), Limits(), "log"))
    assert taken == [b"1", b'"a,]"', b"[2, 3]", b'{"b" 4}', b"nul", b"}", b"x"]


def test_memory_follows_the_record_and_not_the_array(tmp_path: Path) -> None:
    path = tmp_path / "log"
    record = json.dumps({"text": "x" * 1000}).encode()
    path.write_bytes(b"[" + b",".join([record] * 20_000) + b"]")
    taken = list(stretches(source(path), Limits(batch_bytes=1 << 20)))
    assert max(map(len, taken)) < (1 << 20) + 2 * len(record)
    assert sum(len(filled(stretch)) for stretch in taken) == 20_000


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_exchanges_reads_as_jsonl_does(
    tmp_path: Path, read: Read, exchange: Exchange, indent: int | None
) -> None:
    records = [exchange(1, prompt="two\nlines"), exchange(2, n=-1), exchange(3), 7, exchange(5, colour="red")]
    path = tmp_path / "log"
    path.write_text(json.dumps(records, indent=indent))
    good, bad = read(path)
    assert [row["input_tokens"] for row in good] == [1, 3, 5]
    assert good[0]["prompt"] == "two\nlines"
    assert bad == [(2, "n"), (4, "")]


def test_exchanges_over_several_lines_read_as_jsonl_does(tmp_path: Path, read: Read, exchange: Exchange) -> None:
    path = tmp_path / "log"
    path.write_text("\n".join(json.dumps(exchange(at), indent=1) for at in (1, 2)))
    good, bad = read(path)
    assert ([row["input_tokens"] for row in good], bad) == ([1, 2], [])


@pytest.mark.parametrize("broken", [b'{"a": 1,', b'{"a": "x', b'{"exchange_id": "e-9"', b'{"a": [{]}', b"{"])
def test_a_broken_first_line_is_one_bad_record(tmp_path: Path, read: Read, exchange: Exchange, broken: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(broken + b"\n" + json.dumps(exchange(1)).encode() + b"\n")
    good, bad = read(path)
    assert (len(good), bad) == (1, [(1, "")])


@settings(deadline=None)
@given(RECORDS, st.sampled_from([None, 0, 3]), st.integers(3, 40))
def test_an_array_one_level_down_is_found_by_its_path(records: list[Any], indent: int | None, most: int) -> None:
    within = frozenset({"log.entries"})
    log = {
        "version": "1.2",
        "creator": {"entries": [0]},
        "pages": [{"entries": [1]}],
        "entries": records,
        "tail": {"x": []},
    }
    around = {"entries": [2], "other": {"entries": [3]}, "log": log, "after": {"log": {"entries": [4]}}}
    document = json.dumps(around, indent=indent).encode()
    assert _values(document + b"\n" + document, within, most) == records * 2
    odd: list[Any] = [
        {"log": "entries"},
        {"log": {"entries": {}}},
        {"log": [{"entries": [1]}]},
        {"a": {"log": {"entries": [1]}}},
    ]
    assert _values(json.dumps(odd).encode(), within, most) == odd
    assert _values("\n".join(map(json.dumps, odd)).encode(), within, most) == odd


@pytest.mark.parametrize(
    "filling", [b"[", b"{", b"[],", b'["a",{}],'], ids=["arrays", "objects", "empty ones", "in each other"]
)
@pytest.mark.parametrize(
    "start", [b"[", b'{"a":', b'{"data":[', b'[{"a":'], ids=["array", "name", "wrapper", "element"]
)
def test_a_bracket_costs_no_step_of_the_interpreter(start: bytes, filling: bytes) -> None:
    """Calls are counted: with one or more for each bracket, a megabyte of gzip would cost minutes."""
    data = start + b"[" + filling * (1_000_000 // len(filling))
    next(values(io.BytesIO(b'{"a":[[]]}'), Limits(), "log", WITHIN))  # what is imported and compiled is no step
    steps = [0]

    def counted(*_: object) -> None:
        steps[0] += 1

    sys.setprofile(counted)
    try:
        with pytest.raises(InputError, match="cut off"):
            list(values(io.BytesIO(data), Limits(), "log", WITHIN))
    finally:
        sys.setprofile(None)
    assert 0 < steps[0] < 5_000
