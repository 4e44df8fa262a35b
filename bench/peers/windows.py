"""Windowed maximum mean discrepancy against benign traffic (after LabRAI, arXiv 2606.05725), rebuilt.

The stream of everybody's requests is cut into windows of 1,500; a window raises an alarm if its unbiased MMD^2
to a benign reference, over Gaussian kernels of half to four times the median distance, exceeds what
benign windows show. It names no account. For a figure per account the same statistic is taken over one
account's own requests, which is far less than a window.

The reference is better than any provider has: requests of half of the honest accounts of the very same world,
which are then not judged.
"""

from dataclasses import dataclass

import numpy as np

from peers.log import Float, Int, Points

__all__ = ["WINDOW", "Discrepancy", "cut"]

WINDOW = 1_500
_SCALES, _WIDEST = 4, 4.0
"""Kernels, and the widest in median distances; each is half as wide as the one before: 4, 2, 1, a half."""
_REFERENCE = 1_500
_OWN = 60
"""Requests of an account that are looked at: beyond, the statistic hardly changes."""
_BLOCK = 512


@dataclass(frozen=True)
class Discrepancy:
    """The distance to a benign reference.

    Attributes:
        reference: points of benign requests.
        width: variance of the widest kernel.
        within: mean kernel value between different reference points.
    """

    reference: Points
    width: float
    within: float

    @classmethod
    def from_points(cls, points: Points, seed: int) -> "Discrepancy":
        """Return the statistic over a sample of benign points."""
        rng = np.random.default_rng(seed)
        sample = points[rng.permutation(len(points))[:_REFERENCE]]
        apart = _squares(sample[:300], sample[:300])[np.triu_indices(min(len(sample), 300), 1)]
        width = _WIDEST**2 * max(float(np.median(apart)), 1e-6)
        return cls(sample, width, _mean_within(sample, width))

    def of(self, points: Points) -> float:
        """Return the unbiased MMD^2 between points and the reference; nan for fewer than two."""
        if len(points) < 2:
            return float("nan")
        across = sum(
            float(_kernel(points[i : i + _BLOCK], self.reference, self.width).mean(axis=1).sum())
            for i in range(0, len(points), _BLOCK)
        )
        return _mean_within(points, self.width) + self.within - 2 * across / len(points)

    def of_account(self, points: Points) -> float:
        """Return the statistic of one account's requests; 0 for fewer than two."""
        value = self.of(points[:_OWN])
        return 0.0 if np.isnan(value) else value


def cut(at: Float, size: int = WINDOW) -> list[Int]:
    """Return the requests of each full window, in order of time.

    >>> [window.tolist() for window in cut(np.array([3.0, 1.0, 2.0]), 2)]
    [[1, 2]]
    """
    order = np.argsort(at, kind="stable")
    return [order[i : i + size] for i in range(0, len(order) - size + 1, size)]


def _squares(a: Points, b: Points) -> Float:
    return np.asarray(np.maximum((a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T, 0))


def _kernel(a: Points, b: Points, width: float) -> Float:
    """Return the mean of the kernels; each is the fourth power of the next wider one, as the widths double."""
    wide = np.exp(-_squares(a, b) / (2 * width))
    total = wide.copy()
    for _ in range(_SCALES - 1):
        wide *= wide
        wide *= wide
        total += wide
    return total / _SCALES


def _mean_within(points: Points, width: float) -> float:
    n = len(points)
    total = sum(float(_kernel(points[i : i + _BLOCK], points, width).sum()) for i in range(0, n, _BLOCK))
    return (total - n) / (n * (n - 1))
