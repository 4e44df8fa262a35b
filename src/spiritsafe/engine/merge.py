"""Merge rows of equal keys by the rules of ``TABLES``, as an Ibis expression.

For tables that do not fit into memory, and for an engine on many machines: it is Ibis so that DuckDB and Spark run the
same text. What fits is merged by ``fold``, which says the same.

Merging counts of a bottom-k sample is exact for every hash that survives: a hash among the k smallest
of the union is among the k smallest of each part that holds it, so no part has dropped its count
(Cohen & Kaplan, "Summarizing data using bottom-k sketches", PODC 2007).
"""

from functools import cache, reduce
from itertools import pairwise
from typing import Any

import ibis
import ibis.expr.types as ir

from spiritsafe.engine.tables import BODY_SAMPLE, Merge, Table

__all__ = ["merge_query", "merged", "merged_again"]


def merged(rows: ir.Table, table: Table) -> ir.Table:
    """Return the expression in which each key of ``rows`` appears once.

    Args:
        rows: any number of rows per key, columns as in ``table.schema``.
        table: the rules.

    Returns:
        One row per key, columns in schema order, in no particular order of rows. Sums that leave
        int64 fail when executed; they never wrap.
    """
    rules = _rules(table)
    plain = {name: _RULES[rule](rows, name, table) for name, rule in rules if rule in _RULES}
    counted = [(sample, name) for (sample, _), (name, rule) in pairwise(rules) if rule is Merge.BOTTOM_K_COUNT]
    for sample, _ in counted:
        del plain[sample]
    whole = rows.group_by(table.keys).agg(**plain)
    whole = reduce(lambda left, pair: _join_counts(left, rows, table, *pair), counted, whole)
    return whole.select(table.schema.names)


def merged_again(rows: ir.Table, table: Table) -> ir.Table:
    """Return what :func:`merged` returns, if every row is itself the outcome of a merge.

    Rows whose key appears once are passed through: between segments few keys repeat, and adding up a
    hundred columns of lists is four times the work of telling which do.
    """
    keys = list(table.keys)
    groups = rows.group_by(keys).agg(rows_of_key=rows.count())
    repeated = groups.filter(groups.rows_of_key > 1).drop("rows_of_key")
    single = rows.anti_join(repeated, keys)
    vectors = [name for name, rule in _rules(table) if rule is Merge.VECTOR_SUM]
    padded = single.mutate(**{name: _pad(single[name], table.width(name)) for name in vectors})
    return ibis.union(padded.select(table.schema.names), merged(rows.semi_join(repeated, keys), table))


@cache
def merge_query(table: Table, *, again: bool) -> str:
    """Return DuckDB's text of :func:`merged` or :func:`merged_again`, sorted by key.

    Compiled once per process, because compiling takes longer than merging a small batch.

    Args:
        table: the rules; the query reads a relation of this table's name.
        again: whether its rows are outcomes of a merge.
    """
    rows = ibis.table(ibis.Schema.from_pyarrow(table.schema), name=table.name)
    expression = (merged_again if again else merged)(rows, table).order_by(table.keys)
    return str(ibis.to_sql(expression, dialect="duckdb"))


def _rules(table: Table) -> list[tuple[str, Merge]]:
    return list(zip(table.schema.names, table.merges, strict=True))


def _pad(vector: ir.ArrayValue, width: int) -> ir.ArrayValue:
    padded = vector.concat(ibis.literal([0] * width))[:width]
    return (vector.length() == width).ifelse(vector, padded)


def _int64(total: ir.Value) -> ir.Value:
    # DuckDB sums int64 into 128 bits while Ibis calls the result int64 and elides a plain cast;
    # the detour makes it narrow the value, which fails on overflow.
    return total.cast("decimal(38, 0)").cast("int64")


def _sum(rows: ir.Table, name: str, _table: Table) -> ir.Value:
    return _int64(rows[name].sum())


def _vector_sum(rows: ir.Table, name: str, table: Table) -> ir.Value:
    # A list written before a vocabulary grew is shorter; what it lacks counts as zero.
    return ibis.array([_int64(rows[name][i].sum().coalesce(0)) for i in range(table.width(name))])


def _bottom_k(rows: ir.Table, name: str, _table: Table) -> ir.Value:
    return rows[name].collect().flatten().unique().sort()[:BODY_SAMPLE]


def _latest(rows: ir.Table, name: str, _table: Table) -> ir.Value:
    return _largest(rows[name], rows["last_us"])


def _longest(rows: ir.Table, name: str, _table: Table) -> ir.Value:
    return _largest(rows[name], rows[name].length().coalesce(0))


def _largest(value: ir.Value, rank: ir.Value) -> ir.Value:
    """Return the value of the highest rank; at one rank a value beats null and the larger the smaller."""
    filler: Any = [] if value.type().is_array() else ibis.literal("" if value.type().is_string() else 0)
    filled = value.coalesce(ibis.literal(filler, type=value.type()))
    best = ibis.struct({"rank": rank, "known": value.notnull(), "value": filled}).max()
    return best["known"].ifelse(best["value"], ibis.null(value.type().copy(nullable=True)))


_RULES = {
    Merge.SUM: _sum,
    Merge.MIN: lambda rows, name, _table: rows[name].min(),
    Merge.MAX: lambda rows, name, _table: rows[name].max(),
    Merge.VECTOR_SUM: _vector_sum,
    Merge.BOTTOM_K: _bottom_k,
    Merge.LATEST: _latest,
    Merge.LONGEST: _longest,
}


def _join_counts(whole: ir.Table, rows: ir.Table, table: Table, sample: str, counts: str) -> ir.Table:
    """Join the merged ``sample`` and ``counts`` lists to ``whole``; keys without a sample get empty lists."""
    keys = list(table.keys)
    pairs = rows.select(*keys, pair=rows[sample].zip(rows[counts]).unnest())
    pairs = pairs.select(*keys, value=pairs.pair["f1"], n=pairs.pair["f2"])
    pairs = pairs.group_by(*keys, "value").agg(n=_int64(pairs.n.sum()))
    lists = pairs.group_by(keys).agg(
        **{
            sample: pairs.value.collect(order_by=pairs.value)[:BODY_SAMPLE],
            counts: pairs.n.collect(order_by=pairs.value)[:BODY_SAMPLE],
        }
    )
    empty = ibis.literal([], type="array<int64>")
    joined = whole.left_join(lists, keys)
    return joined.mutate(**{name: joined[name].coalesce(empty) for name in (sample, counts)})
