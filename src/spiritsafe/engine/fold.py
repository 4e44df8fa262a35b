"""The merge in memory, by compiled loops instead of a query.

``merge`` states the rules for every engine; here they are carried out on Arrow rows, which for the tables that hold
nearly all rows costs a tenth of a query, and for a few rows a thousandth. ``tests/engine/test_merge.py`` holds both
against one plain fold.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spiritsafe.engine.lists import latest, longest, smallest, sum_vectors, text_ranks
from spiritsafe.engine.order import ascends, key_groups, reduce_max, reduce_min, reduce_sum
from spiritsafe.engine.tables import Merge, Table

__all__ = ["flat", "fold"]

Int = NDArray[np.int64]
_Reduce = Callable[[NDArray[np.generic], Int, Int], Int]

_REDUCE: dict[Merge, _Reduce] = {Merge.SUM: reduce_sum, Merge.MIN: reduce_min, Merge.MAX: reduce_max}
_LISTED = {Merge.VECTOR_SUM, Merge.BOTTOM_K, Merge.BOTTOM_K_COUNT}
"""Rules by which even a row of its own may change: a sample is cut, a vector padded."""


def flat(column: pa.ChunkedArray) -> Int:
    """Return a column of integers as an array of its type, read only, without a copy if it is of one piece."""
    values = column.chunk(0).to_numpy() if column.num_chunks == 1 else column.to_numpy()
    values.flags.writeable = False  # so that kernels are compiled for one type of array
    return np.asarray(values)


def fold(rows: pa.Table, table: Table) -> pa.Table:
    """Return ``rows`` with each key once, sorted by key.

    Args:
        rows: any rows with columns of ``table``, all of its keys among them; in a column of strings
            dictionaries are welcome.
        table: the rules.

    Returns:
        The same columns.

    Raises:
        OverflowError: if a sum leaves int64.
    """
    rules = {field.name: rule for field, rule in zip(table.schema, table.merges, strict=True)}
    keys, spread = _keys(rows, table)
    if not rows.num_rows or (ascends(keys) and not _LISTED & {rules[name] for name in rows.column_names}):
        return _plain(rows, table)
    order, starts = key_groups(keys, spread)
    first = pa.array(order[starts[:-1]])
    columns: dict[str, pa.Array] = {}
    for name in rows.column_names:
        if rules[name] is Merge.KEY:
            columns[name] = _taken(rows.column(name), first, order[starts[:-1]])
        elif rules[name] in _REDUCE:
            reduced = _REDUCE[rules[name]](flat(rows.column(name)), order, starts)
            columns[name] = pa.array(reduced, pa.int64()).cast(table.schema.field(name).type)
        elif name not in columns:
            columns |= _listed(rows, name, table, order, starts)
    return _plain(pa.table({name: columns[name] for name in rows.column_names}), table)


def _listed(rows: pa.Table, name: str, table: Table, order: Int, starts: Int) -> dict[str, pa.Array]:
    """Return a column that is no number reduced, and the counts that go with a sample."""
    column, rule = rows.column(name), table.merges[table.schema.get_field_index(name)]
    if rule is Merge.LATEST:
        return {name: latest(column, flat(rows.column("last_us")), order, starts)}
    if rule is Merge.LONGEST:
        return {name: longest(column, order, starts)}
    if rule is Merge.VECTOR_SUM:
        return {name: sum_vectors(column, table.width(name), order, starts)}
    counts = table.counts(name)
    sample, n = smallest(column, rows.column(counts) if counts else None, order, starts)
    return {name: sample} | ({counts: n} if counts else {})


def _taken(column: pa.ChunkedArray, rows: pa.Array, at: Int) -> pa.Array:
    if pa.types.is_integer(column.type):
        return pa.array(flat(column)[at])
    whole = column.combine_chunks()
    if pa.types.is_dictionary(whole.type) and len(whole.dictionary) == 1 and not whole.null_count:
        return whole.slice(0, len(at))
    return whole.take(rows)


def _plain(rows: pa.Table, table: Table) -> pa.Table:
    return rows.cast(pa.schema([table.schema.field(name) for name in rows.column_names]))


def _keys(rows: pa.Table, table: Table) -> tuple[Int, int]:
    """Return the keys' values as int64 [k, n], and which of them is the hash."""
    names = list(table.keys)
    keys = np.empty((len(names), rows.num_rows), np.int64)
    for at, name in enumerate(names):
        column = rows.column(name)
        if pa.types.is_string(table.schema.field(name).type):
            keys[at] = text_ranks(column)
        elif rows.num_rows:
            np.concatenate([chunk.to_numpy() for chunk in column.chunks], out=keys[at], casting="safe")
    hashes = (at for at, name in enumerate(names) if pa.types.is_int64(table.schema.field(name).type))
    spread = next(hashes, 0)  # a key of text alone has few rows
    return keys, spread
