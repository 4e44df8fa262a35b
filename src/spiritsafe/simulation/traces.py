"""Real clients' rates, token counts and conversation counts, read from a folder at run time.

Only shapes are kept (curves of mean 1, quantiles, counts per person): a world borrows how real
accounts behave, never how much of a provider's traffic they were.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from spiritsafe.model.errors import InputError

__all__ = ["Traces", "read_table", "read_traces"]

_BIN_S = 600


@dataclass(frozen=True, slots=True)
class Traces:
    """What real traffic looked like.

    Attributes:
        curves: request rate per client and 10 minutes, each client's mean 1, shape (clients, bins).
        outputs: quantiles of output tokens per client, shape (clients, points).
        conversations: conversations per person divided by their median, shape (people,).
    """

    curves: NDArray[np.float64]
    outputs: NDArray[np.float64]
    conversations: NDArray[np.float64]


def read_table(data: Path, name: str, columns: list[str]) -> pa.Table:
    """Return columns of one table of the data folder.

    Raises:
        InputError: the file is absent or lacks a column.
    """
    path = data / name
    if not path.is_file():
        raise InputError(
            "no such table", file=str(path), hint="Point --data at a folder of traces and prompts, or leave it out."
        )
    try:
        return pq.read_table(path, columns=columns)
    except (pa.ArrowInvalid, KeyError) as error:
        raise InputError(str(error), file=str(path), hint=f"Expected the columns {', '.join(columns)}.") from error


def read_traces(data: Path) -> Traces:
    """Return the traces in a data folder.

    Raises:
        InputError: a table is absent or lacks a column.
    """
    rates = read_table(data, "servegen_clients/rates.parquet", ["category", "model", "client", "t", "rate"])
    tokens = read_table(data, "servegen_clients/tokens.parquet", ["category", "model", "client", "output_tokens_q"])
    people = read_table(data, "prism_users/data.parquet", ["user_id"])
    counts = np.sort(np.asarray(people.group_by("user_id").aggregate([("user_id", "count")])["user_id_count"]))
    return Traces(_curves(rates), _outputs(tokens), counts / np.median(counts))


def _clients(table: pa.Table) -> tuple[NDArray[np.int64], int]:
    """Return the number of each row's client, in order of its name, and how many there are."""
    names = [
        f"{c}/{m}/{n}" for c, m, n in zip(*(table[k].to_pylist() for k in ("category", "model", "client")), strict=True)
    ]
    distinct, index = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    return index.astype(np.int64), len(distinct)


def _curves(rates: pa.Table) -> NDArray[np.float64]:
    client, clients = _clients(rates)
    cell = rates["t"].to_numpy() // _BIN_S
    days = max(1, int(cell.max()) // 144)
    curves = np.zeros((clients, days * 144))
    inside = cell < days * 144
    curves[client[inside], cell[inside]] = rates["rate"].to_numpy()[inside]
    active = (curves > 0).sum(axis=1) >= 6
    curves = curves[active]
    return np.asarray(curves / curves.mean(axis=1, keepdims=True))


def _outputs(tokens: pa.Table) -> NDArray[np.float64]:
    client, _ = _clients(tokens)
    listed = tokens["output_tokens_q"].to_pylist()
    first = {int(number): row for row, number in reversed(list(enumerate(client))) if listed[row]}
    return np.array([listed[row] for _, row in sorted(first.items())], float)
