"""What honest groups look like in this very log.

Two references, because neither alone is safe. Verified organisations that existed a month before the log
show how alike honest *colleagues* are; random strangers show how alike anybody is here (in a log of flat,
round-the-clock services everybody keeps one clock). The null takes, for each signal, the one that leaves
less evidence. Organisations with a distillation licence are left out - they behave like campaigns - and
so is, for each group, every organisation that has accounts in it: nobody testifies in his own case.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from spiritsafe.detection.calibration import Null, robust_null
from spiritsafe.detection.focus import Focus, cut
from spiritsafe.detection.population import Bool, Float, Int, Population
from spiritsafe.detection.signals import Signal
from spiritsafe.model.words import Programme

__all__ = ["References", "reference_organisations"]

_LEAST_ACCOUNTS = 5
_MOST_ORGANISATIONS = 200
_STRANGER_GROUPS = 40
_STRANGERS = 30
_MOST_DRAWN = 20_000
"""Accounts drawn at most to find thirty strangers among them: shuffling millions forty times over takes minutes."""


@dataclass(frozen=True)
class References:
    """Measured values of the adaptive signals in honest groups.

    Attributes:
        units: organisation number per reference organisation, int64 [r].
        values, errors: float [r, signals]; NaN where the signal had nothing to say.
        strangers: the null of random strangers per signal, None where it has nothing to say.
    """

    units: Int
    values: Float
    errors: Float
    strangers: tuple[Null | None, ...]
    _cache: dict[tuple[int, bytes], Null] = field(default_factory=dict, repr=False)

    @classmethod
    def measure(cls, population: Population, signals: Sequence[Signal], seed: int) -> "References":
        """Measure every adaptive signal in reference organisations and in random groups of strangers."""
        units = reference_organisations(population)
        foci = [_whole(population, members) for members in _accounts_of(population, units)]
        values, errors = _table(foci, signals)
        rng = np.random.default_rng(seed)
        crowd = [_whole(population, draw) for draw in _draws(population, rng)]
        stranger_values, stranger_errors = _table(crowd, signals)
        strangers = tuple(
            _null_of(stranger_values[:, column], stranger_errors[:, column]) for column in range(len(signals))
        )
        return cls(units, values, errors, strangers)

    def null(self, column: int, signal: Signal, units: Int) -> Null:
        """Return the null of ``signal`` for a group whose members belong to ``units``.

        Args:
            column: the signal's position when measured.
            signal: whose prior to start from.
            units: organisations with accounts in the group; they are left out.
        """
        return self.null_without(column, signal, self.away(units))

    def away(self, units: Int) -> Bool:
        """Return which reference organisations have accounts in a group of ``units``, bool [r]."""
        away = np.zeros(len(self.units), np.bool_)
        if len(away):
            # references are few and ascending, a group's organisations are not
            place = np.minimum(np.searchsorted(self.units, units), len(away) - 1)
            away[place[self.units[place] == units]] = True
        return away

    def null_without(self, column: int, signal: Signal, away: Bool) -> Null:
        """Return the null of ``signal`` with the reference organisations ``away`` left out, bool [r]."""
        if not signal.adaptive:
            return signal.prior
        key = column, away.tobytes()
        if key not in self._cache:
            self._cache[key] = self._null(column, signal, away)
        return self._cache[key]

    def _null(self, column: int, signal: Signal, away: Bool) -> Null:
        known = np.isfinite(self.errors[:, column]) & ~away
        null = robust_null(self.values[known, column], self.errors[known, column], signal.prior)
        strangers = self.strangers[column]
        if strangers is None:
            return null
        towards = np.sign(signal.alternative.mean - null.mean)
        if (strangers.mean - null.mean) * towards <= 0:
            return null
        return Null(strangers.mean, max(null.sd, strangers.sd), null.groups)


def reference_organisations(population: Population) -> Int:
    """Verified, aged organisations of at least five accounts without a distillation licence, by number."""
    accounts = population.accounts
    sizes = np.bincount(accounts.unit[accounts.verified & accounts.aged], minlength=population.units)
    units = np.flatnonzero(sizes >= _LEAST_ACCOUNTS)
    # programmes are text: only those of the few organisations that are left are looked at
    licensed = [
        any(accounts.programme[index] == Programme.LICENSED_DISTILLATION for index in members.tolist())
        for members in _accounts_of(population, units)
    ]
    return units[~np.array(licensed, np.bool_)][:_MOST_ORGANISATIONS]


def _accounts_of(population: Population, units: Int) -> list[Int]:
    """The accounts of each organisation, ascending; looked for once, however many organisations there are."""
    if not len(units):
        return []
    wanted = np.zeros(population.units, np.bool_)
    wanted[units] = True
    mine = np.flatnonzero(wanted[population.accounts.unit])
    place = np.searchsorted(units, population.accounts.unit[mine])
    order = np.argsort(place, kind="stable")
    return np.split(mine[order], np.searchsorted(place[order], np.arange(1, len(units))))


def _whole(population: Population, members: Int) -> Focus:
    """Everything the members send: an honest organisation has no template that made it a group."""
    return cut(population, members, np.unique(population.templates_of(members)[0]))


def _draws(population: Population, rng: np.random.Generator) -> list[Int]:
    """Groups of strangers, one account per organisation, active on several days."""
    active = np.flatnonzero(population.accounts.n >= 8)
    if len(active) < 2 * _STRANGERS:
        return []
    out = []
    for _ in range(_STRANGER_GROUPS):
        drawn = rng.permutation(active) if len(active) <= _MOST_DRAWN else rng.choice(active, _MOST_DRAWN)
        _, first = np.unique(population.accounts.unit[drawn], return_index=True)
        out.append(np.sort(drawn[np.sort(first)[:_STRANGERS]]))
    return out


def _table(foci: list[Focus], signals: Sequence[Signal]) -> tuple[Float, Float]:
    values = np.full((len(foci), len(signals)), np.nan)
    errors = np.full((len(foci), len(signals)), np.nan)
    for row, focus in enumerate(foci):
        for column, signal in enumerate(signals):
            measured = signal.measured(focus) if signal.adaptive else None
            if measured is not None and np.isfinite(measured.error):
                values[row, column], errors[row, column] = measured.value, measured.error
    return values, errors


def _null_of(values: Float, errors: Float) -> Null | None:
    known = np.isfinite(errors)
    if known.sum() < _STRANGER_GROUPS // 2:
        return None
    centre = float(np.median(values[known]))
    spread = 1.4826 * float(np.median(np.abs(values[known] - centre)))
    return Null(centre, spread, int(known.sum()))
