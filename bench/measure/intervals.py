"""Intervals of shares: exact ones for independent trials, wider ones where trials come in clusters.

Members of one campaign stand or fall together, so a plain binomial interval over members would
promise far more than the few campaigns behind it can hold.
"""

from collections.abc import Sequence
from typing import NamedTuple

from scipy.stats import beta, t

__all__ = ["Interval", "clopper_pearson", "clustered", "mean_interval"]


class Interval(NamedTuple):
    """Two-sided 95 % bounds."""

    low: float
    high: float


def clopper_pearson(events: float, trials: float, confidence: float = 0.95) -> Interval:
    """Return the exact interval of a share (Clopper and Pearson, 1934); [0, 1] without trials.

    >>> [round(bound, 3) for bound in clopper_pearson(0, 3_000)]
    [0.0, 0.001]
    """
    if not trials:
        return Interval(0.0, 1.0)
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, events, trials - events + 1)) if events > 0 else 0.0
    high = float(beta.ppf(1 - tail, events + 1, trials - events)) if events < trials else 1.0
    return Interval(low, high)


def clustered(clusters: Sequence[tuple[int, int]]) -> Interval:
    """Return the interval of a pooled share whose trials come in clusters (Korn and Graubard, 1998).

    Clopper-Pearson on the effective number of trials: trials over the design effect, never more than
    there are. Where every cluster agrees the design effect cannot be seen, and a cluster counts as one trial.

    Args:
        clusters: (events, trials) of each.
    """
    full = [(events, trials) for events, trials in clusters if trials]
    trials = sum(size for _, size in full)
    if not trials:
        return Interval(0.0, 1.0)
    share, k = sum(events for events, _ in full) / trials, len(full)
    spread = sum((events - share * size) ** 2 for events, size in full)
    if k < 2 or not spread or share in {0.0, 1.0}:
        return clopper_pearson(share * k, k)
    variance = k / (k - 1) * spread / trials**2
    effective = min(float(trials), share * (1 - share) / variance)
    return clopper_pearson(share * effective, effective)


def mean_interval(values: Sequence[float]) -> Interval:
    """Return Student's interval of a mean; unbounded for fewer than two values.

    >>> mean_interval([0.0, 0.0])
    Interval(low=0.0, high=0.0)
    """
    n = len(values)
    if n < 2:
        return Interval(float("-inf"), float("inf"))
    mean = sum(values) / n
    error = (sum((value - mean) ** 2 for value in values) / (n - 1) / n) ** 0.5
    half = float(t.ppf(0.975, n - 1)) * error
    return Interval(mean - half, mean + half)
