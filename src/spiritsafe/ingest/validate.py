"""Typed columns are held against the contract, and rows that break it are set apart with a reason.

Checks are vectorised and per column; the first column in contract order that finds fault with a row
names the reason, so that the same file always gives the same message.
"""

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spiritsafe.ingest import instants
from spiritsafe.ingest.batch import Batch, Given, Rejected
from spiritsafe.ingest.convert import Fault, WrongTypeError, convert
from spiritsafe.ingest.values import named, show
from spiritsafe.model.columns import ENTITIES, Column, Kind, TableSpec
from spiritsafe.model.errors import InputError

__all__ = ["check", "require", "require_distinct", "settle", "unknown"]


def require(found: Iterable[str], spec: TableSpec, file: str) -> None:
    """Raise unless every required column is there.

    Raises:
        InputError: naming the columns that are missing and those found.
    """
    found = list(found)
    there = set(found)
    missing = [name for name in spec.required if name not in there]
    if missing:
        plural = "s are" if len(missing) > 1 else " is"
        known = ", ".join(named(found)) or "none"
        raise InputError(
            f"required column{plural} missing: {', '.join(missing)}; columns found: {known}",
            file=file,
            hint=f"Rename or add the column; the {spec.name} table is described in docs/formats.md.",
        )


def require_distinct(found: Sequence[str], file: str, most: int) -> None:
    """Raise if two columns have one name, for which of them counts is anybody's guess, or if there are too many.

    Args:
        found: the names of all columns.
        file: the source's name.
        most: columns that a table may have; see ``Limits.columns``.

    Raises:
        InputError: naming the column or the count.
    """
    if len(found) > most:
        raise InputError(
            f"has {len(found)} columns, and at most {most} are read",
            file=file,
            hint="Export the columns of docs/formats.md only.",
        )
    doubled = sorted(name for name, times in Counter(found).items() if times > 1)
    if doubled:
        column = named(doubled)[0]
        raise InputError("two columns have this name", file=file, column=column, hint="Rename one of them.")


def unknown(found: Iterable[str], spec: TableSpec) -> list[str]:
    """Return the columns that the contract does not know, sorted."""
    return sorted(name for name in found if spec.column(name) is None)


def _positions(mask: pa.ChunkedArray) -> list[int]:
    flags = pc.fill_null(mask, fill_value=False)
    if not pc.any(flags).as_py():
        return []
    found: list[int] = np.flatnonzero(flags.to_numpy()).tolist()
    return found


def _nulls(array: pa.ChunkedArray, column: Column) -> Iterator[Fault]:
    if not column.required:
        return
    absent = pc.is_null(array)
    if column.kind is Kind.STRING:
        absent = pc.or_kleene(absent, pc.equal(array, ""))
    for position in _positions(absent):
        yield Fault(position, "is empty, and the contract requires it")


def _too_small(array: pa.ChunkedArray, column: Column) -> Iterator[Fault]:
    if column.minimum is not None and (pc.min(array).as_py() or 0) < column.minimum:
        for position in _positions(pc.less(array, column.minimum)):
            value = show(array[position].as_py(), column)
            yield Fault(position, f"{value} is below the smallest legal value, {column.minimum}")


def _too_large(array: pa.ChunkedArray, column: Column) -> Iterator[Fault]:
    if column.maximum is not None and (pc.max(array).as_py() or 0) > column.maximum:
        for position in _positions(pc.greater(array, column.maximum)):
            value = show(array[position].as_py(), column)
            yield Fault(position, f"{value} is above the largest legal value, {column.maximum}; check the unit")


def _infinite(array: pa.ChunkedArray, column: Column) -> Iterator[Fault]:
    if column.kind is Kind.DOUBLE:
        for position in _positions(pc.invert(pc.is_finite(array))):
            yield Fault(position, f"{array[position].as_py()} is not a finite number; leave the value out")


def _out_of_time(array: pa.ChunkedArray, column: Column) -> Iterator[Fault]:
    if column.kind is Kind.TIMESTAMP:
        micros = array.cast(pa.int64())
        outside = pc.or_(pc.less(micros, instants.EARLIEST_US), pc.greater_equal(micros, instants.LATEST_US))
        for position in _positions(outside):
            yield Fault(position, "lies outside the years 2000 to 2099; check the clock and the unit")


def _not_a_choice(array: pa.ChunkedArray, column: Column) -> Iterator[Fault]:
    if column.choices:
        taken = pc.is_in(array, value_set=pa.array(column.choices))
        for position in _positions(pc.and_(pc.invert(taken), pc.is_valid(array))):
            value = show(array[position].as_py(), column)
            yield Fault(position, f"{value} is none of {', '.join(column.choices)}")


def check(array: pa.ChunkedArray, column: Column) -> list[Fault]:
    """Return what breaks the contract in a typed column: nulls, bounds, range, vocabulary.

    >>> check(pa.chunked_array([[3, -1]]), Column("n", Kind.INT64, minimum=0))
    [Fault(position=1, reason='-1 is below the smallest legal value, 0')]
    """
    rules = (_nulls, _too_small, _too_large, _infinite, _out_of_time, _not_a_choice)
    if pa.types.is_dictionary(array.type):
        if not column.required and not column.choices:
            return []
        array = array.cast(array.type.value_type)
    return [fault for rule in rules for fault in rule(array, column)]


def _not_networks(columns: Mapping[str, pa.ChunkedArray], spec: TableSpec) -> Iterator[tuple[int, str]]:
    """Yield (position, reason) of networks that are none: the one rule of the contract that needs two columns."""
    if spec is not ENTITIES or not {"kind", "value"} <= columns.keys():
        return
    for position in _positions(pc.equal(columns["kind"], "cidr")):
        value = columns["value"][position].as_py()
        try:
            ipaddress.ip_network(value or "", strict=False)
        except ValueError:
            yield position, f"{show(value, _VALUE)} is not a network; write it as in 192.0.2.0/24"


_VALUE = next(column for column in ENTITIES.columns if column.name == "value")


def settle(given: Given, spec: TableSpec, file: str) -> Batch:
    """Return the rows of ``given`` that keep the contract, typed, and the others with their reasons.

    Raises:
        InputError: a column is of a type that no row can fit.
    """
    columns: dict[str, pa.ChunkedArray] = {}
    blamed: dict[int, tuple[str, str]] = {}
    repaired = 0
    for column in spec.columns:
        if column.name not in given.columns:
            continue
        try:
            converted = convert(given.columns[column.name], column, text=given.text)
        except WrongTypeError as error:
            raise InputError(str(error), file=file, column=column.name, hint="Cast the column before export.") from None
        columns[column.name] = converted.array
        repaired += converted.repaired
        for fault in (*converted.faults, *check(converted.array, column)):
            blamed.setdefault(fault.position, (column.name, fault.reason))
    for position, reason in _not_networks(columns, spec):
        blamed.setdefault(position, ("value", reason))
    rejected = [
        Rejected(file, int(given.row_numbers[position]), *blame, record=given.record(position))
        for position, blame in blamed.items()
    ]
    table, row_numbers = pa.table(columns), given.row_numbers
    if blamed:
        keep = np.ones(len(row_numbers), dtype=bool)
        keep[list(blamed)] = False
        table, row_numbers = table.filter(pa.array(keep)), row_numbers[keep]
    in_order = sorted((*given.rejected, *rejected), key=lambda item: item.row)
    return Batch(table, row_numbers, tuple(in_order), repaired)
