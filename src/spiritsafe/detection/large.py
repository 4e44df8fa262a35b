"""The two tables that grow with the log - activity and traits - as compact arrays, piece by piece.

Apart from ``loading``, because here every byte per row counts: a hundred million exchanges of two million
accounts have seventy million hours with activity. Hours and counts take 32 bits, sizes eight.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.detection.links.rarity import LINKING_KINDS
from spiritsafe.detection.population import Int, ModelDays, Traits, size_code, unit_degree
from spiritsafe.engine.fold import flat, fold
from spiritsafe.engine.order import key_order
from spiritsafe.engine.tables import TABLES
from spiritsafe.model.kernel import Array, kernel
from spiritsafe.model.words import LINK_PREFIX, TraitKind

__all__ = ["ACTIVITY_COLUMNS", "TRAIT_COLUMNS", "Hourly", "is_read", "load_activity", "load_traits"]

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


@dataclass(slots=True)
class _Piece:
    """Runs of accounts: whose each is, where it begins (and the end), the rows its account had before; columns."""

    who: Int
    starts: Int
    before: Int
    hour: Int | None
    n: Int | None
    single_turn: Int | None
    size: NDArray[np.uint8] | None


def load_activity(parts: pa.Table | Iterable[pa.Table], hashes: tuple[Int, Int]) -> Hourly:
    """Build the hourly arrays.

    Args:
        parts: the merged table, or its pieces in the order of their keys.
        hashes: (sorted account hashes, their positions).
    """
    count = len(hashes[0])
    totals = np.zeros((count, len(_SUMS) + 2), np.int64)
    totals[:, -2] = np.iinfo(np.int64).max
    length = np.zeros(count, np.int64)
    pieces: list[_Piece] = []
    for part in _pieces(parts, "activity"):
        who, starts = _runs(part, hashes)
        columns = {name: flat(part.column(name)) for name in ACTIVITY_COLUMNS}
        _add(totals, who, starts, tuple(columns[name] for name in (*_SUMS, "first_us", "last_us")))
        pieces.append(_Piece(who, starts, length[who], flat(part.column("hour")), *_narrowed(columns)))
        length[who] += np.diff(starts)
    *sums, first, last = totals.T.copy()
    return Hourly(
        account=np.repeat(np.arange(count, dtype=np.int32), length),
        **_by_account(pieces, length),
        first_us=first,
        last_us=last,
        sums=dict(zip(_SUMS, sums, strict=True)),
    )


def load_traits(
    parts: pa.Table | Iterable[pa.Table], hashes: tuple[Int, Int], unit: Int
) -> tuple[Traits, dict[int, ModelDays]]:
    """Build the traits that detection reads, and the days on which accounts used each model.

    Args:
        parts: the merged table, or its pieces in the order of their keys, each of one kind.
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
        told = part.column("kind")
        first, last = told[0].as_py(), told[-1].as_py()
        if first == last:  # rows are sorted by kind
            if is_read(first):
                yield first, part
            continue
        for kind in filter(is_read, sorted(pc.unique(told).to_pylist())):
            yield kind, part.filter(pc.equal(told, kind))


def _runs(part: pa.Table, hashes: tuple[Int, Int]) -> tuple[Int, Int]:
    """Return the accounts' positions in the order of a sorted piece, and where each begins, with the end."""
    account = flat(part.column("account"))
    starts = np.flatnonzero(np.concatenate(([True], account[1:] != account[:-1], [True])))
    ordered, positions = hashes
    return positions[np.searchsorted(ordered, account[starts[:-1]])], starts


def _joined(parts: Sequence[Compact], kind: type[np.generic]) -> Int:
    """Return the parts as one array of ``kind``; 32 bits pass for an Int wherever they are only read."""
    return np.concatenate([part.astype(kind, copy=False) for part in parts]) if parts else np.zeros(0, kind)


def _narrowed(columns: dict[str, Int]) -> tuple[Int, Int, NDArray[np.uint8]]:
    size = size_code(columns["input_tokens"], columns["output_tokens"], columns["n"])
    return _narrow(columns["n"]), _narrow(columns["single_turn"]), size


def _by_account(pieces: list[_Piece], length: Int) -> dict[str, Any]:
    """Return the columns of all pieces in the order of account positions; the pieces let go of them one by one."""
    begins, rows = np.cumsum(length) - length, int(length.sum())
    out = {}
    for name, kind in (("hour", np.int32), ("n", np.int32), ("single_turn", np.int32), ("size", np.uint8)):
        out[name] = np.empty(rows, kind)
        for piece in pieces:
            _place(getattr(piece, name), piece.starts, begins[piece.who] + piece.before, out[name])
            setattr(piece, name, None)
    return out


@kernel
def _place(column: Array, starts: Array, to: Array, out: Array) -> None:
    for run in range(len(to)):
        ahead = to[run] - starts[run]
        for row in range(starts[run], starts[run + 1]):
            out[row + ahead] = column[row]


@kernel
def _add(totals: Array, who: Array, starts: Array, columns: Sequence[Array]) -> None:
    """Add runs to their accounts' totals: sums, then the earliest of the column before the last, the latest of that."""
    n, output_tokens, single_turn, end_users, first, last = columns
    for run in range(len(who)):
        mine = totals[who[run]]
        for row in range(starts[run], starts[run + 1]):
            mine[0] += n[row]
            mine[1] += output_tokens[row]
            mine[2] += single_turn[row]
            mine[3] += end_users[row]
            mine[4] = min(mine[4], first[row])
            mine[5] = max(mine[5], last[row])


def _over_days(account: Int, value: Int, n: Int, first: Int) -> tuple[Int, Int, Int, Int]:
    """Join rows that differ in the day only; they stand together."""
    fresh = np.concatenate(([True], (account[1:] != account[:-1]) | (value[1:] != value[:-1])))
    starts = np.flatnonzero(fresh)
    return value[starts], account[starts], np.add.reduceat(n, starts), np.minimum.reduceat(first, starts)


def _sorted_by_value(parts: list[tuple[Int, Int, Int, Int]]) -> tuple[Int, Int, Int, Int]:
    """Return all rows by value and account; a row is kept together on the way, because each look is a far one."""
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
    for at in range(count):
        row = rows[order[at]]
        value[at], account[at], n[at], first[at] = row[0], row[1], row[2], row[3]
    return value, account, n, first


def _narrow(values: Int) -> Int:
    return np.asarray(values.astype(np.int32))


def _model_days(parts: dict[int, list[ModelDays]]) -> dict[int, ModelDays]:
    """Join the pieces of each model; what is joined is let go of at once."""
    out = {}
    for model in sorted(parts):
        account, day, n, first = zip(*parts.pop(model), strict=True)
        out[model] = ModelDays(np.concatenate(account), np.concatenate(day), np.concatenate(n), min(first))
    return out
