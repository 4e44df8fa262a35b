"""Replace the many segments of a table by one, and delete replaced ones when nobody reads them.

Two steps, because a snapshot may have the old files open: the commit retires them, and a later sweep,
alone with the store, deletes them.
"""

from pathlib import Path

from spiritsafe.engine.locks import FileLock
from spiritsafe.engine.manifest import Change, Manifest, SegmentRow
from spiritsafe.engine.segments import (
    SEGMENTS,
    delete,
    storage_errors,
    sync_folder,
    unreferenced,
    write_segment,
)
from spiritsafe.engine.snapshot import READERS, Snapshot
from spiritsafe.engine.tables import TABLES
from spiritsafe.model.settings import EngineSettings

__all__ = ["compact", "sweep"]


def compact(root: Path, manifest: Manifest, settings: EngineSettings) -> int:
    """Merge every table that has several segments into one segment each; readers see no difference.

    Returns:
        How many segments were replaced.

    Raises:
        StoreError: if the disk refuses; then nothing changed.
    """
    number = manifest.next_batch()
    with Snapshot(root, manifest, settings) as snapshot:
        crowded = {name: segments for name, segments in snapshot.segments.items() if len(segments) > 1}
        old = tuple(segment.path for segments in crowded.values() for segment in segments)
        fresh: list[SegmentRow] = []
        try:
            fresh.extend(_compacted(root, snapshot, name, number) for name in crowded)
            if old:
                manifest.commit(number, Change(segments=tuple(fresh), replaces=old))
        except BaseException:
            delete(root, [segment.path for segment in fresh])
            raise
    return len(old)


def sweep(root: Path, manifest: Manifest) -> int:
    """Delete what crashed writers left, and retired segments if no snapshot is open.

    The caller holds the writer lock, so every file that the manifest does not know is abandoned.

    Returns:
        How many files were deleted.

    Raises:
        StoreError: if the folder cannot be written.
    """
    retired = manifest.retired()
    known = {segment.path for segment in manifest.segments()} | set(retired)
    orphans = unreferenced(root, known)
    delete(root, orphans)
    return len(orphans) + _delete_retired(root, manifest, retired)


def _compacted(root: Path, snapshot: Snapshot, name: str, number: int) -> SegmentRow:
    segment = write_segment(root, TABLES[name], f"{number:08d}-compact", snapshot.stream(name))
    with storage_errors(root / SEGMENTS):
        sync_folder(root / SEGMENTS / name)
    return segment


def _delete_retired(root: Path, manifest: Manifest, retired: list[str]) -> int:
    if not retired:
        return 0
    try:
        lock = FileLock(root / READERS, shared=False, wait=False)
    except BlockingIOError:
        return 0  # someone may still read them; the next writer tries again
    try:
        delete(root, retired)
        manifest.forget_retired(retired)
    finally:
        lock.release()
    return len(retired)
