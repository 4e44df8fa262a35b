"""The part of the log that one candidate group is judged on: its members' focal exchanges.

Cover traffic would drown every statistic, so a group is judged only on the templates that made it a
group; the members' other exchanges stay outside. A focus is cut from the population once and handed
to every signal. It never changes, so what was asked of it is kept with it.
"""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from spiritsafe.detection.gather import expand, rows_of, sum_rows
from spiritsafe.detection.population import Bool, Float, Int, Population, tally
from spiritsafe.engine.tables import SHAPE_BINS

__all__ = ["CELLS_PER_DAY", "Focus", "cut", "once"]

CELLS_PER_DAY = 4
"""Six-hour cells: fine enough to see a rhythm, coarse enough for accounts with ten exchanges a day."""


@dataclass(frozen=True)
class Focus:
    """Focal exchanges of ``members`` (ascending account indices, m of them).

    Row arrays speak of members by their position 0..m-1 (``who``).

    Attributes:
        members: account indices, int64 [m].
        templates: focal template indices.
        unit: organisation number per member, int64 [m].
        who, what, hour, n, single_turn: focal exchanges per (member, template, hour); ``what`` is the template.
        size_code: what the log tells of the sizes of exchanges without text, see ``population.size_code``.
        pool: indices of the members' focal rows in ``population.pools``.
        pool_who: member position of each pool row.
    """

    population: Population
    members: Int
    templates: Int
    who: Int
    what: Int
    hour: Int
    n: Int
    single_turn: Int
    size_code: NDArray[np.uint8]
    pool: Int
    pool_who: Int

    @property
    def size(self) -> int:
        """Number of members."""
        return len(self.members)

    @cached_property
    def answers(self) -> dict[object, Any]:
        """What was asked of this focus, by who asked; see :func:`once`."""
        return {}

    @cached_property
    def unit(self) -> Int:
        """Organisation number per member, int64 [m]."""
        return self.population.accounts.unit[self.members]

    @cached_property
    def units(self) -> int:
        """Number of distinct organisations among the members."""
        return len(self.organisations[1])

    @cached_property
    def organisations(self) -> tuple[Int, Int]:
        """Each member's organisation as a number from 0, int64 [m], and how many members each has."""
        _, place, size = np.unique(self.unit, return_inverse=True, return_counts=True)
        return place, size

    @cached_property
    def volume(self) -> Int:
        """Focal exchanges per member, int64 [m]."""
        return np.bincount(self.who, self.n, self.size).astype(np.int64)

    @cached_property
    def exchanges(self) -> int:
        """Focal exchanges in all."""
        return int(self.n.sum())

    @cached_property
    def first_day(self) -> int:
        """First day with a focal exchange, days since the epoch."""
        return int(self.hour.min()) // 24 if len(self.hour) else 0

    @cached_property
    def cells(self) -> Float:
        """Counts by member, day and six-hour cell, float [m, days, CELLS_PER_DAY]."""
        if not len(self.hour):
            return np.zeros((self.size, 1, CELLS_PER_DAY))
        cell = (self.hour - self.first_day * 24) // (24 // CELLS_PER_DAY)
        days = int(cell.max()) // CELLS_PER_DAY + 1
        width = days * CELLS_PER_DAY
        flat = tally(self.who * width + cell, self.n, self.size * width)
        return flat.reshape(self.size, days, CELLS_PER_DAY)

    @cached_property
    def feature_sums(self) -> Float:
        """Sum of the body features of each member, float [m, FEATURE_DIM]."""
        return self.pool_sums(self.population.pools.features)

    @cached_property
    def pool_volume(self) -> Float:
        """Focal exchanges per member as the pools count them, float [m]."""
        return tally(self.pool_who, self.population.pools.n[self.pool], self.size)

    @cached_property
    def shape_sums(self) -> Float:
        """Size histogram of each member's focal exchanges, float [m, SHAPE_BINS].

        Where the log carries no text, sizes are the means of an hour.
        """
        sums = self.pool_sums(self.population.pools.shape)
        quiet = (self.what == 0) & self.population.silent[self.members][self.who]
        for side, code in enumerate(np.divmod(self.size_code[quiet].astype(np.int64), SHAPE_BINS // 2)):
            np.add.at(sums, (self.who[quiet], side * (SHAPE_BINS // 2) + code), self.n[quiet])
        return sums

    @cached_property
    def outside_profile(self) -> Float:
        """Exchanges of everybody else per six-hour cell of the focus's span, float [days * CELLS_PER_DAY].

        Each account counts by the square root of its volume, so that no single client sets the profile.
        """
        first, days = self.first_day, self.cells.shape[1]
        profile = self.population.cell_profile(first, days, CELLS_PER_DAY)
        profile = profile - self.population.cell_profile(first, days, CELLS_PER_DAY, self.members)
        floor = float(profile.mean()) * 0.02 if profile.any() else 1.0
        return np.asarray(np.maximum(profile, 0) + floor)

    def pool_sums(self, rows: NDArray[np.generic]) -> Float:
        """Sum rows of a pools matrix over each member: [pool rows, k] to float [m, k]."""
        return sum_rows(rows, self.pool, self.pool_who, self.size)

    def only(self, keep: Bool) -> "Focus":
        """Return the focus of the members where ``keep`` (bool [m]) is true."""
        return cut(self.population, self.members[keep], self.templates)

    def between(self, parity: int) -> "Focus":
        """Return the same group seen on every other day only: days with ``day % 2 == parity``.

        A door that chose its members by their rhythm must be tested on days it has not seen.
        """
        if parity not in self._halves:
            self._halves[parity] = self._half(parity)
        return self._halves[parity]

    @cached_property
    def _halves(self) -> dict[int, "Focus"]:
        return {}

    def _half(self, parity: int) -> "Focus":
        rows = (self.hour // 24) % 2 == parity
        pool = self.population.pools.day[self.pool] % 2 == parity
        return Focus(
            self.population,
            self.members,
            self.templates,
            self.who[rows],
            self.what[rows],
            self.hour[rows],
            self.n[rows],
            self.single_turn[rows],
            self.size_code[rows],
            self.pool[pool],
            self.pool_who[pool],
        )


T = TypeVar("T")


def once(ask: Callable[[Focus], T]) -> Callable[[Focus], T]:
    """Keep the answer with the focus: several signals ask the same, and nested candidates come to the same focus."""

    @wraps(ask)
    def answer(focus: Focus) -> T:
        if ask not in focus.answers:
            focus.answers[ask] = ask(focus)
        told: T = focus.answers[ask]
        return told

    return answer


def known(population: Population) -> MutableMapping[tuple[bytes, bytes], Focus]:
    """Return every focus that somebody holds, by members and templates: many candidates come to the same group."""
    return population.foci


def cut(population: Population, members: Int, templates: Int) -> Focus:
    """Cut the focal exchanges of ``members`` with ``templates`` out of the population.

    Args:
        population: all accounts.
        members: account indices, any order, no repeats.
        templates: template indices; 0 stands for exchanges without a template.
    """
    members, templates = (np.sort(part).astype(np.int64, copy=False) for part in (members, templates))
    key = members.tobytes(), templates.tobytes()
    focus = known(population).get(key)
    if focus is None:
        focus = known(population)[key] = _cut(population, members, templates)
    return focus


def _cut(population: Population, members: Int, templates: Int) -> Focus:
    rows, who = _content_rows(population, members, templates)
    pool, pool_who = rows_of(population.pool_key, templates, members, population.size)
    content = population.content
    return Focus(
        population,
        members,
        templates,
        who,
        content.template[rows],
        content.hour[rows],
        content.n[rows],
        content.single_turn[rows],
        _sizes(population, rows),
        pool,
        pool_who,
    )


def _content_rows(population: Population, members: Int, templates: Int) -> tuple[Int, Int]:
    if len(population.templates) > 1 or not len(templates):
        return rows_of(population.content_key, templates, members, population.size)
    # content is the activity itself, of which it is known where each account's begins
    starts, stops = population.activity_starts[members], population.activity_starts[members + 1]
    return expand(starts, stops), np.repeat(np.arange(len(members)), stops - starts)


def _sizes(population: Population, rows: Int) -> NDArray[np.uint8]:
    """Sizes are told where content is the activity itself; elsewhere the pools tell them."""
    told = len(population.templates) == 1
    return population.activity_size[rows] if told else np.zeros(len(rows), np.uint8)
