"""Pairs to change and to read, for the tests of their reader."""

import hashlib
import json
from pathlib import Path
from typing import Any

from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.readers.pairexamples import EXAMPLES, KEY
from spiritsafe.ingest.readers.pairs import Pairs
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import EXCHANGES

PLAIN, FLAT, KONG, APISIX, BATCH = EXAMPLES
HASH = hashlib.sha256(KEY.encode()).hexdigest()
CHAT, CHAT_STREAM, CHAT_CHUNKS, RESPONSES, RESPONSES_STREAM, MESSAGES, MESSAGES_STREAM, REFUSED, OTHER = (
    json.loads(line) for line in PLAIN.splitlines()
)
SSE = "".join


def row_of(record: dict[str, Any]) -> dict[str, Any]:
    """The row that the reader makes of a record, before it is checked."""
    made = Pairs().row(record)
    assert made is not None
    return made


def changed(record: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy with one value put at a dotted path; ``...`` takes it away."""
    copy: dict[str, Any] = json.loads(json.dumps(record))
    holder, names = copy, path.split(".")
    for name in names[:-1]:
        holder = holder.setdefault(name, {})
    if value is ...:
        holder.pop(names[-1], None)
    else:
        holder[names[-1]] = value
    return copy


def rows_of(tmp_path: Path, data: bytes) -> list[dict[str, Any]]:
    """The checked rows of a file with these bytes."""
    (tmp_path / "log").write_bytes(data)
    tables = [batch.table for batch in Reading(EXCHANGES).batches(source(tmp_path / "log"))]
    return [row for table in tables for row in table.to_pylist()]
