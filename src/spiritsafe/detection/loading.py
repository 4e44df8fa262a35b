"""Stored tables into a population: hashes become positions, tables become sorted arrays.

Apart from the population itself, because everything that knows a column's name is here and nowhere else.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spiritsafe.detection.large import Hourly, load_activity
from spiritsafe.detection.population import (
    AGE_FLOOR_DAYS,
    Accounts,
    Bool,
    Content,
    Int,
    ModelDays,
    Pools,
    Population,
)
from spiritsafe.detection.traitrows import load_traits
from spiritsafe.engine.names import text_order
from spiritsafe.engine.tables import CARRIED, DAY_US, FEATURE_DIM, FEATURE_SCALE, SHAPE_BINS
from spiritsafe.model.words import Capability, Elicitation, Programme, TraitKind, Verification

__all__ = ["Parts", "load"]


Parts: TypeAlias = pa.Table | Iterable[pa.Table]
"""A merged table, or its pieces in the order of its key."""


def load(tables: Mapping[str, Parts]) -> Population:
    """Build the population from merged tables (see ``engine.tables``), one row per key.

    Args:
        tables: ``identities``, ``activity``, ``traits``, ``addresses``, ``habits``, ``labels``, ``content``, ``pools``,
            ``sentences``, ``templates``, ``profiles`` and ``models``; the large ones - ``activity``, ``traits``,
            ``addresses``, ``habits`` - may come in pieces, those of ``traits`` each of one kind.
    """
    small = {name: table for name, table in tables.items() if isinstance(table, pa.Table)}
    hashes, known = _identities(small["identities"])
    hourly = load_activity(tables["activity"], hashes)
    accounts = _accounts(known, small["profiles"], hourly)
    told = small["content"].filter(pc.not_equal(small["content"].column("template"), 0))
    template_of = _template_order(told, hashes)
    labels = {(row["kind"], row["value"]): row["label"] for row in small["labels"].to_pylist() if row["label"]}
    traits, models = load_traits(tables["traits"], {name: tables[name] for name in CARRIED}, hashes, accounts.unit)
    return Population(
        accounts=accounts,
        content=_content(told, hourly, hashes, template_of),
        pools=_pools(small["pools"], hashes, template_of),
        traits=traits,
        activity_account=hourly.account,
        activity_hour=hourly.hour,
        activity_n=hourly.n,
        activity_size=hourly.size,
        model_days=_by_label(models, labels),
        templates=template_of,
        sentences=_sentences(small["templates"], template_of),
        labels=labels,
        words=_words(small["sentences"]),
        released_us={row["model"]: row["released_us"] for row in small["models"].to_pylist() if row["released_us"] > 0},
    )


def _ints(table: pa.Table, name: str) -> Int:
    return np.asarray(table.column(name).to_numpy(), dtype=np.int64)


def _index(values: Int, ordered: tuple[Int, Int]) -> Int:
    """Translate hashes to positions; ``ordered`` is (sorted hashes, their positions)."""
    hashes, positions = ordered
    return np.asarray(positions[np.searchsorted(hashes, values)])


def _identities(table: pa.Table) -> tuple[tuple[Int, Int], pa.Table]:
    """Return (sorted hashes, their positions) and the accounts in the order of their ids."""
    known = table.take(pa.array(text_order(table.column("account_id"))))
    hashes = _ints(known, "account")
    order = np.argsort(hashes)
    return (hashes[order], order.astype(np.int64)), known


def _accounts(known: pa.Table, profiles: pa.Table, hourly: Hourly) -> Accounts:
    count = len(known)
    place = pc.index_in(known.column("account"), value_set=profiles.column("account").combine_chunks())

    def fact(name: str) -> pa.ChunkedArray:
        return profiles.column(name).take(place)

    named = fact("organization_id")
    organisation = pc.if_else(pc.equal(pc.fill_null(named, ""), ""), known.column("organization_id"), named)
    unit = _units(organisation)
    created = np.asarray(pc.fill_null(fact("created_us"), 0).to_numpy(), np.int64)
    verified = np.asarray(pc.fill_null(pc.equal(fact("verification"), Verification.ORGANISATION), False).to_numpy())
    begin = int(hourly.first_us.min()) if count else 0
    programme = pc.fill_null(fact("programme"), str(Programme.NONE))
    return Accounts(
        ids=known.column("account_id").to_pylist(),
        organisation=_shared(organisation),
        unit=unit,
        verified=_any_in_unit(verified.astype(np.bool_), unit),
        aged=_any_in_unit((created > 0) & (created <= begin - AGE_FLOOR_DAYS * DAY_US), unit),
        programme=[name or Programme.NONE for name in _shared(programme)],
        created_us=created,
        first_us=hourly.first_us,
        last_us=hourly.last_us,
        n=hourly.sums["n"],
        output_tokens=hourly.sums["output_tokens"],
        single_turn=hourly.sums["single_turn"],
        end_users=hourly.sums["end_users"],
    )


def _units(organisation: pa.ChunkedArray) -> Int:
    """Number organisations in the order of their first account; an account without one is its own."""
    coded = organisation.combine_chunks().dictionary_encode()
    codes = np.asarray(pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False), np.int64)
    alone = codes < 0
    # codes are given in the order of first sight, so a first one is above all before it
    fresh = alone | (codes > np.concatenate(([-1], np.maximum.accumulate(codes)[:-1])))
    unit = np.cumsum(fresh) - 1
    return np.asarray(np.where(alone, unit, unit[fresh & ~alone][codes]) if not alone.all() else unit)


def _shared(texts: pa.ChunkedArray) -> list[str | None]:
    """Return texts of which many are equal as a list in which equal ones are one object."""
    coded = texts.combine_chunks().dictionary_encode()
    names = np.array([*coded.dictionary.to_pylist(), None], np.object_)
    return list(names[pc.fill_null(coded.indices, len(names) - 1).to_numpy()].tolist())


def _any_in_unit(flag: Bool, unit: Int) -> Bool:
    if not len(unit):
        return flag
    return np.asarray(np.bincount(unit, flag.astype(np.int64), int(unit.max()) + 1)[unit] > 0)


def _template_order(content: pa.Table, hashes: tuple[Int, Int]) -> Int:
    """Template hashes by falling volume, ties by their first account and hour; 0 (none) comes first."""
    if not len(content):
        return np.zeros(1, np.int64)
    values, inverse = np.unique(_ints(content, "template"), return_inverse=True)
    n = np.bincount(inverse, _ints(content, "n"))
    account = np.full(len(values), np.iinfo(np.int64).max)
    hour = account.copy()
    np.minimum.at(account, inverse, _index(_ints(content, "account"), hashes))
    np.minimum.at(hour, inverse, _ints(content, "hour"))
    order = np.lexsort((hour, account, -n, values != 0))
    ranked = values[order]
    return ranked if len(ranked) and ranked[0] == 0 else np.concatenate(([0], ranked))


def _template_index(values: Int, templates: Int) -> Int:
    order = np.argsort(templates)
    return np.asarray(order[np.searchsorted(templates, values, sorter=order)])


def _content(table: pa.Table, hourly: Hourly, hashes: tuple[Int, Int], templates: Int) -> Content:
    """Exchanges by template: those the table tells of, and as template 0 whatever else happened in an hour."""
    if not len(table):
        none = np.broadcast_to(np.int64(0), len(hourly.n))
        return Content(none, hourly.account, hourly.hour, hourly.n, hourly.single_turn)
    told = Content(
        _template_index(_ints(table, "template"), templates),
        _index(_ints(table, "account"), hashes),
        _ints(table, "hour"),
        _ints(table, "n"),
        _ints(table, "single_turn"),
    )
    rest_n, rest_single = _rest(told, hourly)
    rest = np.flatnonzero(rest_n > 0)
    whole = Content(
        np.concatenate([np.zeros(len(rest), np.int64), told.template]),
        np.concatenate([hourly.account[rest], told.account]),
        np.concatenate([hourly.hour[rest], told.hour]),
        np.concatenate([rest_n[rest], told.n]),
        np.concatenate([np.minimum(rest_single, rest_n)[rest], told.single_turn]),
    )
    order = np.lexsort((whole.hour, whole.account, whole.template))
    return Content(*(getattr(whole, name)[order] for name in ("template", "account", "hour", "n", "single_turn")))


def _rest(told: Content, hourly: Hourly) -> tuple[Int, Int]:
    """Exchanges and single turns of every account and hour that no template accounts for, never below 0."""
    first = int(hourly.hour.min()) if len(hourly.hour) else 0
    width = int(hourly.hour.max()) - first + 1 if len(hourly.hour) else 1
    key = hourly.account.astype(np.int64) * width + (hourly.hour - first)
    mine = told.account * width + (told.hour - first)
    at = np.minimum(np.searchsorted(key, mine), max(len(key) - 1, 0))
    found = key[at] == mine if len(key) else np.zeros(len(mine), np.bool_)
    n = hourly.n - np.bincount(at[found], told.n[found], len(key)).astype(np.int64)
    single = hourly.single_turn - np.bincount(at[found], told.single_turn[found], len(key)).astype(np.int64)
    return np.maximum(n, 0), np.maximum(single, 0)


def _matrix(table: pa.Table, name: str, width: int) -> Int:
    """A fixed-width list column as int64 [rows, width]."""
    column = table.column(name).combine_chunks()
    flat = np.asarray(column.flatten().to_numpy(zero_copy_only=False), np.int64)
    return flat.reshape(len(table), width)


def _pools(table: pa.Table, hashes: tuple[Int, Int], templates: Int) -> Pools:
    template = _template_index(_ints(table, "template"), templates)
    account = _index(_ints(table, "account"), hashes) if len(table) else np.zeros(0, np.int64)
    day = _ints(table, "day")
    order = np.lexsort((day, account, template))
    table = table.take(pa.array(order))
    bodies = table.column("bodies").combine_chunks()
    lengths = np.asarray(pc.list_value_length(bodies).to_numpy(zero_copy_only=False), np.int64)
    features = _matrix(table, "features", FEATURE_DIM)
    return Pools(
        template=template[order],
        account=account[order],
        day=day[order],
        n=_ints(table, "n"),
        single_turn=_ints(table, "single_turn"),
        grader=_ints(table, "grader"),
        output_tokens=_ints(table, "output_tokens"),
        features=(features / FEATURE_SCALE).astype(np.float32),
        shape=_matrix(table, "shape", SHAPE_BINS),
        capabilities=_matrix(table, "capabilities", len(Capability)),
        elicitations=_matrix(table, "elicitations", len(Elicitation)),
        offsets=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        bodies=np.asarray(bodies.flatten().to_numpy(zero_copy_only=False), np.int64),
        body_n=np.asarray(table.column("body_n").combine_chunks().flatten().to_numpy(zero_copy_only=False), np.int64),
    )


def _by_label(models: dict[int, ModelDays], labels: dict[tuple[str, int], str]) -> dict[str, ModelDays]:
    named = {labels.get((TraitKind.MODEL, value), f"{value & 0xFFFFFFFF:08x}"): days for value, days in models.items()}
    return dict(sorted(named.items()))


def _sentences(templates: pa.Table, order: Int) -> list[Int]:
    known = dict(zip(templates.column("template").to_pylist(), templates.column("sentences").to_pylist(), strict=True))
    return [np.array(known.get(value) or [], np.int64) for value in order.tolist()]


def _words(sentences: pa.Table) -> dict[int, tuple[str, int, int]]:
    kept = sentences.filter(pc.greater(pc.utf8_length(sentences.column("words")), 0))
    return {row["sentence"]: (row["words"], row["n"], len(row["senders"])) for row in kept.to_pylist()}
