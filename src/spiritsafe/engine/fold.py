"""The merge of tables without lists, by compiled loops instead of a query.

``merge`` states the rules once for every engine; five tables - activity, traits, content, seen, identities - hold
nearly all rows, and their rules are sums, extremes and the latest text. Here they are carried out at a tenth of a
query's cost; ``tests/engine/test_merge.py`` holds both against one plain fold.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.engine.order import ascends, key_groups, latest_of, reduce_max, reduce_min, reduce_sum
from spiritsafe.engine.tables import Merge, Table

__all__ = ["flat", "fold", "is_foldable"]

Int = NDArray[np.int64]
_Reduce = Callable[[NDArray[np.generic], Int, Int], Int]

_REDUCE: dict[Merge, _Reduce] = {Merge.SUM: reduce_sum, Merge.MIN: reduce_min, Merge.MAX: reduce_max}


def is_foldable(table: Table) -> bool:
    """Return whether a key is a hash, and every other column an integer to reduce or the latest text."""
    fields = zip(table.schema, table.merges, strict=True)
    fit = all(
        rule is Merge.KEY
        or (rule in _REDUCE and pa.types.is_integer(field.type))
        or (rule is Merge.LATEST and pa.types.is_string(field.type))
        for field, rule in fields
    )
    return fit and any(pa.types.is_int64(table.schema.field(key).type) for key in table.keys)


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
        table: the rules; ``is_foldable``.

    Returns:
        The same columns.

    Raises:
        OverflowError: if a sum leaves int64.
    """
    keys, spread = _keys(rows, table)
    if ascends(keys):
        return _plain(rows, table)
    order, starts = key_groups(keys, spread)
    rules = dict(zip(table.schema.names, table.merges, strict=True))
    first = pa.array(order[starts[:-1]])
    columns = {}
    for name in rows.column_names:
        if rules[name] is Merge.KEY:
            columns[name] = _taken(rows.column(name), first, order[starts[:-1]])
        elif rules[name] is Merge.LATEST:
            columns[name] = _latest(rows.column(name), flat(rows.column("last_us")), order, starts)
        else:
            reduced = _REDUCE[rules[name]](flat(rows.column(name)), order, starts)
            columns[name] = pa.array(reduced, pa.int64()).cast(table.schema.field(name).type)
    return _plain(pa.table(columns), table)


def _taken(column: pa.ChunkedArray, rows: pa.Array, at: Int) -> pa.Array:
    if pa.types.is_integer(column.type):
        return pa.array(flat(column)[at])
    whole = column.combine_chunks()
    if pa.types.is_dictionary(whole.type) and len(whole.dictionary) == 1 and not whole.null_count:
        return whole.slice(0, len(at))
    return whole.take(rows)


def _latest(texts: pa.ChunkedArray, last_us: Int, order: Int, starts: Int) -> pa.Array:
    """Return each key's text of the latest row; of several as late, the largest that is known."""
    chosen, tied = latest_of(last_us, order, starts)
    if tied.any():
        group = np.repeat(np.arange(len(tied)), np.diff(starts))
        owner, row = group[tied[group]], order[tied[group]]
        # of each key's rows the last is the latest, and of those as late the largest
        best = np.lexsort((_ranks(texts.take(pa.array(row))), last_us[row], owner))
        chosen[owner[best]] = row[best]
    return texts.combine_chunks().take(pa.array(chosen))


def _plain(rows: pa.Table, table: Table) -> pa.Table:
    return rows.cast(pa.schema([table.schema.field(name) for name in rows.column_names]))


def _keys(rows: pa.Table, table: Table) -> tuple[Int, int]:
    """Return the keys' values as int64 [k, n], and which of them is the hash."""
    names = list(table.keys)
    keys = np.empty((len(names), rows.num_rows), np.int64)
    for at, name in enumerate(names):
        column = rows.column(name)
        if pa.types.is_string(table.schema.field(name).type):
            keys[at] = _ranks(column)
        elif rows.num_rows:
            np.concatenate([chunk.to_numpy() for chunk in column.chunks], out=keys[at], casting="safe")
    spread = next(at for at, name in enumerate(names) if pa.types.is_int64(table.schema.field(name).type))
    return keys, spread


def _ranks(texts: pa.ChunkedArray) -> Int:
    """Return the place of each text among the distinct ones, int64 [n]; -1 for null."""
    whole = texts.unify_dictionaries().combine_chunks() if pa.types.is_dictionary(texts.type) else texts
    coded = whole if pa.types.is_dictionary(whole.type) else pc.dictionary_encode(whole).combine_chunks()
    names = coded.dictionary.to_pylist()
    rank = {name: at for at, name in enumerate(sorted(set(names)))}
    places = np.array([*(rank[name] for name in names), -1], np.int64)
    return np.asarray(places[pc.fill_null(coded.indices, len(names)).to_numpy()])
