"""What every signal is: a statistic of a focus, what honest groups show, what campaigns show.

One file per signal, so that a reader who doubts a number finds its definition, unit, null, source and
examples in one place. Signals only measure; weighing is ``calibration``'s, so all are weighed alike.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.population import Float
from spiritsafe.model.words import Family

__all__ = ["Signal", "overdispersion", "ratio_with_error"]


class Signal(ABC):
    """A statistic of one group's focal exchanges.

    Attributes:
        name: as in the findings.
        family: the family whose gain is capped together.
        unit: unit of the measured value.
        prior: what honest groups show where the log has no reference groups; shipped, from held-out worlds.
        alternative: what campaigns show, and the bounds of the weight.
        adaptive: True where the null is re-estimated from the log's own honest references.
    """

    name: ClassVar[str]
    family: ClassVar[Family]
    unit: ClassVar[str]
    prior: ClassVar[Null]
    alternative: ClassVar[Alternative]
    adaptive: ClassVar[bool] = True

    @abstractmethod
    def measure(self, focus: Focus) -> Measurement | None:
        """Return the value, or None where the group says nothing about it (no evidence either way)."""

    def measured(self, focus: Focus) -> Measurement | None:
        """Return the same, asking each focus once."""
        asked = type(self)
        if asked not in focus.answers:
            focus.answers[asked] = self.measure(focus)
        told: Measurement | None = focus.answers[asked]
        return told

    @staticmethod
    @abstractmethod
    def examples() -> tuple[Focus, Focus]:
        """Return (a campaign, an honest group): the first must weigh more bits than the second."""


def ratio_with_error(numerator: Float, denominator: Float) -> tuple[float, float]:
    """Ratio of sums over members with its jackknife-like standard error (linearised ratio estimator).

    Args:
        numerator, denominator: contribution of each member, float [m]; members are independent under the null.

    Raises:
        ZeroDivisionError: never; a zero denominator gives (0, inf).
    """
    total = float(denominator.sum())
    used = int(np.count_nonzero(denominator))
    if total <= 0 or used < 2:
        return 0.0, float("inf")
    ratio = float(numerator.sum()) / total
    residual = numerator - ratio * denominator
    return ratio, float(np.sqrt(np.sum(residual**2) * used / (used - 1)) / total)


def overdispersion(counts: Float, profile: Float, estimated: bool = True) -> tuple[Float, Float]:
    """Moment estimate of the intra-class correlation of counts about a common profile, by member.

    Counts of member a on day d are compared with its own total that day spread by the day's profile.
    Under a Dirichlet-multinomial, E[X^2] = (K - 1)(1 + (n - 1) rho) (Mosimann 1962), so
    rho = sum(X^2 - df) / sum((n - 1)(K - 1)). Days with fewer than two exchanges say nothing.

    Args:
        counts: float [m, days, cells].
        profile: float [days, cells], non-negative; rows need not be normalised.
        estimated: True if the profile was estimated from these members (costs one in A degrees of freedom).

    Returns:
        Numerator and denominator of rho per member, each float [m].
    """
    total = counts.sum(axis=2)
    share = profile / np.maximum(profile.sum(axis=1, keepdims=True), 1e-12)
    used = (total >= 2) & ((share > 0).sum(axis=1) > 1)[None, :]
    expected = total[:, :, None] * share[None, :, :]
    chi2 = np.divide((counts - expected) ** 2, expected, out=np.zeros_like(counts), where=expected > 0).sum(axis=2)
    cells = (share > 0).sum(axis=1)[None, :] - 1
    if estimated:
        # a member's own exchanges are part of the profile: it explains n/N of its own X^2 away
        own = np.divide(total, profile.sum(axis=1)[None, :], out=np.zeros_like(total), where=total > 0)
        freedom = cells * np.maximum(1 - own, 0)
    else:
        freedom = np.broadcast_to(cells, total.shape)
    numerator = np.where(used, chi2 - freedom, 0).sum(axis=1)
    denominator = np.where(used, (total - 1) * freedom, 0).sum(axis=1)
    return np.asarray(numerator), np.asarray(denominator)
