"""The accounts of a scan as arrays, read once from the stored tables.

Accounts are ordered by id and templates by volume, never by hash, so that findings do not depend on
the key under which identifiers were hashed. Everything later indexes into these arrays; nothing in
this room sees text or a raw identifier.
"""

from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from spiritsafe.detection.gather import expand
from spiritsafe.engine.order import count_distinct
from spiritsafe.engine.tables import FEATURE_DIM, SHAPE_BINS
from spiritsafe.model.words import TraitKind

__all__ = [
    "AGE_FLOOR_DAYS",
    "Accounts",
    "Content",
    "ModelDays",
    "Pools",
    "Population",
    "Traits",
    "expand",
    "size_code",
    "size_histogram",
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
    """Exchanges per (template, account, hour), sorted by that key; template 0 is what has none.

    In a log without templates this is the activity itself, not a copy.
    """

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


class ModelDays(NamedTuple):
    """Who used a model when: account, day and exchanges of every (account, day), unsorted; the first use of all."""

    account: Int
    day: Int
    n: Int
    first_us: int


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
    activity_size: NDArray[np.uint8]
    model_days: dict[str, ModelDays]
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
    def foci(self) -> MutableMapping[tuple[bytes, bytes], Any]:
        """What was cut out and is held by somebody, see ``focus.cut``; forgotten with the population."""
        return WeakValueDictionary()

    @cached_property
    def content_key(self) -> Int:
        """``template * size + account`` of every content row; ascending."""
        if len(self.templates) == 1:
            return self.content.account
        return self.content.template * self.size + self.content.account

    @cached_property
    def usage(self) -> tuple[Int, Int]:
        """Template and account of every pair of which there is an exchange, sorted by both."""
        key = self.content_key
        first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1]))) if len(key) else np.zeros(0, np.int64)
        return np.asarray(self.content.template[first]), self.content.account[first].astype(np.int64)

    def users(self, template: int) -> Int:
        """Return the accounts that sent something with a template, ascending."""
        used, account = self.usage
        first, last = np.searchsorted(used, [template, template + 1])
        return account[first:last]

    @cached_property
    def users_of_each(self) -> Int:
        """How many accounts sent something with each template, int64 [templates]."""
        return np.bincount(self.usage[0], minlength=len(self.templates))

    def templates_of(self, members: Int) -> tuple[Int, Int]:
        """Return (template, member's account) of every pair of which there is an exchange."""
        order, starts = self._usage_by_account
        rows = order[expand(starts[members], starts[members + 1])]
        return self.usage[0][rows], self.usage[1][rows]

    @cached_property
    def _usage_by_account(self) -> tuple[Int, Int]:
        account = self.usage[1]
        order = np.argsort(account, kind="stable")
        return order, np.searchsorted(account[order], np.arange(self.size + 1))

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
            begin, whole = self._whole_profile(width)
            wanted = np.arange(cells) + first_day * per_day - begin
            there = (wanted >= 0) & (wanted < len(whole))
            return np.where(there, whole[np.clip(wanted, 0, max(len(whole) - 1, 0))] if len(whole) else 0.0, 0.0)
        rows = expand(self.activity_starts[members], self.activity_starts[members + 1])
        cell = self.activity_hour[rows] // width - first_day * per_day
        weight = self.activity_n[rows] * self._weight[self.activity_account[rows]]
        return tally(*_inside(cell, weight, cells), cells)

    def _whole_profile(self, width: int) -> tuple[int, Float]:
        """First cell and everybody's weighed activity per cell of ``width`` hours."""
        if width not in self._profiles:
            cell = self.activity_hour // width
            begin = int(cell.min()) if len(cell) else 0
            weight = self.activity_n * self._weight[self.activity_account]
            self._profiles[width] = (begin, np.asarray(np.bincount(cell - begin, weight), np.float64))
        return self._profiles[width]

    @cached_property
    def _profiles(self) -> dict[int, tuple[int, Float]]:
        return {}

    @cached_property
    def _weight(self) -> Float:
        return np.asarray(1 / np.sqrt(np.maximum(self.accounts.n, 1)))

    def values_of(self, kind: TraitKind, members: Int) -> tuple[Int, Int]:
        """Return (account, value) of every trait of ``kind`` that the members have."""
        account, value, starts = self._by_account(kind)
        rows = expand(starts[members], starts[members + 1])
        return account[rows], value[rows]

    def share_with(self, kind: TraitKind, wanted: Int) -> Float:
        """Return the share of all accounts that have each of these traits, float [wanted]."""
        values = self.traits.value[self.traits.rows(kind)]
        first, last = np.searchsorted(values, wanted), np.searchsorted(values, wanted, side="right")
        return np.asarray((last - first) / max(self.size, 1))

    def _by_account(self, kind: TraitKind) -> tuple[Int, Int, Int]:
        if kind not in self._kinds:
            at = self.traits.rows(kind)
            rows = at.start + np.argsort(self.traits.account[at], kind="stable")
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
    def silent(self) -> Bool:
        """Accounts of whose exchanges no pool tells: their log carries no text, bool [size]."""
        told = np.zeros(self.size, np.bool_)
        told[self.pools.account] = True
        return ~told

    @cached_property
    def base_shape(self) -> Float:
        """Share of each size bin in all exchanges, float [SHAPE_BINS]; both halves sum to one."""
        quiet = self.silent[self.activity_account]
        total = self.pools.shape.sum(axis=0) + size_histogram(self.activity_size[quiet], self.activity_n[quiet])
        return np.asarray(total / max(float(total.sum()) / 2, 1.0))

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


_SIDE = SHAPE_BINS // 2


def size_code(input_tokens: Int, output_tokens: Int, n: Int) -> NDArray[np.uint8]:
    """Return the bins of the mean request and answer as one number, request bin times SHAPE_BINS / 2 plus answer bin.

    >>> size_code(np.array([30]), np.array([3]), np.array([2])).tolist()
    [65]
    """
    bins = [
        np.minimum(np.log2(1 + tokens / np.maximum(n, 1)).astype(np.int64), _SIDE - 1)
        for tokens in (input_tokens, output_tokens)
    ]
    return np.asarray(bins[0] * _SIDE + bins[1], np.uint8)


def size_histogram(codes: NDArray[np.uint8], n: Int) -> Float:
    """Return how many of ``n`` exchanges lie in each size bin, requests first, float [SHAPE_BINS]."""
    table = np.bincount(codes, n, _SIDE * _SIDE).reshape(_SIDE, _SIDE)
    return np.concatenate([table.sum(axis=1), table.sum(axis=0)])


def tally(index: Int, weights: NDArray[np.generic], size: int) -> Float:
    """Sum ``weights`` by ``index`` into float [size].

    >>> tally(np.array([0, 2, 2]), np.array([1.0, 2.0, 3.0]), 3).tolist()
    [1.0, 0.0, 5.0]
    """
    return np.asarray(np.bincount(index, weights.astype(np.float64), size), np.float64)


def _inside(cell: Int, weight: Float, cells: int) -> tuple[Int, Float]:
    kept = (cell >= 0) & (cell < cells)
    return cell[kept], weight[kept]


def unit_degree(code: Int, value: Int, unit: Int) -> Int:
    """Return the number of distinct units per (code, value), spread back to its rows, which are sorted by it.

    >>> unit_degree(np.array([0, 0, 0, 1]), np.array([7, 7, 7, 7]), np.array([1, 1, 2, 1])).tolist()
    [2, 2, 2, 1]
    """
    if not len(value):
        return np.zeros(0, np.int64)
    fresh = np.concatenate(([True], (value[1:] != value[:-1]) | (code[1:] != code[:-1]), [True]))
    starts = np.flatnonzero(fresh)
    return np.repeat(count_distinct(unit, starts), np.diff(starts))
