"""Links drawn from a stated chance, with groups planted in them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from spiritsafe.detection.links.significance import LinkGroup
from spiritsafe.detection.loading import load
from spiritsafe.detection.population import Int, Population
from spiritsafe.engine.tables import TABLES
from spiritsafe.model.words import link_kind

Rows = Mapping[str, tuple[Int, Int]]
"""Per family: accounts and values, one entry per link."""


def population(accounts: int, rows: Rows) -> Population:
    """Read the links as a scan of nothing else would."""
    tables = {name: table.schema.empty_table() for name, table in TABLES.items()}
    number = np.arange(accounts)
    tables["identities"] = _table(
        "identities", account=number, account_id=[f"a{i:07d}" for i in number.tolist()], last_us=0 * number
    )
    parts = [
        _table(
            "traits",
            account=who,
            kind=[link_kind(family)] * len(who),
            value=value,
            n=np.ones(len(who), np.int64),
        )
        for family, (who, value) in rows.items()
    ]
    tables["traits"] = pa.concat_tables([tables["traits"], *parts])
    return load(tables)


def _table(name: str, **columns: Sequence[object] | Int) -> pa.Table:
    schema = TABLES[name].schema
    size = len(next(iter(columns.values())))
    empty = {field.name: [None if field.nullable else 0] * size for field in schema}
    return pa.table({**empty, **columns}, schema=schema)


def chance(accounts: int, families: Mapping[str, int], seed: int, each: int = 1) -> dict[str, tuple[Int, Int]]:
    """Everybody has ``each`` values per family, drawn at random from so many."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(accounts), each)
    return {family: (who, rng.integers(0, values, len(who))) for family, values in families.items()}


def planted(rows: Rows, family: str, members: Int, values: Int) -> dict[str, tuple[Int, Int]]:
    """Give members values that nobody outside has, instead of their own; ``values`` is one per member."""
    who, value = rows[family]
    others = ~np.isin(who, members)
    fresh = int(value.max(initial=0)) + 1 + values
    return {**rows, family: (np.concatenate([who[others], members]), np.concatenate([value[others], fresh]))}


def overlap(group: LinkGroup, truth: Int) -> tuple[float, float]:
    """Precision and recall of the group's members."""
    common = len(np.intersect1d(group.members, truth))
    return common / len(group.members), common / len(truth)
