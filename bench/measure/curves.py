"""ROC and precision-recall of a ranking, with intervals that know that members of one campaign stand or fall together.

Worlds are drawn again with replacement (the cluster bootstrap of Field and Welsh, 2007): a world's campaigns and its
honest accounts stay together, so that an interval reflects how few independent campaigns there are, not how
many accounts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from measure.intervals import Interval

__all__ = ["Estimate", "Ranked", "Ranking"]

Float = NDArray[np.float64]
_REPLICATES = 400
_TOUCH = 1e-9
_LEVELS = 1_500
"""Distinct values that are told apart; beyond, neighbours are taken together."""


class Ranked(NamedTuple):
    """What one world holds: a value per case, higher is more suspicious, and which cases are positive."""

    value: Float
    positive: NDArray[np.bool_]


class Estimate(NamedTuple):
    """A figure and its 95 % bootstrap interval."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class Ranking:
    """Counts by level, best level first, of every world.

    Attributes:
        positives, negatives: cases per (world, level), float [worlds, levels].
        levels: lower edge of each level, descending.
        weights: how often each world was drawn, float [replicates + 1, worlds]; the first row is the sample itself.
    """

    positives: Float
    negatives: Float
    levels: Float
    weights: Float

    @classmethod
    def of(cls, worlds: Sequence[Ranked], seed: int = 1) -> "Ranking":
        """Return the ranking over all worlds."""
        every = np.unique(np.concatenate([world.value for world in worlds]))
        levels = (
            every[np.unique(np.linspace(0, len(every) - 1, _LEVELS).astype(int))] if len(every) > _LEVELS else every
        )
        counts = np.zeros((2, len(worlds), len(levels)))
        for at, world in enumerate(worlds):
            place = np.searchsorted(levels, world.value, side="right") - 1
            for side, chosen in enumerate((world.positive, ~world.positive)):
                counts[side, at] = np.bincount(place[chosen], minlength=len(levels))[::-1]
        n = len(worlds)
        drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), _REPLICATES)
        return cls(counts[0], counts[1], levels[::-1], np.concatenate([np.ones((1, n)), drawn]).astype(float))

    def rates(self) -> tuple[Float, Float, Float]:
        """Return true-positive rate, false-positive rate and precision by level, each [replicates + 1, levels]."""
        hits = np.cumsum(self.weights @ self.positives, axis=1)
        alarms = np.cumsum(self.weights @ self.negatives, axis=1)
        total = np.maximum(hits[:, -1:], 1), np.maximum(alarms[:, -1:], 1)
        return hits / total[0], alarms / total[1], hits / np.maximum(hits + alarms, 1)

    def area(self) -> Estimate:
        """Return the area under the ROC curve; ties count half."""
        hits, alarms, _ = self.rates()
        edge = np.zeros((len(hits), 1))
        hits, alarms = np.hstack([edge, hits]), np.hstack([edge, alarms])
        return _estimate((np.diff(alarms) * (hits[:, 1:] + hits[:, :-1]) / 2).sum(axis=1))

    def average_precision(self) -> Estimate:
        """Return the mean precision over recall (steps, no interpolation)."""
        hits, _, precision = self.rates()
        return _estimate((np.diff(hits, prepend=0) * precision).sum(axis=1))

    def recall_at(self, rate: float) -> Estimate:
        """Return the largest recall at no more than this false-positive rate."""
        hits, alarms, _ = self.rates()
        return _estimate(np.where(alarms <= rate, hits, 0).max(axis=1))

    def roc(self, rates: Float) -> tuple[Float, Float, Float]:
        """Return recall and its bounds at each false-positive rate, each [len(rates)]."""
        every = np.stack([np.where(a[None, :] <= rates[:, None], h[None, :], 0).max(axis=1)
                          for h, a in zip(*self.rates()[:2], strict=True)])  # fmt: skip
        return every[0], *np.quantile(every[1:], (0.025, 0.975), axis=0)

    def precision_at(self, recalls: Float) -> tuple[Float, Float, Float]:
        """Return the precision where each recall is first reached, and its bounds."""
        hits, _, precision = self.rates()
        first = [np.searchsorted(h, recalls - _TOUCH) for h in hits]
        every = np.stack([p[np.minimum(at, len(p) - 1)] for p, at in zip(precision, first, strict=True)])
        return every[0], *np.quantile(every[1:], (0.025, 0.975), axis=0)


def _estimate(values: Float) -> Estimate:
    """Return the figure and its bounds; one world drawn again and again knows no interval, hence [0, 1]."""
    if not np.ptp(values[1:]) and 0 < values[0] < 1:
        return Estimate(float(values[0]), Interval(0.0, 1.0))
    low, high = np.quantile(values[1:], (0.025, 0.975))
    return Estimate(float(values[0]), Interval(float(low), float(high)))
