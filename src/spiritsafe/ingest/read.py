"""The door to the readers: files of one contract table in, typed batches out, every bad record accounted for.

What becomes of a bad record is decided here, once for all formats; so is the order, which makes the
first error that a user sees the first one in the file.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from spiritsafe.ingest.batch import Batch, Limits, Rejected
from spiritsafe.ingest.convert import ARROW
from spiritsafe.ingest.quarantine import Quarantine
from spiritsafe.ingest.readers import READERS, Format
from spiritsafe.ingest.readers.sniff import sniff
from spiritsafe.ingest.sources import Source, source
from spiritsafe.model.columns import TableSpec
from spiritsafe.model.errors import InputError, UsageError
from spiritsafe.model.settings import OnError
from spiritsafe.wire.estimate import BYTES_PER_TOKEN

__all__ = ["ReadStats", "Reading", "read_table", "schema"]

_log = logging.getLogger("spiritsafe.ingest")
_TOLD = {
    "skipped": "records skipped",
    "repaired": "strings repaired: NUL or bytes that are not UTF-8",
    "passed": "records passed over, for they are no exchanges",
    "estimated": f"streams without usage: their tokens were estimated, {BYTES_PER_TOKEN} bytes of text to one",
}
"""Counts that a person is told of, per file."""


@dataclass(slots=True)
class ReadStats:
    """What was read so far.

    Attributes:
        files: files read to their end.
        rows: rows yielded.
        quarantined: records set aside in the quarantine file.
        skipped: records left out and only counted.
        repaired: strings in which NUL or bytes that are not UTF-8 became U+FFFD.
        passed: records that are no exchanges, such as a trace's other spans.
        estimated: exchanges whose tokens nobody counted.
    """

    files: int = 0
    rows: int = 0
    quarantined: int = 0
    skipped: int = 0
    repaired: int = 0
    passed: int = 0
    estimated: int = 0

    @property
    def set_aside(self) -> int:
        """Records that count nowhere because they are bad."""
        return self.quarantined + self.skipped


@dataclass(slots=True)
class Reading:
    """One way of reading: which table, what to do with bad records, within which limits; and its counts.

    Attributes:
        spec: the contract's table.
        on_error: what becomes of a bad record.
        quarantine: where bad records go; needed for ``OnError.QUARANTINE`` only.
        format: the files' format, or None to tell it by content.
        limits: bounds on memory and inflation.
        stats: counts, growing as batches are taken.

    Raises:
        UsageError: bad records are to be set aside, and no quarantine file is named.
    """

    spec: TableSpec
    on_error: OnError = OnError.FAIL
    quarantine: Quarantine | None = None
    format: Format | None = None
    limits: Limits = field(default_factory=Limits)
    stats: ReadStats = field(default_factory=ReadStats)

    def __post_init__(self) -> None:
        if self.on_error is OnError.QUARANTINE and self.quarantine is None:
            raise UsageError(
                "there is no quarantine file for bad records", hint="Name an output folder with --out or --store."
            )

    def batches(self, file: Source) -> Iterator[Batch]:
        """Yield one file's good rows; batches without a row are left out.

        Raises:
            InputError: the file cannot be read or changes meanwhile, or a record is bad and ``on_error`` is ``fail``.
            StoreError: the quarantine file cannot be written.
        """
        before = replace(self.stats)
        file.require_unchanged()
        reader = READERS[self.format or sniff(file, self.limits)]
        for given in reader.batches(file, self.spec, self.limits):
            batch = _without_broken_sketches(given, file)
            self.settle(batch.rejected)
            self.stats.rows += batch.table.num_rows
            self.stats.repaired += batch.repaired
            self.stats.passed += batch.passed
            self.stats.estimated += batch.estimated
            if batch.table.num_rows:
                yield batch
        file.require_unchanged()
        self.stats.files += 1
        for name, what in _TOLD.items():
            _warn(what, file, getattr(self.stats, name) - getattr(before, name))

    def settle(self, rejected: Iterable[Rejected]) -> None:
        """Fail, set aside or skip, as ``on_error`` says.

        Raises:
            InputError: it says ``fail``, and there is a bad record.
            StoreError: the quarantine file cannot be written.
        """
        for item in rejected:
            if self.on_error is OnError.FAIL:
                raise InputError(
                    item.reason,
                    file=item.file,
                    row=item.row,
                    column=item.column,
                    hint="Correct the record, or set such records aside with --on-error quarantine.",
                )
            if self.quarantine is None or self.on_error is OnError.SKIP:
                self.stats.skipped += 1
            else:
                self.quarantine.add(item)
                self.stats.quarantined += 1


def _warn(what: str, file: Source, count: int) -> None:
    if count:
        _log.warning(what, extra={"source": file.name, "count": count})


def _without_broken_sketches(batch: Batch, file: Source) -> Batch:
    """Reject the rows whose sketch no key would decode; a key is not known here."""
    if "sketch" not in batch.table.column_names:
        return batch
    from spiritsafe.sketch.codec import flaws  # noqa: PLC0415 - loads the kernels, which few files need

    found = flaws(batch.table.column("sketch").combine_chunks())
    if not found:
        return batch
    rejected = [
        Rejected(file.name, int(batch.row_numbers[at]), "sketch", reason, batch.table.slice(at, 1).to_pylist()[0])
        for at, reason in found
    ]
    keep = np.ones(batch.table.num_rows, np.bool_)
    keep[[at for at, _ in found]] = False
    in_order = sorted((*batch.rejected, *rejected), key=lambda item: item.row)
    table = batch.table.filter(pa.array(keep))
    return replace(batch, table=table, row_numbers=batch.row_numbers[keep], rejected=tuple(in_order))


def schema(spec: TableSpec) -> pa.Schema:
    """Return a contract table's Arrow schema, every column in it."""
    return pa.schema([pa.field(column.name, ARROW[column.kind]) for column in spec.columns])


def read_table(path: Path | Source, reading: Reading) -> pa.Table:
    """Return a small table (accounts, models, entities, links, labels) with every column of the contract.

    Args:
        path: the file.
        reading: the table and the answer to bad records; its counts grow.

    Raises:
        InputError: the file cannot be read, or a record is bad and ``on_error`` is ``fail``.
    """
    whole = schema(reading.spec)
    parts = []
    for batch in reading.batches(path if isinstance(path, Source) else source(path)):
        absent = [name for name in whole.names if name not in batch.table.column_names]
        table = batch.table
        for name in absent:
            table = table.append_column(name, pa.nulls(table.num_rows, whole.field(name).type))
        parts.append(table.select(whole.names).cast(whole))
    return pa.concat_tables(parts) if parts else whole.empty_table()
