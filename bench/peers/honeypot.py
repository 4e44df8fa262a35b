"""honeypotllm's own suspicion scorer, its package and its defaults, fed with the log in order.

It reads the machine's clock; here the clock is the event's time, so that a log of a week says what a week of
traffic would have said. An account's score is the highest that it ever reached.
"""

from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
from honeypotllm import scoring
from honeypotllm.config import ScoringConfig

from peers.log import Float, Log

__all__ = ["THRESHOLD", "scores"]

THRESHOLD = 0.75
"""The package's default: from here on it marks an account's answers."""


def scores(log: Log) -> Float:
    """Return the highest score of each account, float [accounts]."""
    clock = SimpleNamespace(time=lambda: 0.0)
    scorer = scoring.SuspicionScorer(ScoringConfig(), THRESHOLD)
    out = np.zeros(log.accounts)
    at, tokens = log.at.tolist(), log.columns["input_tokens"].to_pylist()
    with patch.object(scoring, "time", clock):
        for account in range(log.accounts):
            key, rows = str(account), log.of(account)
            best = 0.0
            for row in range(rows.start, rows.stop):
                moment = at[row]
                clock.time = lambda moment=moment: moment
                if row == rows.start:  # its own default would take the machine's clock
                    scorer._states = {key: scoring.ScoringState(key_hash=key, last_seen=moment)}
                result = scorer.score_request(key, prompt=log.prompt[row], input_tokens=tokens[row])
                best = max(best, result.score_after)
            out[account] = best
    return out
