"""One atomic step of the store: segments and input files that become visible together.

Files are written as they come, so memory stays bounded, but only :meth:`Batch.commit` lists them.
"""

from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from spiritsafe.engine.manifest import Change, Manifest, SegmentRow, SourceFile
from spiritsafe.engine.merge import merge
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

__all__ = ["Batch"]


class Batch:
    """Collects rows and input files; leaving its ``with`` block without :meth:`commit` undoes it.

    Args:
        root: the store's folder.
        manifest: where the commit is recorded; its owner holds the writer lock.
    """

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self._root = root
        self._manifest = manifest
        self._number = manifest.next_batch()
        self._segments: list[SegmentRow] = []
        self._files: list[SourceFile] = []
        self._notes: dict[str, str] = {}
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
        """Merge ``rows`` and write them as a segment of ``table``; no rows, no segment.

        Args:
            table: a name in ``TABLES``.
            rows: (n,) rows with that table's columns, in any order, several per key allowed.

        Raises:
            StoreError: if the rows do not fit the schema, a sum leaves int64 or the disk is full.
        """
        self._refuse_ended()
        spec = TABLES[table]
        fitting = conform(rows, spec)
        if not fitting.num_rows:
            return
        try:
            merged = merge(fitting, spec)
        except duckdb.Error as error:
            raise unmerged(table, error) from error
        name = f"{self._number:08d}-{len(self._segments):03d}"
        self._segments.append(write_segment(self._root, spec, name, merged.to_batches()))

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
