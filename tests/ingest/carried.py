"""Stored traits as rows of one trait each, whichever table carries them."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from spiritsafe.engine.tables import CARRIED

__all__ = ["traits_of"]


def traits_of(tables: Mapping[str, pa.Table]) -> list[dict[str, Any]]:
    """Every trait of ``traits`` and of the tables that carry several in a row: kind, account, value, n and times."""
    rows = [{name: row[name] for name in row if name != "day"} for row in tables["traits"].to_pylist()]
    for name, columns in CARRIED.items():
        for row in tables[name].to_pylist() if name in tables else []:
            shared = {key: row[key] for key in ("account", "n", "first_us", "last_us")}
            rows += [{"kind": str(kind), "value": row[at], **shared} for at, kind in columns.items() if row[at]]
    return rows
