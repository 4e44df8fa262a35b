"""Tables of intelligence: the contract's ``entities`` in any format, and published tables in Parquet.

The contract's rows and a stranger's columns meet in the same roles, so a tag, an ASN or a country means the same
wherever it stood.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from spiritsafe.ingest.batch import Batch, Limits, Rejected
from spiritsafe.ingest.entities.facts import Fact, Misread, Role, fact_of
from spiritsafe.ingest.entities.lists import role_of
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.readers.parquet import ParquetReader
from spiritsafe.ingest.sources import Source
from spiritsafe.model.columns import Column, Kind, TableSpec
from spiritsafe.model.errors import InputError
from spiritsafe.model.words import EntityKind

__all__ = ["read_contract", "read_published", "schema_of"]

_STEP = 8192
_PLACE = {
    EntityKind.CIDR: Role.NETWORK,
    EntityKind.ASN: Role.ASN,
    EntityKind.DOMAIN: Role.DOMAIN,
    EntityKind.JA4: Role.JA4,
}


def read_contract(source: Source, tag: str | None, reading: Reading) -> Iterator[Fact | Rejected | None]:
    """Yield what each row of an ``entities`` table says; what breaks the contract is settled by ``reading``."""
    for batch in reading.batches(source):
        for number, row in _rows(batch):
            place = _PLACE[EntityKind(row["kind"])]
            yield _told({place: row["value"], Role.TAG: row["tag"]}, tag, source, number, "value")


def read_published(source: Source, tag: str | None, limits: Limits) -> Iterator[Fact | Rejected | None]:
    """Yield what each row of a Parquet table with columns of ours says; see :func:`~.lists.role_of`.

    Raises:
        InputError: it has none, or is damaged.
    """
    roles = {field.name: role for field in schema_of(source) if (role := role_of(field.name)) and _kind(field.type)}
    if not roles:
        raise InputError(
            "the table has no column that names networks, ASNs, domains or fingerprints",
            file=source.name,
            hint="Name a column cidr, asn, domain, ja4, or two of them start and end; see docs/enrichment.md.",
        )
    spec = _spec(source, roles)
    for batch in ParquetReader().batches(source, spec, limits):
        yield from batch.rejected
        for number, row in _rows(batch):
            said = {roles[name]: str(value) for name, value in reversed(row.items()) if value not in {None, ""}}
            yield _told(said, tag, source, number, "")


def schema_of(source: Source) -> pa.Schema:
    """Return a Parquet file's schema.

    Raises:
        InputError: it is damaged or cut off.
    """
    try:
        return pq.read_schema(source.path)
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        raise InputError(
            "the Parquet data is damaged or cut off", file=source.name, hint="Copy or export the file again."
        ) from error


def _spec(source: Source, roles: dict[str, Role]) -> TableSpec:
    types = {field.name: _kind(field.type) for field in schema_of(source)}
    return TableSpec("entities", tuple(Column(name, types[name] or Kind.STRING) for name in roles))


def _kind(type_: pa.DataType) -> Kind | None:
    if pa.types.is_integer(type_):
        return Kind.INT64
    text = type_.value_type if pa.types.is_dictionary(type_) else type_
    return Kind.STRING if pa.types.is_string(text) or pa.types.is_large_string(text) else None


def _rows(batch: Batch) -> Iterator[tuple[int, dict[str, str]]]:
    numbers = iter(batch.row_numbers.tolist())
    for part in batch.table.to_batches(max_chunksize=_STEP):
        yield from zip(numbers, part.to_pylist(), strict=False)


def _told(row: dict[Role, str], tag: str | None, source: Source, number: int, column: str) -> Fact | Rejected | None:
    try:
        return fact_of(row, tag)
    except Misread as error:
        return Rejected(source.name, number, column or str(error.role), str(error), dict(row))
