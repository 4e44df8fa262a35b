"""PRADA: are the distances between an account's successive queries too regular to be natural?

Juuti, Szyller, Marchal and Asokan (EuroS&P 2019): the smallest distance of each new query to all before it,
outliers beyond three standard deviations left out, tested for normality with Shapiro and Wilk's W. They keep
distances per predicted class; a language model predicts none, so there is one class.
"""

import numpy as np
from scipy.stats import shapiro

from peers.log import Float, Log, Points

__all__ = ["LEAST", "THRESHOLD", "scores"]

LEAST = 100
"""Distances that the authors ask for before they decide."""
_LEAST_RANKED = 20
_MOST = 200
THRESHOLD = 0.95
"""W below which they raise an alarm (theirs lies between .90 and .96, by data set)."""


def scores(log: Log, points: Points) -> tuple[Float, np.ndarray]:
    """Return 1 - W of each account, 0 where too little was asked, and which accounts raise an alarm.

    Args:
        log: the log.
        points: unit vectors of its prompts.
    """
    out, alarm = np.zeros(log.accounts), np.zeros(log.accounts, np.bool_)
    for account in range(log.accounts):
        mine = points[log.of(account)][:_MOST]
        if len(mine) <= _LEAST_RANKED:
            continue
        near = _nearest_before(mine)
        near = near[np.abs(near - near.mean()) <= 3 * near.std()]
        if near.std() == 0:
            continue
        out[account] = 1 - float(shapiro(near).statistic)
        alarm[account] = len(near) >= LEAST and 1 - out[account] < THRESHOLD
    return out, alarm


def _nearest_before(points: Points) -> Float:
    """Return the distance of each point but the first to the nearest of those before it, float [n - 1]."""
    likeness = np.tril(points @ points.T, -1) - 2 * np.triu(np.ones((len(points), len(points))))
    return np.asarray(np.sqrt(np.maximum(2 - 2 * likeness[1:].max(axis=1), 0)))
