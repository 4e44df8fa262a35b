"""What detection reads of a store: small tables whole, large ones piece by piece and no more of them than it needs."""

from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa

from spiritsafe.detection.large import ACTIVITY_COLUMNS, TRAIT_COLUMNS, is_read
from spiritsafe.engine.snapshot import Snapshot
from spiritsafe.engine.tables import TABLES

__all__ = ["stored"]

Progress = Callable[[str, int, int], None]

_STAGE = "merging rollups"
_FOLDED = {"identities": ("account_id", "organization_id", "last_us"), "content": ("n", "single_turn")}


def stored(snapshot: Snapshot, progress: Progress) -> dict[str, pa.Table | Iterable[pa.Table]]:
    """Return the merged tables of a snapshot, as ``detection.loading.load`` takes them.

    Args:
        snapshot: open until the population is loaded.
        progress: called with (stage, done, total).
    """
    tables: dict[str, pa.Table | Iterable[pa.Table]] = {}
    names = [name for name in TABLES if name not in {"seen", "activity", "traits"}]
    for done, name in enumerate(names):
        progress(_STAGE, done, len(names) + 2)
        tables[name] = _whole(snapshot, name)
    kinds = [kind for kind in snapshot.texts("traits") if is_read(kind)]
    tables["activity"] = _told(snapshot.folded("activity", ACTIVITY_COLUMNS), progress, len(names))
    tables["traits"] = _told(snapshot.folded("traits", TRAIT_COLUMNS, kinds), progress, len(names) + 1)
    return tables


def _whole(snapshot: Snapshot, name: str) -> pa.Table:
    if name not in _FOLDED:
        return snapshot.read(name)
    parts = list(snapshot.folded(name, _FOLDED[name]))
    return pa.concat_tables(parts) if parts else TABLES[name].schema.empty_table()


def _told(parts: Iterator[pa.Table], progress: Progress, done: int) -> Iterator[pa.Table]:
    yield from parts
    progress(_STAGE, done + 1, len(TABLES) - 1)
