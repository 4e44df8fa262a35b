"""A table read range by range is the table; neither the cut nor the segments show."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from spiritsafe.engine import ranges
from spiritsafe.engine.fold import fold as merge
from spiritsafe.engine.ranges import between, folded, span, texts
from spiritsafe.engine.segments import write_segment
from spiritsafe.engine.tables import TABLES

RowMaker = Callable[[pa.Table, int, int], pa.Table]


def _segments(root: Path, name: str, parts: list[pa.Table]) -> list[Path]:
    table = TABLES[name]
    return [
        root / write_segment(root, table, f"{at:03d}", merge(part, table).to_batches()).path
        for at, part in enumerate(parts)
    ]


@pytest.mark.parametrize("rows", [7, 10**6])
@pytest.mark.parametrize("name", ["activity", "content", "seen", "identities", "traits"])
def test_the_pieces_are_the_merged_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, random_rows: RowMaker, name: str, rows: int
) -> None:
    monkeypatch.setattr(ranges, "_ROWS", rows)  # many small ranges, or one
    table = TABLES[name]
    parts = [_spread(random_rows(table, 60, seed), seed) for seed in range(4)]
    paths = _segments(tmp_path, name, parts)
    expected = merge(pa.concat_tables(parts), table)
    kinds = sorted(set(expected.column("kind").to_pylist())) if name == "traits" else [""]
    pieces = list(folded(table, paths, table.schema.names, kinds))
    assert pa.concat_tables(pieces).equals(expected)
    assert (len(pieces) > 3 * len(kinds)) == (rows == 7)


def _spread(rows: pa.Table, seed: int) -> pa.Table:
    """The same rows with hashes all over the range, as real ones are, a few shared between parts."""
    name = "exchange" if "exchange" in rows.column_names else "account"
    hashes = np.random.default_rng(seed % 2).integers(-(2**63), 2**63 - 1, len(rows))
    return rows.set_column(rows.column_names.index(name), rows.schema.field(name), pa.array(hashes))


def test_only_the_columns_asked_for_are_read(tmp_path: Path, random_rows: RowMaker) -> None:
    paths = _segments(tmp_path, "activity", [random_rows(TABLES["activity"], 30, 1)])
    (piece,) = folded(TABLES["activity"], paths, ["n"])
    assert piece.column_names == ["account", "hour", "n"]


def test_a_kind_that_is_not_asked_for_is_left_out(tmp_path: Path, random_rows: RowMaker) -> None:
    paths = _segments(tmp_path, "traits", [random_rows(TABLES["traits"], 80, seed) for seed in (1, 2)])
    kinds = texts(paths, "kind")
    assert len(kinds) > 2
    told = pa.concat_tables(folded(TABLES["traits"], paths, ["n"], kinds[1:2]))
    assert set(told.column("kind").to_pylist()) == {kinds[1]}


def test_rows_between_two_hours_and_the_span_of_all(tmp_path: Path) -> None:
    seen = TABLES["seen"].schema
    parts = [pa.table({"exchange": [1, 2, 3], "hour": [5, 9, 7]}, schema=seen)]
    parts.append(pa.table({"exchange": [4], "hour": [20]}, schema=seen))
    paths = _segments(tmp_path, "seen", parts)
    assert sorted(between(paths, TABLES["seen"], "hour", 7, 20).column("exchange").to_pylist()) == [2, 3, 4]
    assert span(paths, "hour") == (5, 20)
    assert span([], "hour") is None
    assert between([], TABLES["seen"], "hour", 0, 1).num_rows == 0


def test_a_segment_that_is_not_in_order_is_an_error(tmp_path: Path) -> None:
    rows = pa.table({"exchange": [1, 3, 2], "hour": [5, 5, 5]}, schema=TABLES["seen"].schema)
    path = tmp_path / write_segment(tmp_path, TABLES["seen"], "000", rows.to_batches()).path
    with pytest.raises(pa.ArrowInvalid, match="order"):
        list(folded(TABLES["seen"], [path], []))


def test_a_sum_that_leaves_64_bits_is_an_error(tmp_path: Path) -> None:
    content = TABLES["content"].schema
    row = {"account": [4], "template": [5], "hour": [6], "n": [2**62], "single_turn": [1]}
    paths = _segments(tmp_path, "content", [pa.table(row, schema=content)] * 2)
    with pytest.raises(OverflowError):
        list(folded(TABLES["content"], paths, ["n"]))


def test_segments_without_rows_and_extreme_hashes(tmp_path: Path) -> None:
    seen = TABLES["seen"].schema
    parts = [pa.table({"exchange": [-(2**63), 2**63 - 1], "hour": [1, 2]}, schema=seen), seen.empty_table()]
    paths = _segments(tmp_path, "seen", [*parts, parts[0].slice(1)])
    assert pa.concat_tables(folded(TABLES["seen"], paths, [])).equals(parts[0])
    assert list(folded(TABLES["seen"], [], [])) == []
