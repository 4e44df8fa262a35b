"""One shape of work: are the sizes of requests and answers as alike across members as within them?

Unit: the ratio of ``one_subject``, computed on histograms of log2 input and output tokens. It needs no
text, so it speaks where a provider logs sizes only; one corpus through one script has one size profile.

Null: the ratio in honest groups; a template fixes part of the sizes for everybody.

Source: LabRAI's windowed MMD over request metadata (2606.05725), pooled by group instead of window.
"""

from typing import ClassVar

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.signals.base import Signal
from spiritsafe.detection.signals.homogeneity import alikeness
from spiritsafe.detection.synthetic import subjects
from spiritsafe.model.words import Family

__all__ = ["Shape"]


class Shape(Signal):
    """Similarity of size histograms across members against within members."""

    name = "one_shape"
    family = Family.CORPUS
    unit = "ratio of similarities"
    prior: ClassVar[Null] = Null(0.6, 0.3)
    alternative: ClassVar[Alternative] = Alternative(1.0, 0.15, -0.5, 0.5)

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the ratio; None where members' sizes are no more alike than the population's."""
        sums = focus.shape_sums
        volume = sums.sum(axis=1) / 2
        everyone = focus.population.base_shape
        # a histogram pair (input bin, output bin) has squared norm 2
        ratio = alikeness(sums, volume, float(everyone @ everyone), 2 * volume)
        if ratio is None:
            return None
        value, error = ratio
        return Measurement(
            value,
            error + 0.05,
            f"request and answer sizes of different accounts are {value:.0%} as alike as those of one account",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """One size profile; a profile each."""
        return subjects(seed=7, own=False), subjects(seed=8, own=True)
