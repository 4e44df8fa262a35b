"""Pooled MMD: does the group as a whole ask about something else than everybody?

Unit: intra-class correlation at account level: the squared maximum mean discrepancy between the group's
pooled bodies and the population's, over the mean squared discrepancy of a single member. Strangers'
subjects cancel when pooled (~0); one corpus does not (~1).

Null: the same in honest groups. Pooling by candidate group is the point: a member's whole life is
shorter than the window in which an unpooled MMD test has power.

Source: unbiased MMD (Gretton et al., JMLR 13, 2012) on random-Fourier features; LabRAI 2606.05725.
"""

from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.signals.base import Signal, ratio_with_error
from spiritsafe.detection.signals.homogeneity import pairwise
from spiritsafe.detection.synthetic import subjects
from spiritsafe.model.words import Family

__all__ = ["Discrepancy"]


class Discrepancy(Signal):
    """Pooled discrepancy over members' own discrepancies."""

    name = "pooled_mmd"
    family = Family.CORPUS
    unit = "intra-class correlation"
    prior: ClassVar[Null] = Null(0.35, 0.3)
    alternative: ClassVar[Alternative] = Alternative(0.9, 0.25, -0.5, 0.5)

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the correlation; None with fewer than five members that sent two exchanges."""
        volume = focus.pool_volume
        used = volume >= 2
        if used.sum() < 5:
            return None
        mean = focus.feature_sums[used] / volume[used, None] - focus.population.base_feature
        count = int(used.sum())
        across = (mean @ mean.sum(axis=0) - (mean**2).sum(axis=1)) / (count - 1)
        own = (mean**2).sum(axis=1)
        value, error = ratio_with_error(pairwise(across), own)
        if not np.isfinite(error):
            return None
        return Measurement(
            value,
            error + 0.03,
            f"pooled over {count} accounts the subject matter keeps {max(value, 0):.0%} of one account's distance "
            "from the population's",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """One corpus; a subject each."""
        return subjects(seed=9, own=False), subjects(seed=10, own=True)
