"""One atomic step of the store: segments and input files that become visible together.

Rows are held and merged until they fill their share of memory, because a segment of every small batch would have
to be merged again by every reader; files are written as that happens, but only :meth:`Batch.commit` lists them.
"""

from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from spiritsafe.engine.fold import fold
from spiritsafe.engine.manifest import Change, Manifest, SegmentRow, SourceFile
from spiritsafe.engine.segments import (
    SEGMENTS,
    conform,
    delete,
    storage_errors,
    sync_folder,
    unmerged,
    write_segment,
)
from spiritsafe.engine.tables import TABLES
from spiritsafe.model.errors import StoreError

__all__ = ["HELD_BYTES", "Batch"]

HELD_BYTES = 1 << 30
"""Bytes of rows, before merging, that a batch holds at most; merging takes about twice as much again."""


class Batch:
    """Collects rows and input files; leaving its ``with`` block without :meth:`commit` undoes it.

    Args:
        root: the store's folder.
        manifest: where the commit is recorded; its owner holds the writer lock.
        held_bytes: rows held in memory before they become a segment.
    """

    def __init__(self, root: Path, manifest: Manifest, held_bytes: int = HELD_BYTES) -> None:
        self._root = root
        self._manifest = manifest
        self._number = manifest.next_batch()
        self._segments: list[SegmentRow] = []
        self._files: list[SourceFile] = []
        self._notes: dict[str, str] = {}
        self._held: dict[str, list[pa.Table]] = {}
        self._most = held_bytes
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._ended:
            self._ended = True
            delete(self._root, [segment.path for segment in self._segments])

    def write(self, table: str, rows: pa.Table) -> None:
        """Take rows of ``table``; they become part of a segment by the commit at the latest.

        Args:
            table: a name in ``TABLES``.
            rows: (n,) rows with that table's columns, in any order, several per key allowed.

        Raises:
            StoreError: if the rows do not fit the schema, a sum leaves int64 or the disk is full.
        """
        self._refuse_ended()
        fitting = conform(rows, TABLES[table])
        if fitting.num_rows:
            self._held.setdefault(table, []).append(fitting)
        sizes = {name: sum(part.nbytes for part in parts) for name, parts in self._held.items()}
        if sum(sizes.values()) > self._most:
            self._release(max(sizes, key=lambda name: sizes[name]))

    def paths(self, table: str) -> list[Path]:
        """Return the files that hold the rows of ``table`` taken so far; nobody else sees them before the commit."""
        if table in self._held:
            self._release(table)
        return [self._root / segment.path for segment in self._segments if segment.table == table]

    def _release(self, name: str) -> None:
        """Merge what is held of a table and write it as a segment."""
        spec = TABLES[name]
        rows = pa.concat_tables(self._held.pop(name))
        try:
            merged = fold(rows, spec)
        except OverflowError as error:
            raise unmerged(name, error) from error
        file = f"{self._number:08d}-{len(self._segments):03d}"
        self._segments.append(write_segment(self._root, spec, file, merged.to_batches()))

    def record_file(self, digest: str, name: str, *, rows: int, quarantined: int, bytes: int) -> None:  # noqa: A002
        """Record an input file, so that it is never ingested again.

        Args:
            digest: of its content.
            name: for people.
            rows: rows that entered the tables.
            quarantined: rows set aside.
            bytes: size of the file.
        """
        self._refuse_ended()
        self._files.append(SourceFile(digest, name, rows, quarantined, bytes))

    def note(self, key: str, value: str) -> None:
        """Set a note that becomes visible with the commit, such as a stream's position."""
        self._refuse_ended()
        self._notes[key] = value

    def commit(self) -> None:
        """Make everything visible at once; on return it is on the disk.

        Raises:
            StoreError: if the disk refuses or a file was ingested before; then nothing became visible.
        """
        self._refuse_ended()
        for name in list(self._held):
            self._release(name)
        with storage_errors(self._root / SEGMENTS):
            for folder in sorted({(self._root / segment.path).parent for segment in self._segments}):
                sync_folder(folder)
            sync_folder(self._root / SEGMENTS)
        change = Change(tuple(self._files), tuple(self._segments), tuple(sorted(self._notes.items())))
        self._manifest.commit(self._number, change)
        self._ended = True

    def _refuse_ended(self) -> None:
        if self._ended:
            raise StoreError("this batch has ended", hint="Open another with store.batch().")
