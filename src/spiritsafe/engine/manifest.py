"""The list of what is committed: input files, segments, retired segments and a few notes.

SQLite in WAL mode, because a commit must be one atomic row set that readers see wholly or not at all
while the writer goes on. Every call opens its own connection: threads and forks need no care.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from spiritsafe.model.errors import StoreError

__all__ = ["FORMAT", "Change", "Manifest", "SegmentRow", "SourceFile"]

FORMAT = 3
"""Version of the store's layout and tables, in ``user_version``; any other is refused."""
_APPLICATION_ID = 0x53504954  # 'SPIT': tells our database from anybody else's
_BUSY_MS = 30_000
_DDL = (
    "CREATE TABLE batches (id INTEGER PRIMARY KEY AUTOINCREMENT)",
    """CREATE TABLE files (digest TEXT PRIMARY KEY, name TEXT NOT NULL, rows INTEGER NOT NULL,
       quarantined INTEGER NOT NULL, bytes INTEGER NOT NULL, batch INTEGER NOT NULL)""",
    """CREATE TABLE segments (path TEXT PRIMARY KEY, name TEXT NOT NULL, rows INTEGER NOT NULL,
       bytes INTEGER NOT NULL, batch INTEGER NOT NULL)""",
    "CREATE TABLE retired (path TEXT PRIMARY KEY)",
    "CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One ingested input file.

    Attributes:
        digest: of its content; a file is ingested once by it.
        name: as the caller named it.
        rows: rows that entered the tables.
        quarantined: rows set aside.
        bytes: size of the file.
    """

    digest: str
    name: str
    rows: int
    quarantined: int
    bytes: int


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One immutable Parquet file: path relative to the store, table, rows, bytes."""

    path: str
    table: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit adds, and which segments it replaces."""

    files: tuple[SourceFile, ...] = ()
    segments: tuple[SegmentRow, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    replaces: tuple[str, ...] = ()


class Manifest:
    """Access to ``manifest.sqlite``.

    Args:
        path: the database.
        writable: create it if missing and allow commits.

    Raises:
        StoreError: if it is missing, not a spiritsafe manifest or of a newer version.
    """

    def __init__(self, path: Path, *, writable: bool) -> None:
        self.path = path
        self._writable = writable
        if writable:
            self._create()
        elif not path.exists():
            raise StoreError(
                f"{path.parent}: no spiritsafe store here",
                hint="Name the folder that a scan wrote with --store.",
            )
        with self._connect() as db:
            _check(db, path)

    def files(self) -> list[SourceFile]:
        """Return the ingested files in order of ingestion."""
        query = "SELECT digest, name, rows, quarantined, bytes FROM files ORDER BY batch, name, digest"
        return [SourceFile(*row) for row in self._rows(query)]

    def has_file(self, digest: str) -> bool:
        """Return whether a file of this content was ingested."""
        return bool(self._rows("SELECT 1 FROM files WHERE digest = ?", digest))

    def segments(self) -> list[SegmentRow]:
        """Return the live segments in order of commit."""
        query = "SELECT path, name, rows, bytes FROM segments ORDER BY batch, path"
        return [SegmentRow(*row) for row in self._rows(query)]

    def retired(self) -> list[str]:
        """Return paths of segments that compaction replaced and nobody has deleted yet."""
        return [path for (path,) in self._rows("SELECT path FROM retired ORDER BY path")]

    def note(self, key: str) -> str | None:
        """Return the note under ``key``, None if there is none."""
        rows = self._rows("SELECT value FROM notes WHERE key = ?", key)
        return rows[0][0] if rows else None

    def next_batch(self) -> int:
        """Return the number that the next commit will carry; only a writer's answer stays true."""
        rows = self._rows("SELECT seq FROM sqlite_sequence WHERE name = 'batches'")
        return int(rows[0][0]) + 1 if rows else 1

    def commit(self, batch: int, change: Change) -> None:
        """Apply ``change`` wholly or not at all; on return it is on the disk.

        Raises:
            StoreError: if the database cannot be written, or a file of that digest is already there.
        """
        with self._transaction() as db:
            db.execute("INSERT INTO batches (id) VALUES (?)", (batch,))
            files = [(*astuple(file), batch) for file in change.files]
            db.executemany("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?)", files)
            segments = [(*astuple(segment), batch) for segment in change.segments]
            db.executemany("INSERT INTO segments VALUES (?, ?, ?, ?, ?)", segments)
            db.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?)", change.notes)
            replaced = [(path,) for path in change.replaces]
            db.executemany("DELETE FROM segments WHERE path = ?", replaced)
            db.executemany("INSERT INTO retired VALUES (?)", replaced)

    def forget_retired(self, paths: Iterable[str]) -> None:
        """Drop retired paths whose files are gone."""
        with self._transaction() as db:
            db.executemany("DELETE FROM retired WHERE path = ?", [(path,) for path in paths])

    def _create(self) -> None:
        with self._connect() as db:
            _refuse_foreign(db, self.path)
            db.execute("PRAGMA journal_mode = WAL")
        with self._transaction() as db:
            if not db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                for statement in _DDL:
                    db.execute(statement)

    def _rows(self, query: str, *values: str) -> list[Any]:
        with self._connect() as db:
            return db.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connect() as db:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.rollback()
                raise
            db.commit()

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        try:
            uri = f"{self.path.absolute().as_uri()}?{self._mode()}"
            with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
                db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
                yield db
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}", hint=_hint(error)) from error

    def _mode(self) -> str:
        if self._writable:
            return "mode=rwc"
        # On a read-only medium SQLite cannot make its shared-memory file; without a log it needs none.
        frozen = not os.access(self.path.parent, os.W_OK, effective_ids=True) and not Path(f"{self.path}-wal").exists()
        return "mode=ro&immutable=1" if frozen else "mode=ro"


def _refuse_foreign(db: sqlite3.Connection, path: Path) -> None:
    ours = db.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID
    empty = not db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if not ours and not empty:
        raise StoreError(f"{path}: not a spiritsafe manifest", hint="Name another folder with --store.")


def _check(db: sqlite3.Connection, path: Path) -> None:
    _refuse_foreign(db, path)
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version == FORMAT:
        return
    if version > FORMAT:
        raise StoreError(
            f"{path}: store format {version}, this spiritsafe reads {FORMAT}",
            hint="Use the newer spiritsafe that wrote it, or another folder.",
        )
    if version:
        raise StoreError(
            f"{path}: store format {version}, older than this spiritsafe reads ({FORMAT})",
            hint="Scan the logs again into another folder.",
        )
    raise StoreError(f"{path}: an unfinished manifest", hint="Open the store once for writing, with a scan.")


def _hint(error: sqlite3.Error) -> str:
    text = str(error)
    if "full" in text or "I/O" in text:
        return "Free some disk space; everything committed before is intact."
    if "readonly" in text or "unable to open" in text:
        return "The folder cannot be written; open the store read-only or choose another with --store."
    if "not a database" in text or "malformed" in text:
        return "Name another folder with --store, or restore the manifest from a backup."
    return "Nothing was changed; try again."
