"""Single turns: does the group ever continue a conversation?

Unit: share of focal exchanges that are the first message of their conversation. Harvesting scripts
mostly ask once; people and assistants go on. About half of the published campaigns are agentic and go on as
well: the campaigns' side is a mixture of both. No verdict in a log in which hardly anybody goes on, or whose
conversations were not recorded.

Null: honest groups lie anywhere; many turns exculpate a little.

Source: the attack reports speak of scripted prompts; figures in ``docs/detection.md``.
"""

from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null, Partly
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.population import tally
from spiritsafe.detection.signals.base import Signal, ratio_with_error
from spiritsafe.detection.synthetic import clockwork
from spiritsafe.model.words import Family

__all__ = ["Turns"]


_ALL = 0.95
"""Share of single turns in a whole log from which being one of them says nothing."""


class Turns(Signal):
    """Share of single-turn exchanges."""

    name = "single_turn"
    family = Family.CONTENT
    unit = "share of exchanges"
    prior: ClassVar[Null] = Null(0.65, 0.35)
    alternative: ClassVar[Alternative] = Alternative(1.0, 0.2, -1.0, 0.5, Partly(0.5, 0.4, 0.25))

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the share; None for an empty focus and in a log of single turns."""
        accounts = focus.population.accounts
        if not focus.exchanges or accounts.single_turn.sum() > _ALL * accounts.n.sum():
            return None
        single = tally(focus.who, focus.single_turn, focus.size)
        value, error = ratio_with_error(single, focus.volume.astype(np.float64))
        return Measurement(
            value,
            error + 0.01,
            f"{value:.0%} of {focus.exchanges} focal exchanges open and end a conversation",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """Scripted single questions; conversations."""
        return clockwork(seed=7, shared=1.0), clockwork(seed=8, shared=0.0, single=0.2)
