"""One typed batch of exchanges as arrays: the moment between reading and forgetting.

Null means 'the log does not say': counts of it are zero, flags false. Only this file knows the
contract's optional columns; the rollups below it see complete arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spiritsafe.engine.tables import DAY_US, HOUR_US
from spiritsafe.ingest.hashes import filled, hash_strings
from spiritsafe.ingest.runs import Runs, repeated, runs_of

__all__ = ["Chunk", "chunk_of"]

Int = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Chunk:
    """Exchanges of one batch, arrays of length n.

    Attributes:
        table: the typed batch, every row in it counted.
        account, us, hour, day: hash of the account id, start in microseconds, hours and days since the epoch.
        exchange: keyed hash of the exchange id.
        single: whether the exchange is the first of its conversation.
    """

    table: pa.Table
    account: Int
    exchange: Int
    us: Int
    single: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.us)

    @property
    def hour(self) -> Int:
        """Hours since the epoch."""
        return self.us // HOUR_US

    @property
    def day(self) -> Int:
        """Days since the epoch."""
        return self.us // DAY_US

    def column(self, name: str) -> pa.ChunkedArray:
        """Return a column, all null where the file lacks it."""
        if name in self.table.column_names:
            return self.table.column(name)
        return pa.chunked_array([pa.nulls(len(self))])

    def has(self, name: str) -> bool:
        """Return whether the file says anything in this column."""
        return name in self.table.column_names and self.table.column(name).null_count < len(self)

    def ints(self, name: str) -> Int:
        """Return an integer column, null as 0."""
        if not self.has(name):
            return np.zeros(len(self), np.int64)
        return np.asarray(filled(self.column(name), 0), np.int64)

    def flags(self, name: str) -> Int:
        """Return a boolean column as 0 and 1, null as 0."""
        if not self.has(name):
            return np.zeros(len(self), np.int64)
        return np.asarray(filled(self.column(name), False), np.int64)

    @cached_property
    def runs(self) -> Runs:
        """The exchanges account by account."""
        return runs_of(self.account, self.us)

    def take(self, rows: Int) -> "Chunk":
        """Return the exchanges at ``rows``, ascending positions."""
        if len(rows) == len(self):
            return self
        return Chunk(_taken(self.table, rows), *(column[rows] for column in self._columns))

    @classmethod
    def joined(cls, chunks: Sequence["Chunk"]) -> "Chunk":
        """Return the exchanges of chunks that have the same columns, in event time."""
        if len(chunks) == 1:
            return chunks[0]
        table = pa.concat_tables([chunk.table for chunk in chunks])
        whole = cls(
            table, *(np.concatenate(parts) for parts in zip(*(chunk._columns for chunk in chunks), strict=True))
        )
        if np.all(whole.us[1:] >= whole.us[:-1]):
            return whole
        order = np.argsort(whole.us, kind="stable")
        return cls(_taken(table, order), *(column[order] for column in whole._columns))

    @property
    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self.account, self.exchange, self.us, self.single


def _taken(table: pa.Table, rows: Int) -> pa.Table:
    return table.unify_dictionaries().take(pa.array(rows)) if len(rows) else table.slice(0, 0)


def chunk_of(table: pa.Table, key: bytes) -> Chunk:
    """Complete a typed batch; rows come out in event time.

    Args:
        table: the batch.
        key: secret under which ids that are only compared are hashed.
    """
    us = np.asarray(table.column("started_at").cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy(), np.int64)
    if np.any(us[1:] < us[:-1]):
        order = np.argsort(us, kind="stable")
        table, us = _taken(table, order), us[order]
    account = hash_strings(table.column("account_id"))
    bare = Chunk(table, account, hash_strings(table.column("exchange_id"), key), us, np.ones(len(us), np.bool_))
    spent = [name for name in _SPENT if name in table.column_names]
    return Chunk(table.drop_columns(spent), account, bare.exchange, us, _single(bare, key))


_SPENT = ("exchange_id", "conversation_id", "started_at", "decision_id")
"""Columns that nobody reads any more once a chunk is made of them; nearly half of a row without text."""


def _single(chunk: Chunk, key: bytes) -> NDArray[np.bool_]:
    """A request of at most a system and a user message, in a conversation that does not go on.

    Where the log counts no messages, a conversation id that comes back is what tells.
    """
    messages = chunk.ints("message_count")
    single = messages <= 2
    if chunk.has("conversation_id"):
        conversation = hash_strings(chunk.column("conversation_id"), key)
        known = conversation != 0
        again = repeated(conversation ^ chunk.account)
        single &= ~(known & again)
    return single
