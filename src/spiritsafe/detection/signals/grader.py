"""Grader shape: is the model used to give scores - rubric in, bounded score out?

Unit: share of focal exchanges shaped like grading. A campaign that trains a reward model has it (C1);
so has every LLM-judge test suite: a small weight.

Null: the share in honest groups.

Source: the attack reports (C1); shape defined in ``sketch.grader``.
"""

from typing import ClassVar

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.population import tally
from spiritsafe.detection.signals.base import Signal, ratio_with_error
from spiritsafe.detection.synthetic import clockwork
from spiritsafe.model.words import Family

__all__ = ["Grader"]


class Grader(Signal):
    """Share of exchanges shaped like grading."""

    name = "grader_shape"
    family = Family.CONTENT
    unit = "share of exchanges"
    prior: ClassVar[Null] = Null(0.1, 0.35)
    alternative: ClassVar[Alternative] = Alternative(0.9, 0.3, 0.0, 0.7)
    adaptive = False

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the share; None where the group grades nothing (most campaigns do not)."""
        pools = focus.population.pools
        graded = tally(focus.pool_who, pools.grader[focus.pool], focus.size)
        if graded.sum() < 0.2 * focus.exchanges or not focus.exchanges:
            return None
        volume = tally(focus.pool_who, pools.n[focus.pool], focus.size)
        value, error = ratio_with_error(graded, volume)
        return Measurement(value, error + 0.02, f"{value:.0%} of the focal exchanges ask for a bounded score")

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """Grading throughout; grading now and then."""
        return clockwork(seed=11, shared=1.0, graded=1.0), clockwork(seed=12, shared=0.0, graded=0.25)
