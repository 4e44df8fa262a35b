"""Elicitation: does the group ask the model to write down what a student would learn from?

Unit: share of focal exchanges that elicit chains of thought, reconstructed traces, rubric grades or
rewrites, above the share among all accounts. Evaluation harnesses do the same: a small weight, and never
enough by itself - across real prompt sets such a classifier reaches an AUC of .66.

Null: the share in honest groups that use one template.

Source: the attack reports (C1, C5); classifier in ``sketch.elicitation``, figures in ``docs/elicitation.md``.
"""

from typing import ClassVar

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.population import tally
from spiritsafe.detection.signals.base import Signal, ratio_with_error
from spiritsafe.detection.synthetic import clockwork
from spiritsafe.model.words import Elicitation, Family

__all__ = ["HARVESTED", "Elicited"]

HARVESTED = [
    list(Elicitation).index(kind)
    for kind in (
        Elicitation.CHAIN_OF_THOUGHT,
        Elicitation.TRACE_RECONSTRUCTION,
        Elicitation.RUBRIC_GRADING,
        Elicitation.REWRITING,
    )
]


class Elicited(Signal):
    """Share of exchanges that elicit training material."""

    name = "elicitation"
    family = Family.CONTENT
    unit = "share of exchanges"
    prior: ClassVar[Null] = Null(0.25, 0.4)
    alternative: ClassVar[Alternative] = Alternative(0.9, 0.35, 0.0, 1.0)
    adaptive = False

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the share; None where no text was seen."""
        pools = focus.population.pools
        counts = pools.elicitations[focus.pool]
        if not counts.sum():
            return None
        asked = tally(focus.pool_who, counts[:, HARVESTED].sum(axis=1), focus.size)
        value, error = ratio_with_error(asked, tally(focus.pool_who, counts.sum(axis=1), focus.size))
        return Measurement(
            value,
            error + 0.02,
            f"{value:.0%} of the focal exchanges elicit reasoning, grades, traces or rewrites",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """Chains of thought throughout; none."""
        return clockwork(seed=9, shared=1.0, elicited=1.0), clockwork(seed=10, shared=0.0, elicited=0.0)
