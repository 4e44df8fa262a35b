"""The two tables that grow with the log - activity and traits - as compact arrays, piece by piece.

Apart from ``loading``, because here every byte per row counts: a hundred million exchanges of two million
accounts have seventy million hours with activity. Hours and counts take 32 bits, sizes eight.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.detection.links.rarity import LINKING_KINDS
from spiritsafe.detection.population import Int, ModelDays, Traits, expand, size_code, unit_degree
from spiritsafe.engine.fold import fold
from spiritsafe.engine.order import key_order, reduce_min, reduce_sum, starts_of
from spiritsafe.engine.tables import CARRIED, TABLES
from spiritsafe.model.words import LINK_PREFIX, TraitKind

__all__ = ["ACTIVITY_COLUMNS", "TRAIT_COLUMNS", "Hourly", "carried_columns", "is_read", "load_activity", "load_traits"]

ACTIVITY_COLUMNS = ("n", "input_tokens", "output_tokens", "single_turn", "end_users", "first_us", "last_us")
"""Columns of ``activity`` that detection reads, beside the keys."""
TRAIT_COLUMNS = ("n", "first_us")
"""Columns of ``traits`` that detection reads, beside the keys."""

_READ = frozenset({*(kind for kinds in LINKING_KINDS.values() for kind in kinds), TraitKind.CONFIG, TraitKind.ENTITY})
_TYPES: tuple[type[np.generic], ...] = (np.int64, np.int32, np.int32, np.int64)
_SUMS = ("n", "output_tokens", "single_turn", "end_users")
Compact = NDArray[np.generic]


def is_read(kind: str) -> bool:
    """Return whether detection looks at traits of this kind; the others are for investigators."""
    return kind in _READ or kind == TraitKind.MODEL or kind.startswith(LINK_PREFIX)


@dataclass(frozen=True, slots=True)
class Hourly:
    """Activity by account and hour, sorted by both, and its sums by account.

    Attributes:
        account, hour, n, single_turn: int32 [rows]; ``account`` is a position.
        size: uint8 [rows], see ``population.size_code``.
        first_us, last_us: int64 [accounts]; the largest and 0 for an account that sent nothing.
        sums: by name, int64 [accounts].
    """

    account: Int
    hour: Int
    n: Int
    single_turn: Int
    size: NDArray[np.uint8]
    first_us: Int
    last_us: Int
    sums: dict[str, Int]


def load_activity(parts: pa.Table | Iterable[pa.Table], hashes: tuple[Int, Int]) -> Hourly:
    """Build the hourly arrays.

    Args:
        parts: the merged table, or its pieces in the order of their keys.
        hashes: (sorted account hashes, their positions).
    """
    count = len(hashes[0])
    first, last = np.full(count, np.iinfo(np.int64).max), np.zeros(count, np.int64)
    sums = {name: np.zeros(count, np.int64) for name in _SUMS}
    kept: dict[str, list[Compact]] = {name: [] for name in ("account", "hour", "n", "single_turn", "size")}
    for part in _pieces(parts, "activity"):
        who, starts = _runs(part, hashes)
        columns = {name: part.column(name).to_numpy() for name in ACTIVITY_COLUMNS}
        for name in _SUMS:
            sums[name][who] += np.add.reduceat(columns[name], starts[:-1])
        first[who] = np.minimum(first[who], np.minimum.reduceat(columns["first_us"], starts[:-1]))
        last[who] = np.maximum(last[who], np.maximum.reduceat(columns["last_us"], starts[:-1]))
        kept["account"].append(np.repeat(who, np.diff(starts)).astype(np.int32))
        kept["hour"].append(part.column("hour").to_numpy())
        kept["n"].append(columns["n"].astype(np.int32))
        kept["single_turn"].append(columns["single_turn"].astype(np.int32))
        kept["size"].append(size_code(columns["input_tokens"], columns["output_tokens"], columns["n"]))
    account = _joined(kept.pop("account"), np.int32)
    order = _by_position(account, count)
    arrays = {name: _joined(kept.pop(name), np.int32)[order] for name in ("hour", "n", "single_turn")}
    return Hourly(
        account=account[order],
        **arrays,
        size=np.asarray(_joined(kept.pop("size"), np.uint8), np.uint8)[order],
        first_us=first,
        last_us=last,
        sums=sums,
    )


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
        who, starts = _runs(part, hashes)
        account = np.repeat(who, np.diff(starts))
        value, n = part.column("value").to_numpy(), part.column("n").to_numpy()
        first = part.column("first_us").to_numpy()
        if kind == TraitKind.MODEL:
            day = part.column("day").to_numpy()
            for model in np.unique(value).tolist():
                at = np.flatnonzero(value == model)
                used = ModelDays(_narrow(account[at]), day[at], _narrow(n[at]), int(first[at].min()))
                models.setdefault(model, []).append(used)
        else:
            found.setdefault(kind, []).append(_over_days(account, value, n, first))
    for name, table in carried.items():
        for part in _pieces(table, name):
            for kind, rows in _told(part, name, hashes):
                found.setdefault(kind, []).append(rows)
    kinds = tuple(sorted(found))
    columns = [_sorted_by_value(found.pop(kind)) for kind in kinds]
    sizes = np.cumsum([0, *(len(value) for value, _, _, _ in columns)])
    value, account, n, first = (_joined([part[at] for part in columns], kind) for at, kind in enumerate(_TYPES))
    code = np.repeat(np.arange(len(kinds)), np.diff(sizes))
    degree = _joined([unit_degree(code, value, unit[account])], np.int32)
    return Traits(kinds, sizes, value, account, n, degree, first), _model_days(models)


def _pieces(parts: pa.Table | Iterable[pa.Table], name: str) -> Iterator[pa.Table]:
    whole = [fold(parts, TABLES[name])] if isinstance(parts, pa.Table) else parts
    return (part for part in whole if part.num_rows)


def _kinds(parts: pa.Table | Iterable[pa.Table]) -> Iterator[tuple[str, pa.Table]]:
    for part in _pieces(parts, "traits"):
        for kind in sorted(pc.unique(part.column("kind")).to_pylist()):
            if is_read(kind):
                mine = part.filter(pc.equal(part.column("kind"), kind))
                yield kind, mine


def _told(part: pa.Table, name: str, hashes: tuple[Int, Int]) -> Iterator[tuple[str, tuple[Int, Int, Int, Int]]]:
    """Yield (kind, (value, account, n, first time)) of each column of a table with several traits in a row."""
    who, starts = _runs(part, hashes)
    account = np.repeat(who, np.diff(starts))
    n, first = part.column("n").to_numpy(), part.column("first_us").to_numpy()
    for column, kind in CARRIED[name].items():
        if is_read(kind):
            value = part.column(column).to_numpy()
            at = np.flatnonzero(value)
            yield str(kind), (value[at], account[at], n[at], first[at])


def carried_columns(name: str) -> tuple[str, ...]:
    """Return the columns that detection reads of a table that carries several traits in a row, beside the keys."""
    return (*TRAIT_COLUMNS, *(column for column, kind in CARRIED[name].items() if is_read(kind)))


def _runs(part: pa.Table, hashes: tuple[Int, Int]) -> tuple[Int, Int]:
    """Return the accounts' positions in the order of a sorted piece, and where each begins, with the end."""
    account = part.column("account").to_numpy()
    starts = np.flatnonzero(np.concatenate(([True], account[1:] != account[:-1], [True])))
    ordered, positions = hashes
    return positions[np.searchsorted(ordered, account[starts[:-1]])], starts


def _joined(parts: Sequence[Compact], kind: type[np.generic]) -> Int:
    """Return the parts as one array of ``kind``; 32 bits pass for an Int wherever they are only read."""
    return np.concatenate([part.astype(kind, copy=False) for part in parts]) if parts else np.zeros(0, kind)


def _by_position(account: Int, count: int) -> Int:
    """Return the order by account of rows that stand together by account, without sorting them."""
    if not len(account):
        return np.zeros(0, np.int64)
    starts = np.flatnonzero(np.concatenate(([True], account[1:] != account[:-1], [True])))
    begin, end = np.zeros(count, np.int64), np.zeros(count, np.int64)
    begin[account[starts[:-1]]], end[account[starts[:-1]]] = starts[:-1], starts[1:]
    return expand(begin, end)


def _over_days(account: Int, value: Int, n: Int, first: Int) -> tuple[Int, Int, Int, Int]:
    """Join rows that differ in the day only; they stand together."""
    fresh = np.concatenate(([True], (account[1:] != account[:-1]) | (value[1:] != value[:-1])))
    starts = np.flatnonzero(fresh)
    return value[starts], account[starts], np.add.reduceat(n, starts), np.minimum.reduceat(first, starts)


def _sorted_by_value(parts: list[tuple[Int, Int, Int, Int]]) -> tuple[Int, Int, Int, Int]:
    """Sort by value and account, and join rows that agree in both."""
    value, account, n, first = (np.concatenate(column) for column in zip(*parts, strict=True))
    keys = np.stack([value, account])
    order = key_order(keys, 0)
    starts = starts_of(keys, order)
    at = order[starts[:-1]]
    n, first = reduce_sum(n, order, starts), reduce_min(first, order, starts)
    return value[at], account[at].astype(np.int32), n.astype(np.int32), first


def _narrow(values: Int) -> Int:
    return np.asarray(values.astype(np.int32))


def _model_days(parts: dict[int, list[ModelDays]]) -> dict[int, ModelDays]:
    """Join the pieces of each model; what is joined is let go of at once."""
    out = {}
    for model in sorted(parts):
        account, day, n, first = zip(*parts.pop(model), strict=True)
        out[model] = ModelDays(np.concatenate(account), np.concatenate(day), np.concatenate(n), min(first))
    return out
