"""A world's log as the peers take it: one account's requests after the other, in order of time.

They see what their authors meant them to see - times, sizes and plain prompts - and never a label.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["Float", "Int", "Log", "Points", "read"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Points = NDArray[np.float32]
"""Unit vectors of prompts, float32 [n, dimensions]."""


@dataclass(frozen=True)
class Log:
    """Requests sorted by account, then time.

    Attributes:
        who: account of each request, index into the accounts that were asked for, ascending.
        at: seconds since the epoch.
        prompt: what was asked last.
        columns: the exchanges themselves, in the same order.
        starts: first request of each account, and the end; int64 [accounts + 1].
    """

    who: Int
    at: Float
    prompt: list[str]
    columns: pa.Table
    starts: Int

    @property
    def accounts(self) -> int:
        """Number of accounts, silent ones included."""
        return len(self.starts) - 1

    def of(self, account: int) -> slice:
        """Return where an account's requests lie."""
        return slice(int(self.starts[account]), int(self.starts[account + 1]))


def read(exchanges: pa.Table, ids: list[str]) -> Log:
    """Return the log of the accounts ``ids``; others are left out.

    Args:
        exchanges: the contract's table with prompts.
        ids: accounts, in the order in which scores are wanted.
    """
    place = pc.index_in(exchanges["account_id"], value_set=pa.array(ids))
    table = exchanges.append_column("who", place).filter(pc.is_valid(place))
    table = table.sort_by([("who", "ascending"), ("started_at", "ascending"), ("exchange_id", "ascending")])
    who = table["who"].to_numpy().astype(np.int64)
    return Log(
        who=who,
        at=table["started_at"].cast(pa.int64()).to_numpy() / 1e6,
        prompt=[text or "" for text in table["prompt"].to_pylist()],
        columns=table,
        starts=np.searchsorted(who, np.arange(len(ids) + 1)),
    )
