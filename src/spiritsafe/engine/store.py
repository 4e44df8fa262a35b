"""The store: a folder of immutable segments with a manifest, one writer and any number of readers.

One door to the room, so that nobody else needs to know where files lie or which lock is taken when::

    manifest.sqlite   what is committed        segments/<table>/   Parquet, never changed
    writer.lock       one writer               readers.lock        open snapshots
    spill/            DuckDB's temporary files keys/, vault/       the privacy room's
"""

from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from spiritsafe.engine.batch import Batch
from spiritsafe.engine.compaction import compact, sweep
from spiritsafe.engine.locks import FileLock
from spiritsafe.engine.manifest import Manifest, SourceFile
from spiritsafe.engine.segments import SEGMENTS, storage_errors
from spiritsafe.engine.snapshot import READERS, Snapshot
from spiritsafe.model.errors import StoreError
from spiritsafe.model.settings import EngineSettings

__all__ = ["MANIFEST", "Store"]

MANIFEST = "manifest.sqlite"
"""The file that makes a folder a store."""

_DEFAULTS = EngineSettings()


class Store:
    """An open store; use it as a context manager or call :meth:`close`.

    Attributes:
        root: the folder.
        read_only: whether :meth:`batch` and :meth:`compact` are refused.
    """

    def __init__(self, root: Path, manifest: Manifest, lock: FileLock | None) -> None:
        self.root = root
        self.read_only = lock is None
        self._manifest = manifest
        self._lock = lock

    @classmethod
    def open(cls, path: Path | str, *, create: bool = True, read_only: bool = False, wait: bool = False) -> "Store":
        """Open a store; a writer first deletes what crashed writers left.

        Args:
            path: its folder.
            create: make it if missing (writers only).
            read_only: take no lock, change nothing.
            wait: wait for another writer instead of failing.

        Raises:
            StoreError: no store there, not ours, of a newer version, not writable or in use by a writer.
        """
        root = Path(path)
        manifest = root / MANIFEST
        if read_only:
            return cls(root, Manifest(manifest, writable=False), None)
        if not create:
            Manifest(manifest, writable=False)
        lock = _writer_lock(root, wait=wait)
        try:
            opened = cls(root, Manifest(manifest, writable=True), lock)
            sweep(root, opened._manifest)
        except BaseException:
            lock.release()
            raise
        return opened

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the next writer in; open snapshots stay readable."""
        if self._lock is not None:
            self._lock.release()

    def batch(self) -> Batch:
        """Begin a batch; see :class:`Batch`.

        Raises:
            StoreError: if the store is open for reading only.
        """
        self._refuse_read_only()
        return Batch(self.root, self._manifest)

    def has_file(self, digest: str) -> bool:
        """Return whether an input file of this content was ingested."""
        return self._manifest.has_file(digest)

    def files(self) -> list[SourceFile]:
        """Return the ingested input files in order of ingestion."""
        return self._manifest.files()

    def note(self, key: str) -> str | None:
        """Return a note that a batch set, None if none did."""
        return self._manifest.note(key)

    def snapshot(self, settings: EngineSettings = _DEFAULTS) -> Snapshot:
        """Pin what is committed now; see :class:`Snapshot`."""
        return Snapshot(self.root, self._manifest, settings)

    def read(self, table: str, settings: EngineSettings = _DEFAULTS) -> pa.Table:
        """Return the merged rows of ``table`` as of now, sorted by key."""
        with self.snapshot(settings) as snapshot:
            return snapshot.read(table)

    def compact(self, settings: EngineSettings = _DEFAULTS) -> int:
        """Merge each table's segments into one; return how many were replaced.

        Raises:
            StoreError: if the store is open for reading only or the disk refuses.
        """
        self._refuse_read_only()
        sweep(self.root, self._manifest)
        return compact(self.root, self._manifest, settings)

    def _refuse_read_only(self) -> None:
        if self.read_only:
            raise StoreError(f"{self.root}: open for reading only", hint="Open it with read_only=False.")


def _writer_lock(root: Path, *, wait: bool) -> FileLock:
    path = root / "writer.lock"
    with storage_errors(path):
        (root / SEGMENTS).mkdir(parents=True, exist_ok=True)
        (root / READERS).touch()
        try:
            return FileLock(path, shared=False, wait=wait)
        except BlockingIOError as error:
            raise StoreError(
                f"{root}: another process is writing to this store",
                hint="Wait for it to end, or use another folder.",
            ) from error
