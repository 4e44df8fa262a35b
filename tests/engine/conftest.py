"""Random conforming rows of any stored table, for every test of this room."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from spiritsafe.engine.tables import Merge, Table

RowMaker = Callable[[Table, int, int], pa.Table]


def _scalar(rng: np.random.Generator, kind: pa.DataType, rule: Merge) -> object:
    if pa.types.is_string(kind):
        known = rule is Merge.KEY or rng.random() < 0.8
        return str(rng.choice(["", "a", "é", "abc", "xyz", "Zürich"])) if known else None
    value = int(rng.integers(0, 3 if rule is Merge.KEY else 50)) - 1
    return float(value) / 4 if pa.types.is_floating(kind) else value


def _sample(rng: np.random.Generator) -> list[int]:
    size = int(rng.choice([0, 1, 5, 60]))
    return sorted({int(value) for value in rng.integers(-100, 100, size)})[:64]


def _row(rng: np.random.Generator, table: Table) -> dict[str, object]:
    row: dict[str, object] = {}
    for field, rule in zip(table.schema, table.merges, strict=True):
        match rule:
            case Merge.VECTOR_SUM:
                row[field.name] = rng.integers(-9, 9, table.width(field.name)).tolist()
            case Merge.BOTTOM_K:
                last = row[field.name] = _sample(rng)
            case Merge.BOTTOM_K_COUNT:
                row[field.name] = rng.integers(1, 5, len(last)).tolist()
            case Merge.LATEST if pa.types.is_list(field.type):
                row[field.name] = rng.integers(-5, 5, int(rng.integers(0, 4))).tolist()
            case _:
                row[field.name] = _scalar(rng, field.type, rule)
    return row


@pytest.fixture(scope="session")
def random_rows() -> RowMaker:
    """Return ``make(table, n, seed)``: n rows with few distinct keys, so that most of them merge."""

    def make(table: Table, n: int, seed: int) -> pa.Table:
        rng = np.random.default_rng(seed)
        return pa.Table.from_pylist([_row(rng, table) for _ in range(n)], schema=table.schema)

    return make
