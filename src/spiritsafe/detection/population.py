"""The accounts of a scan as arrays, read once from the stored tables.

Accounts are ordered by id and templates by volume, never by hash, so that findings do not depend on
the key under which identifiers were hashed. Everything later indexes into these arrays; nothing in
this room sees text or a raw identifier.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.engine.tables import DAY_US, FEATURE_DIM, FEATURE_SCALE, SHAPE_BINS
from spiritsafe.model.words import Capability, Elicitation, Programme, TraitKind, Verification

__all__ = [
    "AGE_FLOOR_DAYS",
    "Accounts",
    "Content",
    "Pools",
    "Population",
    "Traits",
    "expand",
    "load",
    "tally",
    "unit_degree",
]

AGE_FLOOR_DAYS = 30
"""An organisation younger than this when the log begins cannot be a reference for honest behaviour."""

Int = NDArray[np.int64]
Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Accounts:
    """One entry per account, ordered by account id.

    ``unit`` numbers the organisation (an account without one is its own unit); ``verified`` and
    ``aged`` are facts about that organisation, ``programme`` about the account.
    """

    ids: list[str]
    organisation: list[str | None]
    unit: Int
    verified: Bool
    aged: Bool
    programme: list[str]
    created_us: Int
    first_us: Int
    last_us: Int
    n: Int
    output_tokens: Int
    single_turn: Int
    end_users: Int

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Content:
    """Exchanges per (template, account, hour), sorted by that key."""

    template: Int
    account: Int
    hour: Int
    n: Int
    single_turn: Int


@dataclass(frozen=True, slots=True)
class Pools:
    """What was sent per (template, account, day), sorted by that key.

    ``features`` is float [rows, FEATURE_DIM], the sum of unit-norm body features; bodies are ragged:
    row r owns ``bodies[offsets[r]:offsets[r + 1]]`` with counts ``body_n``.
    """

    template: Int
    account: Int
    day: Int
    n: Int
    single_turn: Int
    grader: Int
    output_tokens: Int
    features: NDArray[np.float32]
    shape: Int
    capabilities: Int
    elicitations: Int
    offsets: Int
    bodies: Int
    body_n: Int


@dataclass(frozen=True, slots=True)
class Traits:
    """Distinct (kind, value, account), sorted by that key; ``degree`` counts the value's units.

    Kinds are few and rows many, so a kind is told once: ``kinds[i]`` has rows ``starts[i]:starts[i + 1]``.
    """

    kinds: tuple[str, ...]
    starts: Int
    value: Int
    account: Int
    n: Int
    degree: Int
    first_us: Int

    @property
    def kind(self) -> NDArray[np.str_]:
        """The kind of every row."""
        return np.repeat(np.array(self.kinds, dtype=np.str_), np.diff(self.starts))

    def kind_of(self, row: int) -> str:
        """Return the kind of one row."""
        return self.kinds[int(np.searchsorted(self.starts, row, side="right")) - 1]

    def rows(self, kind: str) -> slice:
        """Return where the rows of ``kind`` are; empty if nobody has such a trait."""
        if kind not in self.kinds:
            return slice(0, 0)
        at = self.kinds.index(kind)
        return slice(int(self.starts[at]), int(self.starts[at + 1]))


@dataclass(frozen=True, eq=False)
class Population:
    """All that detection reads."""

    accounts: Accounts
    content: Content
    pools: Pools
    traits: Traits
    activity_account: Int
    activity_hour: Int
    activity_n: Int
    model_days: dict[str, tuple[Int, Int, Int, Int]]
    templates: Int
    sentences: list[Int]
    labels: dict[tuple[str, int], str]
    words: dict[int, tuple[str, int, int]]
    released_us: dict[str, int]

    @property
    def size(self) -> int:
        """Number of accounts."""
        return len(self.accounts)

    @cached_property
    def units(self) -> int:
        """Number of distinct organisations, accounts without one counted singly."""
        return int(self.accounts.unit.max()) + 1 if self.size else 0

    @cached_property
    def content_key(self) -> Int:
        """``template * size + account`` of every content row; ascending."""
        return self.content.template * self.size + self.content.account

    @cached_property
    def pool_key(self) -> Int:
        """``template * size + account`` of every pool row; ascending."""
        return self.pools.template * self.size + self.pools.account

    def cell_profile(self, first_day: int, days: int, per_day: int, members: Int | None = None) -> Float:
        """Activity per cell of ``days`` days, every account weighed by one over the root of its volume.

        Args:
            first_day: days since the epoch.
            days: how many.
            per_day: cells a day has.
            members: only these accounts, all by default.

        Returns:
            float [days * per_day].
        """
        width, cells = 24 // per_day, days * per_day
        if members is None:
            cell, weight = self._weighted_cells
            return tally(*_inside(cell // width - first_day * per_day, weight, cells), cells)
        rows = expand(self.activity_starts[members], self.activity_starts[members + 1])
        cell, weight = self._weighted_cells
        return tally(*_inside(cell[rows] // width - first_day * per_day, weight[rows], cells), cells)

    def values_of(self, kind: TraitKind, members: Int) -> tuple[Int, Int]:
        """Return (account, value) of every trait of ``kind`` that the members have."""
        account, value, starts = self._by_account(kind)
        rows = expand(starts[members], starts[members + 1])
        return account[rows], value[rows]

    def share_with(self, kind: TraitKind, value: int) -> float:
        """Return the share of all accounts that have this trait."""
        account, values, _ = self._by_account(kind)
        return len(np.unique(account[values == value])) / max(self.size, 1)

    def _by_account(self, kind: TraitKind) -> tuple[Int, Int, Int]:
        if kind not in self._kinds:
            rows = np.flatnonzero(self.traits.kind == str(kind))
            rows = rows[np.argsort(self.traits.account[rows], kind="stable")]
            account = self.traits.account[rows]
            starts = np.searchsorted(account, np.arange(self.size + 1))
            self._kinds[kind] = (account, self.traits.value[rows], starts)
        return self._kinds[kind]

    @cached_property
    def _kinds(self) -> dict[TraitKind, tuple[Int, Int, Int]]:
        return {}

    @cached_property
    def activity_starts(self) -> Int:
        """First activity row of each account, int64 [size + 1]."""
        return np.searchsorted(self.activity_account, np.arange(self.size + 1))

    @cached_property
    def _weighted_cells(self) -> tuple[Int, Float]:
        weight = 1 / np.sqrt(np.maximum(self.accounts.n, 1))
        return self.activity_hour, self.activity_n * weight[self.activity_account]

    @cached_property
    def base_shape(self) -> Float:
        """Share of each size bin in all exchanges, float [SHAPE_BINS]; both halves sum to one."""
        return np.asarray(self.pools.shape.sum(axis=0) / max(float(self.pools.shape.sum()) / 2, 1.0))

    @cached_property
    def base_feature(self) -> Float:
        """Mean body feature of an account drawn at random, float [FEATURE_DIM].

        Accounts count once each however much they send: otherwise one loud client would set the base.
        """
        if not self.size or not len(self.pools.n):
            return np.zeros(FEATURE_DIM)
        sums = np.zeros((self.size, FEATURE_DIM))
        np.add.at(sums, self.pools.account, self.pools.features)
        n = np.bincount(self.pools.account, self.pools.n, self.size)
        seen = n > 0
        return np.asarray((sums[seen] / n[seen, None]).mean(axis=0))


def expand(starts: Int, stops: Int) -> Int:
    """Return the concatenation of ``range(start, stop)`` over all pairs.

    >>> expand(np.array([0, 5]), np.array([2, 6])).tolist()
    [0, 1, 5]
    """
    lengths = stops - starts
    total = int(lengths.sum())
    if not total:
        return np.zeros(0, np.int64)
    begin = np.repeat(starts - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    return begin + np.arange(total)


def tally(index: Int, weights: NDArray[np.generic], size: int) -> Float:
    """Sum ``weights`` by ``index`` into float [size].

    >>> tally(np.array([0, 2, 2]), np.array([1.0, 2.0, 3.0]), 3).tolist()
    [1.0, 0.0, 5.0]
    """
    return np.asarray(np.bincount(index, weights.astype(np.float64), size), np.float64)


def _inside(cell: Int, weight: Float, cells: int) -> tuple[Int, Float]:
    kept = (cell >= 0) & (cell < cells)
    return cell[kept], weight[kept]


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


def unit_degree(code: Int, value: Int, unit: Int) -> Int:
    """Return the number of distinct units per (code, value), spread back to its rows, which are sorted by it.

    >>> unit_degree(np.array([0, 0, 0, 1]), np.array([7, 7, 7, 7]), np.array([1, 1, 2, 1])).tolist()
    [2, 2, 2, 1]
    """
    if not len(value):
        return np.zeros(0, np.int64)
    group = np.cumsum(np.concatenate(([False], (value[1:] != value[:-1]) | (code[1:] != code[:-1]))))
    order = np.lexsort((unit, group))
    fresh = np.concatenate(([True], (np.diff(group[order]) != 0) | (np.diff(unit[order]) != 0)))
    return np.asarray(np.bincount(group[order], fresh)[group], np.int64)


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
