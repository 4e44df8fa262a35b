"""An isolation forest over what is known of each account by itself: the usual first attempt (scikit-learn).

Liu, Ting and Zhou (ICDM 2008). Whatever ways an account differs from most others count alike; nothing is
known of other accounts but how unusual this one is among them.
"""

import numpy as np
import pyarrow.compute as pc
from sklearn.ensemble import IsolationForest

from peers.log import Float, Log, Points

__all__ = ["FEATURES", "features", "scores"]

FEATURES = (
    "exchanges", "active days", "exchanges per active day", "median gap", "variation of gaps", "entropy of hours",
    "share at night", "input tokens", "variation of input tokens", "output tokens", "variation of output tokens",
    "share with instructions", "share of new prompts", "prompt length", "addresses", "models", "clients",
    "share of first turns", "likeness of own prompts",
)  # fmt: skip
_LEAST = 2


def features(log: Log, points: Points) -> Float:
    """Return one row per account, float [accounts, features]; zeros for accounts with fewer than two requests."""
    columns = {name: np.array(log.columns[name].to_pylist(), object) for name in ("client_ip", "model", "user_agent")}
    number = {name: log.columns[name].to_numpy().astype(float) for name in ("input_tokens", "output_tokens")}
    system = pc.is_valid(log.columns["system_prompt"]).to_numpy(zero_copy_only=False).astype(float)
    first = (pc.fill_null(log.columns["message_count"], 1).to_numpy() - system <= 1).astype(float)
    prompts = np.array(log.prompt, object)
    length = np.array([len(text) for text in log.prompt], float)
    out = np.zeros((log.accounts, len(FEATURES)))
    for account in range(log.accounts):
        rows = log.of(account)
        n = rows.stop - rows.start
        if n < _LEAST:
            continue
        at, hours = log.at[rows], (log.at[rows] // 3_600 % 24).astype(int)
        gaps, days = np.diff(at), len(np.unique(at // 86_400))
        out[account] = (
            np.log1p(n), days, n / days, np.log1p(np.median(gaps)), _variation(gaps), _entropy(hours),
            (hours < 6).mean(), np.log1p(number["input_tokens"][rows].mean()), _variation(number["input_tokens"][rows]),
            np.log1p(number["output_tokens"][rows].mean()), _variation(number["output_tokens"][rows]),
            system[rows].mean(), len(set(prompts[rows])) / n, np.log1p(length[rows].mean()),
            len(set(columns["client_ip"][rows])), len(set(columns["model"][rows])),
            len(set(columns["user_agent"][rows])), first[rows].mean(),
            float(np.linalg.norm(points[rows].mean(axis=0))),
        )  # fmt: skip
    return out


def scores(log: Log, points: Points, seed: int) -> tuple[Float, np.ndarray]:
    """Return how easily each account is set apart, higher is easier, and which lie beyond the default threshold."""
    table = features(log, points)
    seen = np.diff(log.starts) >= _LEAST
    forest = IsolationForest(n_estimators=200, random_state=seed).fit(table[seen])
    out, alarm = np.full(log.accounts, -1.0), np.zeros(log.accounts, np.bool_)
    out[seen] = -forest.score_samples(table[seen])
    alarm[seen] = forest.predict(table[seen]) < 0
    return out, alarm


def _variation(values: Float) -> float:
    mean = float(values.mean())
    return float(values.std()) / mean if mean > 0 else 0.0


def _entropy(hours: np.ndarray) -> float:
    share = np.bincount(hours, minlength=24) / len(hours)
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum())
