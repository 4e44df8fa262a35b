"""The floor under every scan: DuckDB reading the same columns of the same files and doing nothing with them."""

import sys
from pathlib import Path

__all__ = ["floor_of"]

_READ = """
import sys, duckdb
rows = f"read_parquet('{sys.argv[1]}/exchanges/*.parquet')"
names = [row[0] for row in duckdb.sql(f"DESCRIBE SELECT * FROM {rows}").fetchall()]
duckdb.sql("SELECT " + ", ".join(f'bit_xor(hash("{name}"))' for name in names) + f" FROM {rows}").fetchall()
"""


def floor_of(world: Path) -> list[str | Path]:
    """Return the command that reads a world's exchanges."""
    return [sys.executable, "-c", _READ, world]
