"""Merging agrees with a plain Python fold and does not care about order or grouping."""

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spiritsafe.engine.fold import fold as merge
from spiritsafe.engine.merge import merged, merged_again
from spiritsafe.engine.tables import BODY_SAMPLE, TABLES, Merge, Table

RowMaker = Callable[[Table, int, int], pa.Table]
MANY = settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())


# The rules once more, each as plainly as it is stated; every one takes the rows of one key.
def _counted(rows: list[dict[str, Any]], name: str, sample: str) -> list[int]:
    counts: Counter[int] = Counter()
    for row in rows:
        counts.update(dict(zip(row[sample], row[name], strict=True)))
    return [counts[value] for value in PLAIN[Merge.BOTTOM_K](rows, sample)]


def _newest(rows: list[dict[str, Any]], name: str) -> Any:
    last = max(row["last_us"] for row in rows)
    return max((row[name] for row in rows if row["last_us"] == last and row[name] is not None), default=None)


def _longest(rows: list[dict[str, Any]], name: str) -> Any:
    known = [row[name] for row in rows if row[name] is not None]
    return max(known, key=lambda text: (len(text), text), default=None)


PLAIN: dict[Merge, Callable[[list[dict[str, Any]], str], Any]] = {
    Merge.KEY: lambda rows, name: rows[0][name],
    Merge.SUM: lambda rows, name: sum(row[name] for row in rows),
    Merge.MIN: lambda rows, name: min(row[name] for row in rows),
    Merge.MAX: lambda rows, name: max(row[name] for row in rows),
    Merge.VECTOR_SUM: lambda rows, name: [sum(c) for c in zip(*(row[name] for row in rows), strict=True)],
    Merge.BOTTOM_K: lambda rows, name: sorted({v for row in rows for v in row[name]})[:BODY_SAMPLE],
    Merge.LATEST: _newest,
    Merge.LONGEST: _longest,
}


def _fold(rows: list[dict[str, Any]], table: Table) -> dict[str, Any]:
    out: dict[str, Any] = {}
    before = ""
    for name, rule in zip(table.schema.names, table.merges, strict=True):
        counted = rule is Merge.BOTTOM_K_COUNT
        out[name] = _counted(rows, name, before) if counted else PLAIN[rule](rows, name)
        before = name
    return out


def _oracle(rows: pa.Table, table: Table) -> list[dict[str, Any]]:
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows.to_pylist():
        groups[tuple(row[key] for key in table.keys)].append(row)
    return [_fold(groups[key], table) for key in sorted(groups)]


@every_table
@MANY
@given(n=st.integers(0, 60), seed=st.integers(0, 2**32))
def test_merge_equals_the_plain_fold(random_rows: RowMaker, table: Table, n: int, seed: int) -> None:
    rows = random_rows(table, n, seed)
    assert merge(rows, table).to_pylist() == _oracle(rows, table)


@every_table
@pytest.mark.parametrize("seed", [3, 4])
def test_the_expression_says_what_the_fold_says(random_rows: RowMaker, table: Table, seed: int) -> None:
    rows = random_rows(table, 60, seed)
    once = merge(rows, table)
    again = pa.concat_tables([once, merge(rows.slice(20), table)])
    for expression, taken in ((merged, rows), (merged_again, again)):
        got = expression(ibis.memtable(taken), table).order_by(table.keys).to_pyarrow().cast(table.schema)
        assert got.to_pylist() == _oracle(taken, table)


@pytest.mark.parametrize("name", ["pools", "sentences"])
def test_samples_that_are_unsorted_repeated_or_too_long_are_put_in_order(random_rows: RowMaker, name: str) -> None:
    table = TABLES[name]
    rng = np.random.default_rng(8)
    rows = random_rows(table, 12, 2).to_pylist()
    for row in rows:
        for sample in ("bodies", "instances"):
            if sample in row:
                row[sample] = rng.permutation(200)[: int(rng.integers(1, 150))].tolist()
                row["body_n"] = [2] * len(row[sample])
    disordered = pa.Table.from_pylist(rows, schema=table.schema)
    assert merge(disordered, table).to_pylist() == _oracle(disordered, table)


@every_table
@MANY
@given(n=st.integers(0, 60), cut=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_merge_is_associative_commutative_and_stable(
    random_rows: RowMaker, table: Table, n: int, cut: float, seed: int
) -> None:
    rows = random_rows(table, n, seed)
    whole = merge(rows, table)
    at = int(cut * n)
    parts = [merge(rows.slice(at), table), merge(rows.slice(0, at), table)]
    shuffled = rows.take(pa.array(np.random.default_rng(seed).permutation(n), pa.int64()))
    assert merge(pa.concat_tables(parts), table).equals(whole)
    assert merge(shuffled, table).equals(whole)
    assert merge(whole, table).equals(whole)


IDEMPOTENT = {Merge.KEY, Merge.MIN, Merge.MAX, Merge.BOTTOM_K, Merge.LATEST, Merge.LONGEST}


@pytest.mark.parametrize("name", [t.name for t in TABLES.values() if set(t.merges) <= IDEMPOTENT])
@MANY
@given(seed=st.integers(0, 2**32))
def test_tables_without_sums_do_not_mind_repetition(random_rows: RowMaker, name: str, seed: int) -> None:
    rows = random_rows(TABLES[name], 30, seed)
    assert merge(pa.concat_tables([rows, rows]), TABLES[name]).equals(merge(rows, TABLES[name]))


def test_counts_of_surviving_hashes_are_exact(random_rows: RowMaker) -> None:
    """Truncating every part first loses nothing that the union keeps."""
    table = TABLES["pools"]
    base = random_rows(table, 1, 3).to_pylist()[0]
    rng = np.random.default_rng(5)
    truth: Counter[int] = Counter()
    parts = []
    for _ in range(8):
        hashes = Counter(rng.integers(-(2**62), 2**62, 90).tolist() + list(range(40)))
        truth.update(hashes)
        kept = sorted(hashes)
        row = base | {"bodies": kept, "body_n": [hashes[value] for value in kept]}
        parts.append(merge(pa.Table.from_pylist([row], schema=table.schema), table))
        assert len(parts[-1]["bodies"][0]) == BODY_SAMPLE
    whole = merge(pa.concat_tables(parts), table).to_pylist()[0]
    assert whole["bodies"] == sorted(truth)[:BODY_SAMPLE]
    assert whole["body_n"] == [truth[value] for value in whole["bodies"]]


@pytest.mark.parametrize("column", ["n", "shape"])
def test_a_sum_beyond_int64_fails_and_never_wraps(random_rows: RowMaker, column: str) -> None:
    table = TABLES["traits" if column == "n" else "pools"]
    row = random_rows(table, 1, 0).to_pylist()[0]
    row[column] = 2**62 if column == "n" else [2**62] * table.width("shape")
    rows = pa.Table.from_pylist([row, row], schema=table.schema)
    with pytest.raises(OverflowError):
        merge(rows, table)


def test_vectors_from_before_a_vocabulary_grew_count_as_padded_with_zeros(random_rows: RowMaker) -> None:
    table = TABLES["pools"]
    both = [row | {"account": 1, "template": 1, "day": 1} for row in random_rows(table, 2, 1).to_pylist()]
    both[0]["shape"] = [7, 7]
    alone = both[0] | {"account": 2}
    rows = pa.Table.from_pylist([*both, alone], schema=table.schema)
    longer = [7, 7] + [0] * (table.width("shape") - 2)
    expected = [[a + b for a, b in zip(both[1]["shape"], longer, strict=True)], longer]
    backend = ibis.memtable(rows)
    for merging in (merged, merged_again):
        got = merging(backend, table).order_by(table.keys).to_pyarrow()
        assert got["shape"].to_pylist() == expected
    assert merge(rows, table)["shape"].to_pylist() == expected


def test_every_vector_column_has_a_width() -> None:
    vectors = [
        (table, name)
        for table in TABLES.values()
        for name, rule in zip(table.schema.names, table.merges, strict=True)
        if rule is Merge.VECTOR_SUM
    ]
    assert vectors
    assert all(table.width(name) > 0 for table, name in vectors)


@every_table
def test_the_rules_that_need_company_have_it(table: Table) -> None:
    """LATEST needs a last_us to compare; counts need a sample before them."""
    rules = dict(zip(table.schema.names, table.merges, strict=True))
    assert Merge.LATEST not in table.merges or rules["last_us"] is Merge.MAX
    for before, rule in zip((None, *table.merges), table.merges, strict=False):
        assert rule is not Merge.BOTTOM_K_COUNT or before is Merge.BOTTOM_K


@every_table
def test_the_expression_runs_on_a_bound_backend_with_many_threads(random_rows: RowMaker, table: Table) -> None:
    rows = random_rows(table, 1000, 11)
    with duckdb.connect(config={"threads": "4"}) as connection:
        connection.register("rows", pa.concat_tables([rows] * 20))
        bound = ibis.duckdb.from_connection(connection).table("rows")
        got = merged(bound, table).order_by(table.keys).to_pyarrow().cast(table.schema)
    assert got.to_pylist() == _oracle(pa.concat_tables([rows] * 20), table)
