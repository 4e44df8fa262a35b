"""The table that grows fastest with the log - activity - as compact arrays, piece by piece.

Apart from ``loading``, because here every byte per row counts: a hundred million exchanges of two million
accounts have seventy million hours with activity. Hours and counts take 32 bits, sizes eight.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spiritsafe.detection.population import Int, size_code
from spiritsafe.engine.fold import flat, fold
from spiritsafe.engine.tables import TABLES
from spiritsafe.model.kernel import Array, kernel

__all__ = ["ACTIVITY_COLUMNS", "Hourly", "joined", "load_activity", "narrow", "pieces", "runs_in"]

ACTIVITY_COLUMNS = ("n", "input_tokens", "output_tokens", "single_turn", "end_users", "first_us", "last_us")
"""Columns of ``activity`` that detection reads, beside the keys."""

_SUMS = ("n", "output_tokens", "single_turn", "end_users")


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
    kept: list[_Piece] = []
    for part in pieces(parts, "activity"):
        who, starts = runs_in(part, hashes)
        columns = {name: flat(part.column(name)) for name in ACTIVITY_COLUMNS}
        _add(totals, who, starts, tuple(columns[name] for name in (*_SUMS, "first_us", "last_us")))
        kept.append(_Piece(who, starts, length[who], flat(part.column("hour")), *_narrowed(columns)))
        length[who] += np.diff(starts)
    *sums, first, last = totals.T.copy()
    return Hourly(
        account=np.repeat(np.arange(count, dtype=np.int32), length),
        **_by_account(kept, length),
        first_us=first,
        last_us=last,
        sums=dict(zip(_SUMS, sums, strict=True)),
    )


def pieces(parts: pa.Table | Iterable[pa.Table], name: str) -> Iterator[pa.Table]:
    """Yield the pieces of a merged table that have rows; a whole table is merged first."""
    whole = [fold(parts, TABLES[name])] if isinstance(parts, pa.Table) else parts
    return (part for part in whole if part.num_rows)


def runs_in(part: pa.Table, hashes: tuple[Int, Int]) -> tuple[Int, Int]:
    """Return the accounts' positions in the order of a sorted piece, and where each begins, with the end."""
    account = flat(part.column("account"))
    starts = np.flatnonzero(np.concatenate(([True], account[1:] != account[:-1], [True])))
    ordered, positions = hashes
    return positions[np.searchsorted(ordered, account[starts[:-1]])], starts


def joined(parts: Sequence[NDArray[np.generic]], kind: type[np.generic]) -> Int:
    """Return the parts as one array of ``kind``; 32 bits pass for an Int wherever they are only read."""
    return np.concatenate([part.astype(kind, copy=False) for part in parts]) if parts else np.zeros(0, kind)


def narrow(values: Int) -> Int:
    """Return counts in 32 bits, which is enough for any that an hour or an account has."""
    return np.asarray(values.astype(np.int32))


def _narrowed(columns: dict[str, Int]) -> tuple[Int, Int, NDArray[np.uint8]]:
    size = size_code(columns["input_tokens"], columns["output_tokens"], columns["n"])
    return narrow(columns["n"]), narrow(columns["single_turn"]), size


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
