"""From a measured value to bits, and from bits to a false-discovery rate.

A signal's value x with standard error s is weighed between two normal populations: what honest groups
show, N(null.mean, null.sd^2 + s^2), and what campaigns show. The weight is their log2 likelihood ratio,
taken at x clipped at the campaigns' mean - beyond it more is not stranger, only further than anyone has
seen - with the honest spread no narrower than the campaigns', so that the weight falls all the way to the
honest side; and bounded, because no single signal may convict or acquit.

A likelihood ratio is an e-value under its null: its expectation there is at most one. Sums of bits over
conditionally independent families are therefore log2 e-values, and the e-BH procedure (Wang & Ramdas,
JRSS-B 84, 2022, doi:10.1111/rssb.12489) controls the false-discovery rate under any dependence between
groups - and nested candidate groups are as dependent as tests can be.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["Alternative", "Measurement", "Null", "Partly", "e_bh", "normal_p", "robust_null", "weigh"]

_LOG2E = 1.4426950408889634


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a signal saw in one group.

    Attributes:
        value: in the signal's unit.
        error: standard error of ``value``, same unit.
        detail: a sentence with the counts behind it.
    """

    value: float
    error: float
    detail: str


@dataclass(frozen=True, slots=True)
class Null:
    """What honest groups show: mean and between-group standard deviation, and how many were seen."""

    mean: float
    sd: float
    groups: int = 0


@dataclass(frozen=True, slots=True)
class Partly:
    """What a share of the campaigns shows instead, which do what the signal looks for only in part."""

    share: float
    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class Alternative:
    """What campaigns show, and how much this signal may say either way, in bits.

    Attributes:
        mean, sd: of campaigns, in the signal's unit.
        floor, cap: bounds of the weight.
        partly: a second component of the mixture, None for a plain normal.
    """

    mean: float
    sd: float
    floor: float
    cap: float
    partly: Partly | None = None


def weigh(measured: Measurement, null: Null, alternative: Alternative) -> float:
    """Return the bounded log2 likelihood ratio of campaign against honest group.

    >>> weigh(Measurement(1.0, 0.1, ""), Null(0.0, 0.5), Alternative(1.0, 0.1, -3, 4)) > 1
    True
    >>> weigh(Measurement(0.0, 9.9, ""), Null(0.0, 0.5), Alternative(1.0, 0.1, -3, 4))
    -0.01
    >>> weigh(Measurement(-2.0, 0.1, ""), Null(0.0, 0.5), Alternative(1.0, 0.1, -3, 4))
    -3.0
    >>> halfway, honest = Measurement(0.5, 0.1, ""), Null(-0.5, 0.3)
    >>> weigh(halfway, honest, Alternative(1.0, 0.1, -3, 4))
    -0.64
    >>> weigh(halfway, honest, Alternative(1.0, 0.1, -3, 4, Partly(0.25, 0.5, 0.2)))
    4.0
    """
    towards = 1.0 if alternative.mean >= null.mean else -1.0
    value = alternative.mean - towards * max((alternative.mean - measured.value) * towards, 0.0)
    honest = np.hypot(max(null.sd, alternative.sd), measured.error)
    campaign = np.hypot(alternative.sd, measured.error)
    shown = _log_density(value, alternative.mean, campaign)
    if (partly := alternative.partly) is not None:
        other = _log_density(value, partly.mean, np.hypot(partly.sd, measured.error))
        shown = float(np.logaddexp(np.log1p(-partly.share) + shown, np.log(partly.share) + other))
    bits = shown - _log_density(value, null.mean, honest)
    return round(float(min(max(bits * _LOG2E, alternative.floor), alternative.cap)), 2)


def _log_density(x: float, mean: float, sd: float) -> float:
    return float(-0.5 * ((x - mean) / sd) ** 2 - np.log(sd))


def normal_p(measured: Measurement, null: Null, alternative: Alternative) -> float:
    """Return the one-sided p-value towards the alternative: uniform where the null holds."""
    z = (measured.value - null.mean) / np.hypot(null.sd, measured.error)
    return float(ndtr(-z if alternative.mean > null.mean else z))


def robust_null(values: NDArray[np.float64], errors: NDArray[np.float64], prior: Null, strength: float = 8) -> Null:
    """Blend a shipped prior with reference groups of this log, by median and MAD.

    The median ignores up to half of the references, so a minority of planted organisations cannot move
    it far; MAD estimates total spread, from which the mean squared error is taken (method of moments,
    as DerSimonian & Laird 1986). ``strength`` is the prior's weight in groups. The spread never falls
    below half of the prior's: a few look-alike references must not make the null overconfident.
    """
    count = len(values)
    if not count:
        return prior
    centre = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - centre)))
    between = np.sqrt(max(spread**2 - float(np.median(errors**2)), 0.0))
    share = count / (count + strength)
    mean = prior.mean + share * (centre - prior.mean)
    variance = prior.sd**2 + share * (between**2 - prior.sd**2) + share * (1 - share) * (centre - prior.mean) ** 2
    return Null(mean, float(max(np.sqrt(variance), prior.sd / 2)), count)


def e_bh(bits: NDArray[np.float64], tested: int) -> NDArray[np.float64]:
    """Return the e-BH q-value of each group: the smallest FDR at which it is discovered.

    Args:
        bits: log2 e-values of the groups that are still standing, float [k].
        tested: number of groups tested, at least k; those left out count as e = 0.

    >>> e_bh(np.array([10.0, 0.0]), 4).tolist()
    [0.00390625, 1.0]
    """
    if not len(bits):
        return np.zeros(0)
    order = np.argsort(-bits, kind="stable")
    rank = np.arange(1, len(bits) + 1)
    raw = np.minimum(max(tested, len(bits)) / (rank * np.exp2(bits[order])), 1.0)
    q = np.minimum.accumulate(raw[::-1])[::-1]
    out = np.empty(len(bits))
    out[order] = q
    return out
