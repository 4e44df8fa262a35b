"""Rules of the contract on typed columns, and what a rejection may say."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.ingest.batch import Given
from spiritsafe.ingest.convert import convert
from spiritsafe.ingest.validate import check, require, settle
from spiritsafe.ingest.values import show
from spiritsafe.model.columns import ACCOUNTS, EXCHANGES, LINKS, Column, Kind, TableSpec
from spiritsafe.model.errors import InputError

ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.none())


def _settle(spec: TableSpec, **columns: list[object]) -> Any:
    rows = np.arange(1, 1 + len(next(iter(columns.values()))))
    return settle(Given(columns, rows, lambda position: position), spec, "log")


@pytest.mark.parametrize("kind", list(Kind))
@settings(deadline=None)
@given(values=st.lists(ANYTHING))
def test_a_column_of_anything_is_typed_value_by_value(kind: Kind, values: list[object]) -> None:
    column = Column("c", kind)
    whole = convert(values, column)
    faulty = {fault.position for fault in whole.faults}
    for position, value in enumerate(values):
        alone = convert([value], column)
        assert bool(alone.faults) == (position in faulty)
        # repr, so that NaN equals itself
        assert repr(alone.array[0].as_py()) == repr(whole.array[position].as_py())


@settings(deadline=None)
@given(st.lists(st.none() | st.integers(-5, 5)))
def test_the_minimum_blames_exactly_the_rows_below_it(values: list[int | None]) -> None:
    column = Column("n", Kind.INT64, minimum=0)
    blamed = [fault.position for fault in check(convert(list(values), column).array, column)]
    assert blamed == [at for at, value in enumerate(values) if value is not None and value < 0]


def test_an_open_vocabulary_takes_what_a_closed_one_refuses() -> None:
    batch = _settle(ACCOUNTS, account_id=["a", "b", "c"], programme=["research", "guest", None])
    assert batch.row_numbers.tolist() == [1, 3]
    (bad,) = batch.rejected
    assert (bad.row, bad.column, bad.record) == (2, "programme", 1)
    assert "'guest' is none of none, education" in bad.reason
    assert not _settle(LINKS, account_id=["a"], family=["my own"], value=["v"]).rejected


def test_the_first_column_in_contract_order_is_blamed() -> None:
    batch = _settle(LINKS, value=[None], family=[3], account_id=["a"])
    assert [bad.column for bad in batch.rejected] == ["family"]


@pytest.mark.parametrize("name", [column.name for column in EXCHANGES.columns if column.private])
def test_a_private_value_never_reaches_a_message(name: str) -> None:
    column = EXCHANGES.column(name)
    assert column is not None
    for value in ("203.0.113.9", "203.0.113.9\0", ["203.0.113.9"], 203, b"203.0.113.9"):
        assert "203" not in show(value, column)
        reasons = [fault.reason for fault in convert([value], column).faults]
        assert not any("203" in reason for reason in reasons)


def test_a_shown_value_is_short_and_on_one_line() -> None:
    shown = show("a\n\x1b[31m" + "x" * 10_000, Column("c", Kind.STRING))
    assert len(shown) < 60
    assert shown.isprintable()


def test_optional_text_is_repaired_and_an_id_is_refused() -> None:
    dirty: list[object] = ["fine", "a\0b", "\ud83d", "\udcff"]
    optional = convert(dirty, Column("c", Kind.STRING))
    assert optional.array.to_pylist() == ["fine", "a\ufffdb", "\ufffd", "\ufffd"]
    assert (optional.repaired, optional.faults) == (3, ())
    required = convert(dirty, Column("c", Kind.STRING, required=True))
    assert [fault.position for fault in required.faults] == [1, 2, 3]


def test_a_missing_column_is_named_beside_those_found() -> None:
    with pytest.raises(InputError, match="missing: family, value; columns found: account_id, famly"):
        require(["account_id", "famly"], LINKS, "links.csv")


def test_a_column_of_a_type_that_cannot_fit_ends_the_file() -> None:
    given = Given({"account_id": pa.chunked_array([[1, 2]])}, np.array([1, 2]), lambda position: None)
    with pytest.raises(InputError, match="'account_id': holds int64 where the contract wants string"):
        settle(given, LINKS, "links.parquet")
