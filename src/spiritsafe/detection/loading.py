"""Stored tables into a population: hashes become positions, tables become sorted arrays.

Apart from the population itself, because everything that knows a column's name is here and nowhere else.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spiritsafe.detection.population import (
    AGE_FLOOR_DAYS,
    Accounts,
    Bool,
    Content,
    Int,
    Pools,
    Population,
    Traits,
    unit_degree,
)
from spiritsafe.engine.tables import DAY_US, FEATURE_DIM, FEATURE_SCALE, SHAPE_BINS
from spiritsafe.model.words import Capability, Elicitation, Programme, Verification

__all__ = ["load"]


def load(tables: Mapping[str, pa.Table]) -> Population:
    """Build the population from merged tables (see ``engine.tables``), one row per key.

    Args:
        tables: ``identities``, ``activity``, ``traits``, ``labels``, ``content``, ``pools``, ``sentences``,
            ``templates``, ``profiles`` and ``models``.
    """
    hashes, accounts = _accounts(tables)
    template_of = _template_order(tables["content"], hashes)
    content = _content(tables["content"], hashes, template_of)
    activity = tables["activity"]
    hour_account = _index(_ints(activity, "account"), hashes)
    order = np.lexsort((_ints(activity, "hour"), hour_account))
    labels = {(row["kind"], row["value"]): row["label"] for row in tables["labels"].to_pylist() if row["label"]}
    return Population(
        accounts=accounts,
        content=content,
        pools=_pools(tables["pools"], hashes, template_of),
        traits=_traits(tables["traits"], hashes, accounts.unit),
        activity_account=hour_account[order],
        activity_hour=_ints(activity, "hour")[order],
        activity_n=_ints(activity, "n")[order],
        model_days=_model_days(tables["traits"], hashes, labels),
        templates=template_of,
        sentences=_sentences(tables["templates"], template_of),
        labels=labels,
        words=_words(tables["sentences"]),
        released_us={
            row["model"]: row["released_us"] for row in tables["models"].to_pylist() if row["released_us"] > 0
        },
    )


def _ints(table: pa.Table, name: str) -> Int:
    return np.asarray(table.column(name).to_numpy(), dtype=np.int64)


def _index(values: Int, ordered: tuple[Int, Int]) -> Int:
    """Translate hashes to positions; ``ordered`` is (sorted hashes, their positions)."""
    hashes, positions = ordered
    return np.asarray(positions[np.searchsorted(hashes, values)])


def _accounts(tables: Mapping[str, pa.Table]) -> tuple[tuple[Int, Int], Accounts]:
    known = tables["identities"].sort_by("account_id")
    hashes = _ints(known, "account")
    order = np.argsort(hashes)
    ordered = (hashes[order], order.astype(np.int64))
    profile = {row["account"]: row for row in tables["profiles"].to_pylist()}
    rows = [profile.get(key, {}) for key in hashes.tolist()]
    organisation = [
        row.get("organization_id") or own
        for row, own in zip(rows, known.column("organization_id").to_pylist(), strict=True)
    ]
    unit = _units(organisation)
    count = len(rows)
    created = np.array([row.get("created_us") or 0 for row in rows], np.int64)
    activity = tables["activity"]
    who = _index(_ints(activity, "account"), ordered) if len(activity) else np.zeros(0, np.int64)
    first, last = np.full(count, np.iinfo(np.int64).max), np.zeros(count, np.int64)
    np.minimum.at(first, who, _ints(activity, "first_us"))
    np.maximum.at(last, who, _ints(activity, "last_us"))
    verified_account = np.array([row.get("verification") == Verification.ORGANISATION for row in rows], np.bool_)
    verified = _any_in_unit(verified_account, unit)
    begin = int(first.min()) if count else 0
    aged = _any_in_unit((created > 0) & (created <= begin - AGE_FLOOR_DAYS * DAY_US), unit)

    def total(name: str) -> Int:
        return np.bincount(who, _ints(activity, name), count).astype(np.int64)

    return ordered, Accounts(
        ids=known.column("account_id").to_pylist(),
        organisation=organisation,
        unit=unit,
        verified=verified,
        aged=aged,
        programme=[row.get("programme") or Programme.NONE for row in rows],
        created_us=created,
        first_us=first,
        last_us=last,
        n=total("n"),
        output_tokens=total("output_tokens"),
        single_turn=total("single_turn"),
        end_users=total("end_users"),
    )


def _units(organisation: list[str | None]) -> Int:
    numbers: dict[str, int] = {}
    out = np.empty(len(organisation), np.int64)
    fresh = 0
    for row, name in enumerate(organisation):
        if name is None or name not in numbers:
            if name is not None:
                numbers[name] = fresh
            out[row] = fresh
            fresh += 1
        else:
            out[row] = numbers[name]
    return out


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


def _content(table: pa.Table, hashes: tuple[Int, Int], templates: Int) -> Content:
    if not len(table):
        empty = np.zeros(0, np.int64)
        return Content(empty, empty, empty, empty, empty)
    template = _template_index(_ints(table, "template"), templates)
    account = _index(_ints(table, "account"), hashes)
    hour = _ints(table, "hour")
    order = np.lexsort((hour, account, template))
    return Content(
        template[order],
        account[order],
        hour[order],
        _ints(table, "n")[order],
        _ints(table, "single_turn")[order],
    )


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


def _traits(table: pa.Table, hashes: tuple[Int, Int], unit: Int) -> Traits:
    grouped = table.group_by(["kind", "value", "account"]).aggregate([("n", "sum"), ("first_us", "min")])
    told = grouped.column("kind").combine_chunks().dictionary_encode()
    names = told.dictionary.to_pylist()
    kinds = tuple(sorted(names))
    rank = np.array([kinds.index(name) for name in names], np.int64)
    code = rank[told.indices.to_numpy(zero_copy_only=False)]
    value, account = _ints(grouped, "value"), _index(_ints(grouped, "account"), hashes)
    order = np.lexsort((account, value, code))
    code, value, account = code[order], value[order], account[order]
    return Traits(
        kinds=kinds,
        starts=np.searchsorted(code, np.arange(len(kinds) + 1)),
        value=value,
        account=account,
        n=_ints(grouped, "n_sum")[order],
        degree=unit_degree(code, value, unit[account]),
        first_us=_ints(grouped, "first_us_min")[order],
    )


def _model_days(
    traits: pa.Table, hashes: tuple[Int, Int], labels: dict[tuple[str, int], str]
) -> dict[str, tuple[Int, Int, Int, Int]]:
    """Per model: account, day, exchanges and first time of every (account, model, day)."""
    rows = traits.filter(pc.equal(traits.column("kind"), "model"))
    value = _ints(rows, "value")
    account, day = _index(_ints(rows, "account"), hashes), _ints(rows, "day")
    n, first = _ints(rows, "n"), _ints(rows, "first_us")
    out = {}
    for model in np.unique(value).tolist():
        at = np.flatnonzero(value == model)
        at = at[np.lexsort((day[at], account[at]))]
        out[labels.get(("model", model), f"{model & 0xFFFFFFFF:08x}")] = (
            account[at],
            day[at],
            n[at],
            first[at],
        )
    return dict(sorted(out.items()))


def _sentences(templates: pa.Table, order: Int) -> list[Int]:
    known = dict(zip(templates.column("template").to_pylist(), templates.column("sentences").to_pylist(), strict=True))
    return [np.array(known.get(value) or [], np.int64) for value in order.tolist()]


def _words(sentences: pa.Table) -> dict[int, tuple[str, int, int]]:
    kept = sentences.filter(pc.greater(pc.utf8_length(sentences.column("words")), 0))
    return {row["sentence"]: (row["words"], row["n"], len(row["senders"])) for row in kept.to_pylist()}
