"""What detection reads of a store: small tables whole, large ones piece by piece and no more of them than it needs."""

from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa

from spiritsafe.detection.large import ACTIVITY_COLUMNS
from spiritsafe.detection.traitrows import TRAIT_COLUMNS, carried_columns, is_read
from spiritsafe.engine.snapshot import Snapshot
from spiritsafe.engine.tables import CARRIED, TABLES

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
    kinds = [kind for kind in snapshot.texts("traits") if is_read(kind)]
    pieces = {
        "activity": snapshot.folded("activity", ACTIVITY_COLUMNS),
        "traits": snapshot.folded("traits", TRAIT_COLUMNS, kinds),
        **{name: snapshot.folded(name, carried_columns(name)) for name in CARRIED},
    }
    names = [name for name in TABLES if name not in {"seen", *pieces}]
    for done, name in enumerate(names):
        progress(_STAGE, done, len(names) + len(pieces))
        tables[name] = _whole(snapshot, name)
    return tables | {name: _told(parts, progress, len(names) + at) for at, (name, parts) in enumerate(pieces.items())}


def _whole(snapshot: Snapshot, name: str) -> pa.Table:
    if name not in _FOLDED:
        return snapshot.read(name)
    parts = list(snapshot.folded(name, _FOLDED[name]))
    return pa.concat_tables(parts) if parts else TABLES[name].schema.empty_table()


def _told(parts: Iterator[pa.Table], progress: Progress, done: int) -> Iterator[pa.Table]:
    yield from parts
    progress(_STAGE, done + 1, len(TABLES) - 1)
