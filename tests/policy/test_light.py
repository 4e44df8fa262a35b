"""Whoever loads a policy in a serving process loads little else."""

import subprocess
import sys

HEAVY = {"numpy", "pyarrow", "pydantic", "duckdb", "ibis", "numba", "scipy", "nacl"}


def test_the_table_imports_nothing_heavy() -> None:
    script = "import sys, spiritsafe.policy.load, spiritsafe.policy.versions; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(done.stdout.split())
