"""What an exchange tries to make the model write down, from the classifier's scores.

The threshold is on the margin over `Elicitation.NONE`, because the cost is asymmetric: an honest prompt
labelled chain-of-thought counts against its account, a missed one is one of hundreds in a campaign.
"""

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.words import Elicitation

__all__ = ["ELICITATION_CODES", "elicitation_margin", "pick_elicitation"]

ELICITATION_CODES: tuple[Elicitation, ...] = tuple(Elicitation)
"""What a sketch's ``elicitation`` indexes."""

_NONE = ELICITATION_CODES.index(Elicitation.NONE)


def elicitation_margin(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32[N, classes]: how far each class lies above its threshold, in logits; NONE is 0."""
    margin = scores.copy()
    margin[:, _NONE] = 0
    return margin


def pick_elicitation(scores: NDArray[np.float32]) -> NDArray[np.int8]:
    """Return int8[N], the class furthest above its threshold, NONE where no class is above."""
    return np.asarray(elicitation_margin(scores).argmax(axis=1), np.int8)
