"""One subject matter: are bodies of different members as alike as bodies of one member?

Unit: (across - base) / (within - base) of the mean body similarity with the template removed; base is the
similarity of bodies drawn from two random accounts. One corpus dealt out gives ~1; accounts with work of
their own give ~0 to .5. Where members themselves have no subject (within ~ base) there is no verdict.

Null: the ratio in honest groups. It is high in honest groups too whose template implies the subject
(a benchmark, homework, one trade): the weight is small.

Source: inner products of random-Fourier features are Gaussian-kernel similarities (Rahimi & Recht 2007);
the ratio is an intra-class correlation of the kernel mean embeddings.
"""

from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.population import Float
from spiritsafe.detection.signals.base import Signal, ratio_with_error
from spiritsafe.detection.synthetic import subjects
from spiritsafe.model.words import Family

__all__ = ["Homogeneity", "alikeness", "pairwise"]

_SMALL = 0.01  # a kernel similarity this close to the base is noise of 64 features


class Homogeneity(Signal):
    """Similarity of bodies across members against within members."""

    name = "one_subject"
    family = Family.CORPUS
    unit = "ratio of similarities"
    prior: ClassVar[Null] = Null(0.45, 0.28)
    alternative: ClassVar[Alternative] = Alternative(1.0, 0.15, -4.0, 2.5)

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the ratio; None where members have no subject of their own or sent too little."""
        volume = focus.pool_volume
        mean = focus.population.base_feature
        ratio = alikeness(focus.feature_sums, volume, float(mean @ mean), volume)
        if ratio is None:
            return None
        value, error = ratio
        return Measurement(
            value,
            error + 0.03,
            f"bodies of different accounts are {value:.0%} as alike as bodies of one account "
            f"({int(volume.sum())} exchanges, template removed)",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """One corpus dealt over accounts; accounts with a subject each."""
        return subjects(seed=1, own=False), subjects(seed=2, own=True)


def pairwise(across: Float) -> Float:
    """Contributions of members to a mean over pairs, float [m], that keep the sum and carry its whole error.

    A member takes part in a pair from either side, so that the mean over pairs moves twice as far with a
    member as the mean of its own row does (Hoeffding's projection of a U-statistic, 1948).

    >>> pairwise(np.array([1.0, 3.0])).tolist()
    [0.0, 4.0]
    """
    return np.asarray(2 * across - across.mean())


def alikeness(sums: Float, volume: Float, base: float, self_norms: Float) -> tuple[float, float] | None:
    """Return (across - base) / (within - base) and its standard error, each member counting alike.

    Args:
        sums: per-member sums of feature vectors, float [m, k].
        volume: vectors summed per member, float [m].
        base: mean inner product of vectors of two random accounts.
        self_norms: per member, the sum of its vectors' squared norms.

    Returns:
        None with fewer than five members that sent two exchanges, or where within is no more than the base.
    """
    pairs = volume * (volume - 1)
    used = pairs > 0
    if used.sum() < 5:
        return None
    squares = (sums**2).sum(axis=1)
    # each member counts alike: a loud one must not decide what 'within' means
    mean = np.divide(sums, volume[:, None], out=np.zeros_like(sums), where=volume[:, None] > 0)[used]
    within = np.zeros(len(volume))
    within[used] = (squares[used] - self_norms[used]) / pairs[used] - base
    across = np.zeros(len(volume))
    across[used] = (mean @ mean.sum(axis=0) - (mean**2).sum(axis=1)) / (used.sum() - 1) - base
    if within[used].mean() < _SMALL:
        return None
    return ratio_with_error(pairwise(across[used]), within[used])
