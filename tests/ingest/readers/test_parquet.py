"""Parquet: any writer's types become the contract's, in bounded batches."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from spiritsafe.ingest.batch import Batch, Limits
from spiritsafe.model.errors import InputError

Write = Callable[..., Path]
Read = Callable[..., tuple[list[Any], list[tuple[int, str]]]]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("n", pa.array([1, 2], pa.uint8()), 1),
        ("n", pa.array([1.0, None]), 1),
        ("n", pa.array([Decimal(1), None]), 1),
        ("n", pa.nulls(2), None),
        ("temperature", pa.array([1, 2], pa.int16()), 1.0),
        ("temperature", pa.array([0.5, 2], pa.float32()), 0.5),
        ("prompt", pa.array(["a", "b"]).dictionary_encode(), "a"),
        ("prompt", pa.array(["a", "b"], pa.large_string()), "a"),
        ("prompt", pa.array([b"a", b"\xff"]), "a"),
        ("sketch", pa.array([b"\0", b"b"], pa.binary(1)), b"\0"),
        ("sketch", pa.array(["AAE=", None]), b"\0\1"),
    ],
)
def test_types_that_hold_the_same_values_are_taken(
    parquet: Write, read: Read, name: str, values: pa.Array, expected: object
) -> None:
    good, bad = read(parquet(**{name: values}))
    assert good[0][name] == expected
    assert bad == []


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("input_tokens", pa.array([1.5, 2.0])),
        ("input_tokens", pa.array([float("nan"), 2.0])),
        ("input_tokens", pa.array([2**63, 2], pa.uint64())),
        ("input_tokens", pa.array([Decimal("1.5"), Decimal(2)])),
        ("input_tokens", pa.array([Decimal("1e40"), Decimal(2)])),
        ("input_tokens", pa.array([None, 2])),
        ("temperature", pa.array([float("inf"), 2.0])),
        ("started_at", pa.array([1, 1_767_225_600], pa.timestamp("s"))),
        ("started_at", pa.array([2**62, 1_767_225_600_000], pa.timestamp("ms"))),
        ("started_at", pa.array([1_767_225_600_000, 1_767_225_600])),
        ("started_at", pa.array(["never", "2026-01-01T00:00:00+01:00"])),
        ("account_id", pa.array([b"\xff", b"a"])),
        ("account_id", pa.array([b"\xff", b"a"]).view(pa.string())),
    ],
)
def test_one_bad_row_is_found_and_the_other_stands(parquet: Write, read: Read, name: str, values: pa.Array) -> None:
    good, bad = read(parquet(**{name: values}))
    assert bad == [(1, name)]
    assert len(good) == 1


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"input_tokens": ["1", "2"]}, "holds string where the contract wants int64"),
        ({"stream": [1, 0]}, "holds int64 where the contract wants bool"),
        ({"prompt": [{"a": 1}, {"a": 2}]}, "holds struct"),
        ({"model": ...}, "missing: model; columns found: exchange_id"),
    ],
)
def test_a_file_that_no_row_of_can_fit_is_refused(
    parquet: Write, read: Read, columns: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(parquet(**columns))


def test_a_cut_file_is_refused(parquet: Write, read: Read) -> None:
    path = parquet()
    whole = path.read_bytes()
    for length in range(5, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="damaged or cut off"):
            read(path)


def test_batches_keep_their_bounds(parquet: Write, batches: Callable[..., list[Batch]]) -> None:
    many = {name: [name] * 1000 for name in ("exchange_id", "account_id", "model", "prompt")}
    numbers = {name: [7] * 1000 for name in ("input_tokens", "output_tokens")}
    path = parquet(**many, **numbers, started_at=pa.array([1_767_225_600] * 1000))
    taken = batches(path, Limits(rows=300))
    assert [batch.table.num_rows for batch in taken] == [300, 300, 300, 100]
    assert [int(batch.row_numbers[0]) for batch in taken] == [1, 301, 601, 901]


def test_a_long_text_that_a_dictionary_holds_once_is_counted_in_every_row(
    parquet: Write, batches: Callable[..., list[Batch]]
) -> None:
    rows = 20_000
    columns = {name: pa.array(["x"] * rows) for name in ("exchange_id", "account_id", "model")}
    tokens = {name: pa.array([7] * rows) for name in ("input_tokens", "output_tokens")}
    path = parquet(
        **columns, **tokens, started_at=pa.array([1_767_225_600] * rows), prompt=pa.array(["y" * 2_000] * rows)
    )
    assert path.stat().st_size < 100_000
    taken = batches(path, Limits(batch_bytes=4 << 20))
    assert sum(batch.table.num_rows for batch in taken) == rows
    assert max(batch.table.nbytes for batch in taken) < 16 << 20
