"""What accounts have in common as compact arrays, from whichever table carries it, piece by piece.

Beside ``large``, and for the same reason: there are more traits than exchanges of accounts that send little.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spiritsafe.detection.large import joined, narrow, pieces, runs_in
from spiritsafe.detection.links.rarity import LINKING_KINDS
from spiritsafe.detection.population import Int, ModelDays, Traits, unit_degree
from spiritsafe.engine.order import key_order
from spiritsafe.engine.tables import CARRIED
from spiritsafe.model.kernel import Array, kernel
from spiritsafe.model.words import LINK_PREFIX, TraitKind

__all__ = ["TRAIT_COLUMNS", "carried_columns", "is_read", "load_traits"]

TRAIT_COLUMNS = ("n", "first_us")
"""Columns of ``traits`` that detection reads, beside the keys."""

_READ = frozenset({*(kind for kinds in LINKING_KINDS.values() for kind in kinds), TraitKind.CONFIG, TraitKind.ENTITY})
_TYPES: tuple[type[np.generic], ...] = (np.int64, np.int32, np.int32, np.int64)


def is_read(kind: str) -> bool:
    """Return whether detection looks at traits of this kind; the others are for investigators."""
    return kind in _READ or kind == TraitKind.MODEL or kind.startswith(LINK_PREFIX)


def load_traits(
    parts: pa.Table | Iterable[pa.Table],
    carried: Mapping[str, pa.Table | Iterable[pa.Table]],
    hashes: tuple[Int, Int],
    unit: Int,
) -> tuple[Traits, dict[int, ModelDays]]:
    """Build the traits that detection reads, and the days on which accounts used each model.

    Args:
        parts: the merged table, or its pieces in the order of their keys, each of one kind.
        carried: likewise the tables that carry several traits in a row, by name.
        hashes: (sorted account hashes, their positions).
        unit: organisation number per account.
    """
    found: dict[str, list[tuple[Int, Int, Int, Int]]] = {}
    models: dict[int, list[ModelDays]] = {}
    for kind, part in _kinds(parts):
        who, starts = runs_in(part, hashes)
        account = np.repeat(who, np.diff(starts))
        value, n = part.column("value").to_numpy(), part.column("n").to_numpy()
        first = part.column("first_us").to_numpy()
        if kind == TraitKind.MODEL:
            day = part.column("day").to_numpy()
            for model in np.unique(value).tolist():
                at = np.flatnonzero(value == model)
                used = ModelDays(narrow(account[at]), day[at], narrow(n[at]), int(first[at].min()))
                models.setdefault(model, []).append(used)
        else:
            found.setdefault(kind, []).append(_over_days(account, value, n, first))
    for name, table in carried.items():
        for part in pieces(table, name):
            for kind, rows in _told(part, name, hashes):
                found.setdefault(kind, []).append(rows)
    kinds = tuple(sorted(found))
    columns = [_sorted_by_value(found.pop(kind)) for kind in kinds]
    sizes = np.cumsum([0, *(len(value) for value, _, _, _ in columns)])
    value, account, n, first = (joined([part[at] for part in columns], kind) for at, kind in enumerate(_TYPES))
    code = np.repeat(np.arange(len(kinds)), np.diff(sizes))
    degree = joined([unit_degree(code, value, unit[account])], np.int32)
    return Traits(kinds, sizes, value, account, n, degree, first), _model_days(models)


def _kinds(parts: pa.Table | Iterable[pa.Table]) -> Iterator[tuple[str, pa.Table]]:
    for part in pieces(parts, "traits"):
        told = part.column("kind")
        first, last = told[0].as_py(), told[-1].as_py()
        if first == last:  # rows are sorted by kind
            if is_read(first):
                yield first, part
            continue
        for kind in filter(is_read, sorted(pc.unique(told).to_pylist())):
            yield kind, part.filter(pc.equal(told, kind))


def _told(part: pa.Table, name: str, hashes: tuple[Int, Int]) -> Iterator[tuple[str, tuple[Int, Int, Int, Int]]]:
    """Yield (kind, (value, account, n, first time)) of each column of a table with several traits in a row."""
    who, starts = runs_in(part, hashes)
    account = np.repeat(who, np.diff(starts))
    n, first = part.column("n").to_numpy(), part.column("first_us").to_numpy()
    for column, kind in CARRIED[name].items():
        if is_read(kind):
            value = part.column(column).to_numpy()
            at = np.flatnonzero(value)
            if not len(at):
                continue
            yield str(kind), (value[at], account[at], n[at], first[at])


def carried_columns(name: str) -> tuple[str, ...]:
    """Return the columns that detection reads of a table that carries several traits in a row, beside the keys."""
    return (*TRAIT_COLUMNS, *(column for column, kind in CARRIED[name].items() if is_read(kind)))


def _over_days(account: Int, value: Int, n: Int, first: Int) -> tuple[Int, Int, Int, Int]:
    """Join rows that differ in the day only; they stand together."""
    fresh = np.concatenate(([True], (account[1:] != account[:-1]) | (value[1:] != value[:-1])))
    starts = np.flatnonzero(fresh)
    return value[starts], account[starts], np.add.reduceat(n, starts), np.minimum.reduceat(first, starts)


def _sorted_by_value(parts: list[tuple[Int, Int, Int, Int]]) -> tuple[Int, Int, Int, Int]:
    """Return rows by value and account, each pair once; a row stays together on the way, as each look is a far one."""
    count = max(int(account.max()) for _, account, _, _ in parts) + 1
    begins = np.zeros(count + 1, np.int64)
    for _, account, _, _ in parts:
        _count(account, begins)
    begins = np.cumsum(begins)
    rows = np.empty((int(begins[-1]), 4), np.int64)
    # by account first: rows of one value, and some have a million, are then in order already
    while parts:
        _deal(parts.pop(0), begins, rows)
    order = key_order(rows[:, 0].copy()[None], 0)
    value, account, n, first = _columns(rows, order)
    return value, account, n, first


@kernel
def _count(account: Array, counts: Array) -> None:
    for row in range(len(account)):
        counts[account[row] + 1] += 1


@kernel
def _deal(columns: Sequence[Array], begins: Array, rows: Array) -> None:
    value, account, n, first = columns
    for row in range(len(value)):
        to = rows[begins[account[row]]]
        to[0], to[1], to[2], to[3] = value[row], account[row], n[row], first[row]
        begins[account[row]] += 1


@kernel
def _columns(rows: Array, order: Array) -> tuple[Array, Array, Array, Array]:
    count = len(order)
    value, account = np.empty(count, np.int64), np.empty(count, np.int32)
    n, first = np.empty(count, np.int32), np.empty(count, np.int64)
    end = 0
    for at in range(count):
        row = rows[order[at]]
        if end and value[end - 1] == row[0] and account[end - 1] == row[1]:
            n[end - 1] += row[2]
            first[end - 1] = min(first[end - 1], row[3])
        else:
            value[end], account[end], n[end], first[end] = row[0], row[1], row[2], row[3]
            end += 1
    return value[:end], account[:end], n[:end], first[:end]


def _model_days(parts: dict[int, list[ModelDays]]) -> dict[int, ModelDays]:
    """Join the pieces of each model; what is joined is let go of at once."""
    out = {}
    for model in sorted(parts):
        account, day, n, first = zip(*parts.pop(model), strict=True)
        out[model] = ModelDays(np.concatenate(account), np.concatenate(day), np.concatenate(n), min(first))
    return out
