"""The side tables - accounts, models, links - into the store; each file once by digest, like the logs."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.engine.batch import Batch as StoreBatch
from spiritsafe.engine.store import Store
from spiritsafe.engine.tables import TABLES
from spiritsafe.ingest.hashes import hash_strings
from spiritsafe.ingest.read import Reading, read_table
from spiritsafe.ingest.rollups import table_of
from spiritsafe.ingest.sources import Source, source
from spiritsafe.ingest.traits import Traits

__all__ = ["SIDE_TABLES", "beside", "take_accounts", "take_links", "take_models"]

Int = NDArray[np.int64]

SIDE_TABLES = ("accounts", "models", "entities", "links")


def beside(folder: Path, name: str) -> Path | None:
    """Return the side table ``name`` that lies beside ``folder/exchanges``, if there is one."""
    if not (folder / "exchanges").is_dir():
        return None
    found = sorted(path for path in folder.glob(f"{name}.*") if path.is_file())
    return found[0] if found else None


def take_accounts(store: Store, path: Path, reading: Reading, traits: Traits) -> None:
    """Write ``profiles``, ``identities`` and the accounts' traits."""
    file = source(path)
    digest = file.digest()
    if store.has_file(digest):
        return
    rows = read_table(file, reading)
    account = hash_strings(rows.column("account_id"))
    us = _micros(rows.column("created_at"))
    with store.batch() as batch:
        batch.write(
            "profiles",
            table_of(
                "profiles",
                {
                    "account": account,
                    "created_us": us,
                    **{name: rows.column(name).combine_chunks() for name in ("organization_id", "country")},
                    "programme": pc.fill_null(rows.column("programme"), "none").combine_chunks(),
                    "verification": pc.fill_null(rows.column("verification"), "none").combine_chunks(),
                    "last_us": us,
                },
            ),
        )
        batch.write("identities", _identities(rows, account))
        for name, told in traits.of_accounts(rows, us).items():
            batch.write(name, told)
        _commit(batch, file, digest, reading)


def take_models(store: Store, path: Path, reading: Reading) -> None:
    """Write ``models``."""
    file = source(path)
    digest = file.digest()
    if store.has_file(digest):
        return
    rows = read_table(file, reading)
    released = _micros(rows.column("released_at"))
    with store.batch() as batch:
        batch.write(
            "models",
            table_of(
                "models",
                {
                    "model": rows.column("model").combine_chunks(),
                    "released_us": released,
                    "price_in": pc.fill_null(rows.column("price_in"), 0.0).combine_chunks(),
                    "price_out": pc.fill_null(rows.column("price_out"), 0.0).combine_chunks(),
                    "last_us": released,
                },
            ),
        )
        _commit(batch, file, digest, reading)


def take_links(store: Store, path: Path, reading: Reading, traits: Traits) -> None:
    """Write a links table's rows as traits."""
    file = source(path)
    digest = file.digest()
    if store.has_file(digest):
        return
    rows = read_table(file, reading)
    account = hash_strings(rows.column("account_id"))
    us = _micros(rows.column("first_seen"))
    with store.batch() as batch:
        batch.write("identities", _identities(rows, account))
        batch.write("traits", traits.of_links(rows, us, np.maximum(us, _micros(rows.column("last_seen")))))
        _commit(batch, file, digest, reading)


def _identities(rows: pa.Table, account: Int) -> pa.Table:
    """Rows of ``identities`` for a side table; the log's own mention of an organisation is newer, so it wins."""
    named = "organization_id" in rows.column_names
    return pa.table(
        {
            "account": account,
            "account_id": rows.column("account_id"),
            "organization_id": rows.column("organization_id") if named else pa.nulls(len(rows), pa.string()),
            "last_us": np.zeros(len(rows), np.int64),
        },
        schema=TABLES["identities"].schema,
    )


def _commit(batch: StoreBatch, file: Source, digest: str, reading: Reading) -> None:
    aside = reading.stats.quarantined + reading.stats.skipped
    batch.record_file(digest, file.name, rows=reading.stats.rows, quarantined=aside, bytes=file.size)
    batch.commit()


def _micros(times: pa.ChunkedArray) -> Int:
    """Microseconds since the epoch; null is 0."""
    return np.asarray(pc.fill_null(times.cast(pa.timestamp("us", "UTC")).cast(pa.int64()), 0).to_numpy(), np.int64)
