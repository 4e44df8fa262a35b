"""The door: typed rows in, rollups out; on the way identifiers become pseudonyms and texts numbers.

A file is taken whole or not at all: until its commit nothing of it is visible, afterwards it is never read again; so
a crash between two files loses and doubles nothing, and re-scanning a folder reads what is new. Files with texts
have a commit each, since what one of them teaches about templates is known to the next; files without wait
for each other until they are worth a segment.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain, groupby
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.engine.batch import Batch as StoreBatch
from spiritsafe.engine.ranges import between, span
from spiritsafe.engine.store import Store
from spiritsafe.engine.tables import TABLES
from spiritsafe.ingest import rollups
from spiritsafe.ingest.batch import Batch
from spiritsafe.ingest.chunk import Chunk, chunk_of
from spiritsafe.ingest.exemplars import Exemplars
from spiritsafe.ingest.hashes import hash_strings
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.repeats import Repeats
from spiritsafe.ingest.sources import Source
from spiritsafe.ingest.told import told_code, told_hash
from spiritsafe.ingest.traits import Traits
from spiritsafe.model.errors import InputError
from spiritsafe.model.settings import IngestSettings
from spiritsafe.model.words import Capability, Elicitation
from spiritsafe.sketch.codec import decode
from spiritsafe.sketch.features import body_features
from spiritsafe.sketch.language import LANGUAGES
from spiritsafe.sketch.refine import Thresholds
from spiritsafe.sketch.sketches import Sketches, sketch_texts
from spiritsafe.sketch.templates import TemplateIndex

__all__ = ["Intake"]

Progress = Callable[[str, int, int], None]


class Intake:
    """Takes files of exchanges into a store.

    Args:
        store: opened for writing.
        settings: thresholds of templates and repeats.
        text_key: secret under which texts are hashed.
        traits: who turns identifiers into trait rows.
    """

    def __init__(self, store: Store, settings: IngestSettings, text_key: bytes, traits: Traits) -> None:
        self._store, self._settings, self._key, self._traits = store, settings, text_key, traits
        with store.snapshot() as snapshot:
            written = span(snapshot.paths("seen"), "hour")
        self._repeats = Repeats(self._seen, written, settings.duplicate_hours)
        self._batch: StoreBatch | None = None
        self._waiting: list[tuple[_Taken, list[Chunk]]] = []
        self._known: tuple[TemplateIndex, Exemplars] | None = None
        self._counted = 0

    def take(self, files: list[Source], reading: Reading, progress: Progress) -> int:
        """Take every file that the store does not have yet, each in one commit, alone or with others.

        Args:
            files: in the order in which to read them.
            reading: table, format and answer to bad records; its counts grow.
            progress: called with (stage, bytes done, bytes in all).

        Returns:
            Exchanges counted.

        Raises:
            InputError: a file cannot be read or holds a bad record; files before it stay taken.
        """
        total, done = sum(file.size for file in files), 0

        def told(before: int, file: Source) -> None:
            progress("reading exchanges", before + int(file.size * file.meter.share), total)

        try:
            for file in files:
                self._take(file, reading, partial(told, done, file))
                done += file.size
                progress("reading exchanges", done, total)
        except InputError:
            self._settle()
            raise
        self._settle()
        return self._counted

    def _take(self, file: Source, reading: Reading, told: Callable[[], None]) -> None:
        """Take one file, or let it wait for others if it holds no text and little else."""
        digest, before = file.digest(), reading.stats.set_aside
        if self._store.has_file(digest) or any(digest == taken.digest for taken, _ in self._waiting):
            return
        batches, held = _told_of(reading.batches(file), told), list[pa.Table]()
        for table in batches:
            held.append(table)
            if _is_spoken(table) or sum(part.num_rows for part in held) > _SILENT_ROWS:
                self._settle()
                with self._store.batch() as self._batch:
                    rows = self._alone(file, chain(held, batches), self._batch)
                    self._commit(self._batch, [_Taken(file, digest, rows, reading.stats.set_aside - before)])
                self._batch = None
                return
        with _named(file):
            chunks = [self._fresh(part) for part in _joined(held)]
        rows = sum(map(len, chunks))
        self._waiting.append((_Taken(file, digest, rows, reading.stats.set_aside - before), chunks))
        if self._repeats.is_full or sum(taken.rows for taken, _ in self._waiting) > _ENOUGH_ROWS:
            self._settle()

    def _alone(self, file: Source, tables: Iterator[pa.Table], batch: StoreBatch) -> int:
        """Write one file's tables; return how many exchanges counted."""
        rows, self._known = 0, None
        for table in _gathered(tables):
            with _named(file):
                chunk = self._fresh(table)
                self._write(chunk, batch)
            rows += len(chunk)
            if self._repeats.is_full:
                batch.paths("seen")
                self._repeats.forget()
        return rows

    def _settle(self) -> None:
        """Take the files that wait, in one commit."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        with self._store.batch() as batch:
            chunks = [chunk for _, chunks in waiting for chunk in chunks]
            for _, alike in groupby(chunks, lambda chunk: chunk.table.schema):
                self._write(Chunk.joined(list(alike)), batch)
            self._commit(batch, [taken for taken, _ in waiting])
        if self._repeats.is_full:
            self._repeats.forget()

    def _commit(self, batch: StoreBatch, files: list["_Taken"]) -> None:
        for file, digest, rows, set_aside in files:
            batch.record_file(digest, file.name, rows=rows, quarantined=set_aside, bytes=file.size)
            self._counted += rows
        batch.commit()

    def _fresh(self, table: pa.Table) -> Chunk:
        """Return the exchanges that are no repeats."""
        chunk = chunk_of(table, self._key)
        return chunk.take(self._repeats.fresh(chunk.exchange, chunk.us))

    def _seen(self, low: int, high: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return ids counted between two hours and their hours, as far as they are written."""
        with self._store.snapshot() as snapshot:
            paths = snapshot.paths("seen") + (self._batch.paths("seen") if self._batch else [])
            rows = between(paths, TABLES["seen"], "hour", low, high)
        return rows.column("exchange").to_numpy(), rows.column("hour").to_numpy().astype(np.int64)

    def _recalled(self) -> tuple[TemplateIndex, Exemplars]:
        """Know what the store knows and no more, so that a scan cut in two says what a whole one would.

        Asked once a file, and only if it has texts.
        """
        if self._known is None:
            self._known = self._recall()
        return self._known

    def _recall(self) -> tuple[TemplateIndex, Exemplars]:
        with self._store.snapshot() as snapshot:
            sentences, templates = snapshot.read("sentences"), snapshot.read("templates")
        index = TemplateIndex(self._key, Thresholds(instances=self._settings.template_instances))
        index.load(sentences, templates)
        return index, Exemplars(self._settings.exemplar_organisations, sentences, self._key)

    def _write(self, chunk: Chunk, batch: StoreBatch) -> None:
        if not len(chunk):
            return
        texts = self._texts(chunk, batch)
        batch.write("identities", rollups.identities(chunk))
        batch.write("activity", rollups.activity(chunk))
        batch.write("content", rollups.content(chunk, texts))
        batch.write("pools", rollups.pools(chunk, texts))
        batch.write("seen", rollups.table_of("seen", {"exchange": chunk.exchange, "hour": chunk.hour}))
        for name, rows in self._traits.of_exchanges(chunk, texts.language).items():
            batch.write(name, rows)

    def _texts(self, chunk: Chunk, batch: StoreBatch) -> rollups.Texts:
        """Sketch the texts, assign templates and forget the words."""
        if not any(chunk.has(name) for name in _SPOKEN):
            return _told(chunk, rollups.Texts.none(len(chunk)))
        sketches = _sketch(chunk, self._key)
        spoken = sketches.instance != 0
        index, exemplars = self._recalled()
        assigned = index.assign(sketches, _senders(chunk))
        told = exemplars.keep(chunk, sketches, assigned)
        batch.write("sentences", told)
        batch.write("templates", _templates(assigned.templates, int(chunk.us[-1])))
        body = np.where(assigned.bodies.hash == 0, sketches.instance, assigned.bodies.hash)
        unknown = np.full(len(chunk), -1)
        read = rollups.Texts(
            template=np.where(spoken, assigned.template, 0),
            body=np.where(spoken, body, 0),
            features=body_features(assigned.bodies.projection),
            chars=sketches.chars.astype(np.int64),
            language=np.where(spoken, sketches.language, unknown),
            capability=np.where(spoken, sketches.capability, unknown),
            elicitation=np.where(spoken, sketches.elicitation, unknown),
            grader=sketches.grader & spoken,
        )
        return _told(chunk, read, ~spoken)


_SPOKEN = ("prompt", "system_prompt", "response", "sketch")
"""Columns from which texts are known."""


_SILENT_ROWS = 4_000_000
"""Exchanges without text that are taken at once: a gigabyte, and one row of every rollup where there were ten."""
_ENOUGH_ROWS = 3_000_000
"""Exchanges of several files from which they are committed: what an account did on several days is then one row."""


class _Taken(NamedTuple):
    """A file that was read to its end: how many of its exchanges count, and how many records were set aside."""

    file: Source
    digest: str
    rows: int
    set_aside: int


def _is_spoken(table: pa.Table) -> bool:
    return any(name in table.column_names for name in _SPOKEN)


def _told_of(batches: Iterator[Batch], told: Callable[[], None]) -> Iterator[pa.Table]:
    """Yield the tables of batches; ``told`` is called after each."""
    for typed in batches:
        yield typed.table
        told()


def _gathered(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Join tables without text, whose rows are small."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if _is_spoken(table) or sum(part.num_rows for part in held) >= _SILENT_ROWS:
            yield from _joined(held)
            held = []
    yield from _joined(held)


def _joined(held: list[pa.Table]) -> Iterator[pa.Table]:
    """Yield tables of the same columns as one."""
    for _, parts in groupby(held, lambda part: part.schema):
        yield pa.concat_tables(parts)


def _told(chunk: Chunk, read: rollups.Texts, silent: NDArray[np.bool_] | None = None) -> rollups.Texts:
    """Complete what was read by what the log says itself of exchanges without a text (``silent``; None for all)."""
    said = {
        "template": partial(told_hash, chunk, "template_id"),
        "body": partial(told_hash, chunk, "instance_hash"),
        "language": partial(told_code, chunk, "language", LANGUAGES),
        "capability": partial(told_code, chunk, "capability", tuple(Capability)),
        "elicitation": partial(told_code, chunk, "elicitation", tuple(Elicitation)),
    }
    named = {"template": "template_id", "body": "instance_hash"}
    told = {name: of() for name, of in said.items() if chunk.has(named.get(name, name))}
    if silent is not None:
        told = {name: np.where(silent, values, getattr(read, name)) for name, values in told.items()}
    return read.but(told)


@contextmanager
def _named(file: Source) -> Iterator[None]:
    """Name the file in an error about a chunk, whose rows are no longer in the file's order."""
    try:
        yield
    except InputError as error:
        raise InputError(error.reason, file=file.name, column=error.column, hint=error.hint) from error


def _sketch(chunk: Chunk, key: bytes) -> Sketches:
    """Sketch the texts; where a gateway has sketched already and kept the text to itself, take its sketch."""
    fresh = sketch_texts(
        _text(chunk, "prompt"),
        _text(chunk, "system_prompt"),
        _text(chunk, "response"),
        tool_count=chunk.ints("tool_count"),
        image_count=chunk.ints("image_count"),
        message_count=chunk.ints("message_count"),
        key=key,
    )
    if not chunk.has("sketch"):
        return fresh
    captured = decode(chunk.column("sketch").combine_chunks(), key)
    rows = np.arange(len(chunk))
    both = Sketches.concat([fresh, captured])
    return both.take(np.where((fresh.instance == 0) & (captured.instance != 0), rows + len(chunk), rows))


def _text(chunk: Chunk, name: str) -> pa.Array:
    column = chunk.column(name)
    return pc.cast(column, pa.large_string()).combine_chunks() if chunk.has(name) else pa.nulls(len(chunk))


def _senders(chunk: Chunk) -> NDArray[np.int64]:
    """Whose word a sentence is: the organisation's, or the account's where the log names none."""
    if not chunk.has("organization_id"):
        return chunk.account
    organisation = hash_strings(chunk.column("organization_id"))
    return np.where(organisation != 0, organisation, chunk.account)


def _templates(rows: pa.Table, last_us: int) -> pa.Table:
    return rows.append_column("last_us", pa.array(np.full(len(rows), last_us)))
