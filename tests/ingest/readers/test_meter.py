"""How far a reader is through a file: forward only, past half when half is read, and at the end at one."""

import gzip
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.readers import READERS, Format
from spiritsafe.ingest.readers.sniff import sniff
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import EXCHANGES

ROWS = 16_000
LIMITS = Limits(rows=400, batch_bytes=1 << 16)


def _csv(records: list[dict[str, object]]) -> bytes:
    lines = [",".join(records[0]), *(",".join(map(str, record.values())) for record in records)]
    return "\n".join(lines).encode() + b"\n"


def _jsonl(records: list[dict[str, object]]) -> bytes:
    return b"\n".join(json.dumps(record).encode() for record in records) + b"\n"


def _array(records: list[dict[str, object]]) -> bytes:
    return json.dumps(records, indent=1).encode()


def _otlp(records: list[dict[str, object]]) -> bytes:
    spans = READERS[Format.OTLP_PROTOBUF].examples()[1]
    return spans * (len(records) // 8)


WRITERS = {"csv": _csv, "jsonl": _jsonl, "json": _array, "otlp": _otlp}


@pytest.mark.parametrize(
    "kind", ["csv", "csv.gz", "jsonl", "jsonl.gz", "json", "json.gz", "otlp", "otlp.gz", "parquet"]
)
def test_the_meter_moves_forward_to_the_end(
    kind: str, exchange: Callable[..., dict[str, object]], tmp_path: Path
) -> None:
    records = [exchange(number, prompt=sha256(b"%d" % number).hexdigest()) for number in range(ROWS)]
    path = tmp_path / f"log.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    else:
        data = WRITERS[kind.removesuffix(".gz")](records)
        path.write_bytes(gzip.compress(data, 6) if kind.endswith("gz") else data)
    file = source(path)
    assert file.meter.share == 0
    seen = []
    for batch in READERS[sniff(file, LIMITS)].batches(file, EXCHANGES, LIMITS):
        seen.append(file.meter.share)
        assert batch.table.num_rows
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1, abs=1e-6)
    assert any(share < 1 for share in seen)
