"""Pseudonyms that were made once are not made again: logs repeat addresses in every batch.

A decorator around the pseudonymiser. It knows an identifier by a keyed 64-bit hash of its text, so that
what it remembers is no more than the pseudonyms themselves, and asks for the rest, each distinct text once.
A row's text is looked up once, whatever the kinds and epochs in which it has a pseudonym.
"""

from typing import Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.ingest.hashes import hash_strings
from spiritsafe.model.epochs import EPOCH_MASK, Epochs
from spiritsafe.model.kernel import Array, kernel
from spiritsafe.model.words import TraitKind
from spiritsafe.sketch.rowmap import RowMap

__all__ = ["Remembered"]

Int = NDArray[np.int64]
Kinds: TypeAlias = tuple[TraitKind, ...]
Texts: TypeAlias = pa.Array | pa.ChunkedArray

_MOST = 4_000_000
"""Distinct texts remembered, about 200 MB; beyond it, remembering starts afresh."""
_PSEUDONYMS = 10 * _MOST
"""Pseudonyms for which there is room at most, 320 MB; beyond it, texts stay and pseudonyms are made afresh."""
_FEW = 64
"""A row is worth room for so many texts: an epoch that only a wrong clock tells of is not worth a table."""


class _Maker(Protocol):
    """Who makes pseudonyms; see ``privacy.pseudonyms``."""

    def at(self, kind: TraitKind, epoch: int, texts: pa.Array) -> Int:
        """Pseudonyms in one epoch; 0 where a text is no identifier."""
        ...


class _Memory:
    """Distinct texts, and the pseudonyms that each has in the kinds of a column and in an epoch.

    Text 0 is null, and no identifier of any kind.
    """

    def __init__(self) -> None:
        self.texts = RowMap()
        self.texts.add(np.zeros(1, np.int64))
        self._tables: dict[tuple[Kinds, int], Int] = {}

    def table(self, kinds: Kinds, epoch: int, rows: int) -> Int | None:
        """Return the pseudonyms, int64 [texts or more, kinds]; :func:`_unmade` where there is none yet.

        Args:
            kinds: of the column.
            epoch: of the pseudonyms.
            rows: that ask; None is the answer if they are too few for a table of their own.
        """
        known = self._tables.get((kinds, epoch))
        if known is not None and len(known) >= len(self.texts):
            return known
        if known is None and rows * _FEW < len(self.texts):
            return None
        room = len(self.texts) * 5 // 4
        if room * len(kinds) + sum(table.size for table in self._tables.values()) > _PSEUDONYMS:
            self._tables.clear()
        table = np.full((room, len(kinds)), _unmade(epoch))
        if known is None:
            table[0] = 0
        else:
            table[: len(known)] = known
        self._tables[kinds, epoch] = table
        return table


class Remembered:
    """Makes pseudonyms by column, as ``privacy.pseudonyms.Pseudonyms`` asks.

    Args:
        maker: who makes the pseudonyms.
        epochs: which are in force when.
        key: secret under which texts are recognised.
    """

    def __init__(self, maker: _Maker, epochs: Epochs, key: bytes) -> None:
        self._maker, self._epochs, self._key = maker, epochs, key
        self._memory = _Memory()

    def values(self, kind: TraitKind, values: Texts, us: Int) -> tuple[Int, Int]:
        """Return (row, pseudonym): a row once per epoch in force, and not at all if it is no identifier.

        Args:
            kind: of the identifiers; prefix kinds take addresses and give their /24 or /48.
            values: texts, n of them.
            us: event times, int64 [n].
        """
        return self._of((kind,), values, us)[0]

    def addresses(
        self, kinds: tuple[TraitKind, TraitKind], ips: Texts, us: Int
    ) -> tuple[tuple[Int, Int], tuple[Int, Int]]:
        """Return the pseudonyms of addresses and of their /24 and /48 networks; see :meth:`values`."""
        single, wide = self._of(kinds, ips, us)
        return single, wide

    def _of(self, kinds: Kinds, values: Texts, us: Int) -> list[tuple[Int, Int]]:
        """Return what :meth:`values` does, for each kind: rows of the newest epoch first, then of the one before."""
        if not len(us):
            return [(np.zeros(0, np.int64), np.zeros(0, np.int64)) for _ in kinds]
        text = self._recognised(hash_strings(values, self._key))
        step, overlap = self._epochs.step_us, self._epochs.overlap_us
        newest = _begun(us, step)
        late = self._lane(kinds, values, text, us, [(epoch, epoch * step, step) for epoch in newest])
        early = self._lane(kinds, values, text, us, [(epoch - 1, epoch * step, overlap) for epoch in newest])
        return [_told(late, early, at) for at in range(len(kinds))]

    def _lane(self, kinds: Kinds, values: Texts, text: Int, us: Int, times: list[tuple[int, int, int]]) -> Int:
        """Return one pseudonym a row and kind, int64 [n, kinds]; no rows at all if there is none.

        Args:
            kinds: of the column.
            values: the column.
            text: number of each row's text.
            us: when each row was.
            times: epoch, begin and length of the times whose rows take a pseudonym of that epoch.
        """
        rows = [np.flatnonzero((us >= begin) & (us < begin + length)) for _, begin, length in times]
        for (epoch, _, _), mine in zip(times, rows, strict=True):
            if len(mine) == len(us):
                return self._of_epoch(kinds, epoch, values, text, mine)
        lane = np.zeros((len(us) if any(map(len, rows)) else 0, len(kinds)), np.int64)
        for (epoch, _, _), mine in zip(times, rows, strict=True):
            if len(mine):
                lane[mine] = self._of_epoch(kinds, epoch, values, text, mine)
        return lane

    def _recognised(self, hashes: Int) -> Int:
        """Return the number of each row's text, int64 [n]."""
        text = self._memory.texts.admit(hashes)
        if len(self._memory.texts) > _MOST:
            self._memory = _Memory()
            text = self._memory.texts.admit(hashes)
        return text

    def _of_epoch(self, kinds: Kinds, epoch: int, values: Texts, text: Int, rows: Int) -> Int:
        """Return the pseudonyms of some rows in one epoch, int64 [rows, kinds]."""
        mine = text[rows]
        table = self._memory.table(kinds, epoch, len(rows))
        if table is None:
            _, first, back = np.unique(mine, return_index=True, return_inverse=True)
            return self._made(kinds, epoch, values, rows[first])[back]
        first = _first_unmade(table, mine, _unmade(epoch))
        if len(first):
            table[mine[first]] = self._made(kinds, epoch, values, rows[first])
        return np.take(table, mine, axis=0)

    def _made(self, kinds: Kinds, epoch: int, values: Texts, rows: Int) -> Int:
        """Make the pseudonyms of some rows, int64 [rows, kinds]."""
        found = pc.fill_null(pc.cast(values.take(pa.array(rows)), pa.string()), "")
        texts = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
        return np.stack([self._maker.at(kind, epoch, texts) for kind in kinds], axis=1)


def _begun(us: Int, step_us: int) -> list[int]:
    """Return the epochs that started last at any of the times; one wrong clock is no reason to go through all."""
    first, last = int(us.min()) // step_us, int(us.max()) // step_us
    if last - first <= 1:
        return list(range(first, last + 1))
    newest = us // step_us
    return np.unique(newest[np.append(True, newest[1:] != newest[:-1])]).tolist()  # type: ignore[no-any-return]


def _unmade(epoch: int) -> int:
    """Return what no pseudonym of an epoch is, and not 0: a pseudonym carries its epoch in the low byte."""
    return 0x100 | (epoch & EPOCH_MASK) ^ 1


@kernel
def _first_unmade(table: Array, text: Array, unmade: int) -> Array:
    """Return where texts without a pseudonym are first, and set it to 0 so that they are found once."""
    at, count = np.empty(len(text), np.int64), 0
    for row in range(len(text)):
        if table[text[row], 0] == unmade:
            table[text[row], 0] = 0
            at[count] = row
            count += 1
    return at[:count].copy()


@kernel
def _told(late: Array, early: Array, kind: int) -> tuple[Array, Array]:
    """Return rows and pseudonyms other than 0 of one kind, those of ``late`` first."""
    rows, values = np.empty(len(late) + len(early), np.int64), np.empty(len(late) + len(early), np.int64)
    count = 0
    for lane in (late, early):
        for row in range(len(lane)):
            if lane[row, kind] != 0:
                rows[count], values[count] = row, lane[row, kind]
                count += 1
    return rows[:count], values[:count]
