"""What a format's reader must do: examples of its format, and typed batches of any file of it.

Readers never decide what becomes of a bad record: they yield it with its reason, in order, and the
caller fails, sets aside or skips. So the three answers cannot differ from format to format.
"""

import logging
from collections.abc import Iterable, Iterator
from typing import Protocol

from spiritsafe.ingest.batch import Batch, Limits
from spiritsafe.ingest.sources import Source
from spiritsafe.ingest.values import named
from spiritsafe.model.columns import TableSpec
from spiritsafe.model.words import Format

__all__ = ["Format", "Reader", "warn_unknown"]

_log = logging.getLogger("spiritsafe.ingest")


class Reader(Protocol):
    """Reads one format."""

    def examples(self) -> tuple[bytes, ...]:
        """Return small files of exchanges, valid as they stand, for documentation and tests."""
        ...

    def batches(self, source: Source, spec: TableSpec, limits: Limits) -> Iterator[Batch]:
        """Yield the rows of a file in order, in memory bounded by ``limits``.

        Raises:
            InputError: the file as a whole cannot be read: broken, empty or without a required column.
        """
        ...


def warn_unknown(names: Iterable[str], source: Source, spec: TableSpec) -> None:
    """Say once per file which of its columns are kept out."""
    columns = named(names)
    if columns:
        _log.warning(
            "columns that the contract does not know are kept out",
            extra={"source": source.name, "table": spec.name, "columns": columns},
        )
