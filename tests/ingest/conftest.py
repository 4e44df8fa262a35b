"""Files of exchanges in every format, and one way to read them all."""

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spiritsafe.ingest.batch import Batch, Limits
from spiritsafe.ingest.readers import READERS
from spiritsafe.ingest.readers.sniff import sniff
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import EXCHANGES, TableSpec


def _exchange(number: int = 1, **changes: object) -> dict[str, object]:
    record: dict[str, object] = {
        "exchange_id": f"e-{number}",
        "started_at": "2026-01-01T00:00:00Z",
        "account_id": "a-1",
        "model": "m",
        "input_tokens": number,
        "output_tokens": 5,
    }
    record |= changes
    return {name: value for name, value in record.items() if value is not ...}


@pytest.fixture(scope="session")
def exchange() -> Callable[..., dict[str, object]]:
    """A good record, changed as asked; ``...`` takes a column away."""
    return _exchange


@pytest.fixture
def jsonl(tmp_path: Path) -> Callable[..., Path]:
    """Write records, one per line; bytes are written as they are."""

    def write(records: Iterable[object], name: str = "log.jsonl") -> Path:
        lines = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in records]
        data = b"\n".join(lines) + b"\n"
        path = tmp_path / name
        path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
        return path

    return write


@pytest.fixture
def parquet(tmp_path: Path) -> Callable[..., Path]:
    """Write two good exchanges with columns added or changed; ``...`` takes one away."""

    def write(**columns: object) -> Path:
        base: dict[str, object] = {name: [value, value] for name, value in _exchange().items()}
        base["started_at"] = pa.array([1_767_225_600_000_000] * 2, pa.timestamp("us", "UTC"))
        kept = {name: value for name, value in (base | columns).items() if value is not ...}
        pq.write_table(pa.table(kept), tmp_path / "log.parquet")
        return tmp_path / "log.parquet"

    return write


@pytest.fixture(scope="session")
def batches() -> Callable[..., list[Batch]]:
    """Every batch that a file's reader yields."""

    def take(path: Path, limits: Limits | None = None, spec: TableSpec = EXCHANGES) -> list[Batch]:
        file, bounds = source(path), limits or Limits()
        return list(READERS[sniff(file, bounds)].batches(file, spec, bounds))

    return take


@pytest.fixture(scope="session")
def read(batches: Callable[..., list[Batch]]) -> Callable[..., tuple[list[object], list[tuple[int, str]]]]:
    """A file's good rows, and (row, column) of the rejected ones."""

    def take(
        path: Path, limits: Limits | None = None, spec: TableSpec = EXCHANGES
    ) -> tuple[list[object], list[tuple[int, str]]]:
        taken = batches(path, limits, spec)
        rejected = [(bad.row, bad.column) for batch in taken for bad in batch.rejected]
        return [row for batch in taken for row in batch.table.to_pylist()], rejected

    return take
