"""One moment of the store: the committed segments at that moment, readable until closed.

The list of segments is pinned, so a scan that runs for an hour sees one consistent state while batches
are committed beside it; a shared lock keeps the files of that state from being deleted.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from spiritsafe.engine.fold import fold
from spiritsafe.engine.locks import FileLock
from spiritsafe.engine.manifest import Manifest, SegmentRow
from spiritsafe.engine.ranges import folded, texts
from spiritsafe.engine.segments import storage_errors, unmerged
from spiritsafe.engine.spill import Spill, spill_base
from spiritsafe.engine.tables import TABLES, Table
from spiritsafe.model.errors import StoreError
from spiritsafe.model.settings import EngineSettings

if TYPE_CHECKING:
    import ibis
    import ibis.expr.types as ir

__all__ = ["READERS", "Snapshot"]

READERS = "readers.lock"
"""Held shared by every snapshot; held alone while replaced segments are deleted."""
_STREAM_ROWS = 65_536
_IN_MEMORY = 1_000_000
"""Rows up to which a table is merged in memory; larger ones by the engine, which spills what it cannot hold."""


class Snapshot:
    """A pinned state of the store; use it as a context manager.

    Args:
        root: the store's folder.
        manifest: where the segments are listed.
        settings: memory and threads of the connections.

    Raises:
        StoreError: if a listed segment is missing or of the wrong size.
    """

    def __init__(self, root: Path, manifest: Manifest, settings: EngineSettings) -> None:
        self._root = root
        self._settings = settings
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._backend: ibis.backends.duckdb.Backend | None = None
        with ExitStack() as stack:
            with storage_errors(root / READERS):
                # Before the list is read: a file listed after this cannot be deleted before close().
                stack.callback(FileLock(root / READERS, shared=True, wait=True).release)
            self.segments: dict[str, list[SegmentRow]] = {name: [] for name in TABLES}
            for segment in manifest.segments():
                _verify(root, segment)
                self.segments[segment.table].append(segment)
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection, delete its spill and let go of the files."""
        self._open.close()

    def paths(self, table: str) -> list[Path]:
        """Return the files of ``table``, in order of commit."""
        return [self._root / segment.path for segment in self.segments[table]]

    def folded(self, table: str, columns: Sequence[str], kinds: Sequence[str] = ("",)) -> Iterator[pa.Table]:
        """Yield merged rows of a foldable table in the order of its keys, a range at a time; see ``ranges``.

        Raises:
            StoreError: if a segment is not what was written.
        """
        try:
            yield from folded(TABLES[table], self.paths(table), columns, kinds)
        except (pa.ArrowException, OSError, OverflowError) as error:
            raise StoreError(f"table {table!r}: {error}", hint="Restore the segment from a backup.") from error

    def texts(self, table: str) -> list[str]:
        """Return the distinct values of a table's first key, a text, sorted."""
        return texts(self.paths(table), TABLES[table].keys[0])

    def rows(self, table: str) -> int:
        """Return the stored rows of ``table`` before merging."""
        return sum(segment.rows for segment in self.segments[table])

    def connect(self, settings: EngineSettings | None = None) -> duckdb.DuckDBPyConnection:
        """Return an in-memory DuckDB connection with a view per table over the pinned rows, not yet merged.

        Args:
            settings: memory and threads, if they differ from the snapshot's.

        Raises:
            StoreError: if no spill folder can be made or a segment is not what was written.
        """
        base = spill_base(self._root)
        with storage_errors(base):
            spill = Spill(base)
        self._open.callback(spill.close)
        connection = self._open.enter_context(_connection(settings or self._settings, spill.path))
        try:
            for name, segments in self.segments.items():
                connection.execute(_view(TABLES[name], [self._root / segment.path for segment in segments]))
        except duckdb.Error as error:
            raise StoreError(f"table {name!r}: {error}", hint="Restore the segment from a backup.") from error
        return connection

    def ibis(self) -> "ibis.backends.duckdb.Backend":
        """Return this snapshot's Ibis backend over :meth:`connect`, one per snapshot."""
        import ibis  # noqa: PLC0415 - takes as long to load as a small scan to run, and few ask

        if self._backend is None:
            self._backend = ibis.duckdb.from_connection(self._shared())
        return self._backend

    def merged(self, table: str) -> "ir.Table":
        """Return the expression of ``table`` in which every key appears once."""
        from spiritsafe.engine.merge import merged_again  # noqa: PLC0415 - loads Ibis

        # Batches and compaction merge the rows of a segment before they write it.
        return merged_again(self.ibis().table(table), TABLES[table])

    def read(self, table: str) -> pa.Table:
        """Return the merged rows of ``table`` in memory, sorted by key, with the schema of ``TABLES``.

        Raises:
            StoreError: a segment is damaged, a sum leaves int64, or memory or disk ran out.
        """
        try:
            if self.rows(table) > _IN_MEMORY:
                return self.stream(table).read_all()
            parts = [pq.read_table(path, schema=TABLES[table].schema, use_threads=False) for path in self.paths(table)]
            return fold(pa.concat_tables([TABLES[table].schema.empty_table(), *parts]), TABLES[table])
        except (duckdb.Error, pa.ArrowException, OSError, OverflowError) as error:
            raise unmerged(table, error) from error

    def stream(self, table: str) -> pa.RecordBatchReader:
        """Return what :meth:`read` returns, piece by piece.

        Until it is read to its end, nothing else may run on the backend of :meth:`ibis`.
        """
        from spiritsafe.engine.merge import merge_query  # noqa: PLC0415 - loads Ibis

        spec = TABLES[table]
        query = merge_query(spec, again=True)
        return self._shared().sql(query).to_arrow_reader(_STREAM_ROWS).cast(spec.schema)

    def _shared(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = self.connect()
        return self._connection


def _verify(root: Path, segment: SegmentRow) -> None:
    path = root / segment.path
    try:
        size = path.stat().st_size
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}", hint="Restore the store from a backup.") from error
    if size != segment.bytes:
        raise StoreError(
            f"{path}: {size} bytes where the manifest says {segment.bytes}", hint="Restore it from a backup."
        )


def _connection(settings: EngineSettings, spill: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        config={
            "memory_limit": f"{settings.memory_gib}GiB",
            "threads": str(settings.threads or os.cpu_count() or 1),
            "temp_directory": str(spill),
            # Never fetch code from the network in the middle of a query.
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )


def _view(table: Table, paths: list[Path]) -> str:
    if not paths:
        columns = ", ".join(f'NULL::{_sql_type(f.type)} AS "{f.name}"' for f in table.schema)
        return f"CREATE VIEW {table.name} AS SELECT {columns} WHERE false"
    files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    return f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet([{files}])"  # noqa: S608 - quoted paths


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"{_sql_type(kind.value_type)}[]"
    return {pa.int64(): "BIGINT", pa.int32(): "INTEGER", pa.float64(): "DOUBLE", pa.string(): "VARCHAR"}[kind]
