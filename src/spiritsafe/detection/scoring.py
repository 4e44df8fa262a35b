"""From a focus to evidence: every signal measured, weighed against this log's null, capped by family."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spiritsafe.detection.calibration import Null, normal_p, weigh
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.groups.candidate import Candidate
from spiritsafe.detection.references import References
from spiritsafe.detection.signals import SIGNALS, Signal
from spiritsafe.model.dossier import Spread
from spiritsafe.model.findings import Evidence, total_bits
from spiritsafe.model.words import Family

__all__ = ["ADDRESS_CAP", "FAMILY_CAP", "INFRASTRUCTURE_CAP", "UNDISPATCHED_FLOOR", "Score", "judge"]

FAMILY_CAP: dict[Family, float] = {
    Family.TIMING: 7.0,
    Family.CORPUS: 7.0,
    Family.CONTENT: 2.0,
    Family.VOLUME: 2.0,
    Family.PIVOT: 2.0,
    Family.PAYMENT: 4.5,
    Family.NETWORK: 3.0,
    Family.DEVICE: 3.0,
    Family.SIGNUP: 2.5,
    Family.CONTEXT: 0.0,
}
"""Most bits a family may give. Signals of one family see the same facts, so their sum must not grow with
the number of ways we look at them; the caps are what the weakest honest look-alike of ``docs/detection.md``
needs to stay below the threshold when two families agree by accident. Corpus may give as much as timing: of 1,094
honest groups of the tuning half (nested ones among them) in which nothing is asked twice, none had a ratio of
likeness above .93, where dealt corpora lie at 1.00."""
UNDISPATCHED_FLOOR = -2.0
"""Fewest bits that timing and volume may give together. A campaign can give its accounts hours and volumes of
their own for the price of a random number: if a quarter do without a dispatcher, the lack of a common clock and
of equal shares, which are then one fact, is no worse than log2(1/4)."""
_UNDISPATCHED = {Family.TIMING, Family.VOLUME}
INFRASTRUCTURE_CAP = 7.5
"""Most bits all infrastructure families may give together: sharing is not guilt."""
ADDRESS_CAP = 4.0
"""Most bits for shared networks and sign-up traits together: who signs up where he works shares one address twice."""
_NO_TIE = "joint_signup"
_ADDRESSES = {"shared_network", "shared_signup"}


@dataclass(frozen=True)
class Score:
    """A judged group.

    Attributes:
        focus: what it was judged on.
        evidence: strongest first; the weights sum to ``bits``.
        spreads: where each value lies between null and alternative.
    """

    candidate: Candidate
    focus: Focus
    evidence: list[Evidence]
    spreads: list[Spread]

    @property
    def bits(self) -> float:
        """The sum of the evidence."""
        return total_bits(self.evidence)

    def family_bits(self, family: Family) -> float:
        """Bits of one family."""
        return sum(item.weight_bits for item in self.evidence if item.family is family)

    @property
    def infrastructure_bits(self) -> float:
        """Bits of all infrastructure families."""
        return sum(item.weight_bits for item in self.evidence if item.family.is_infrastructure)

    @property
    def tie_bits(self) -> float:
        """Bits of what strangers share; that they signed up together is no tie, courses do that as well."""
        return self.infrastructure_bits - sum(e.weight_bits for e in self.evidence if e.signal == _NO_TIE)

    @property
    def behaviour_bits(self) -> float:
        """Bits of everything but infrastructure."""
        return self.bits - self.infrastructure_bits


def judge(candidate: Candidate, focus: Focus, references: References) -> Score:
    """Measure and weigh every signal on a focus."""
    evidence, spreads = [], []
    away = references.away(focus.unit)
    unseen = focus if candidate.chosen_on is None else focus.between(1 - candidate.chosen_on)
    for column, signal in enumerate(SIGNALS):
        measured = signal.measured(unseen if signal.family is Family.TIMING else focus)
        if measured is None or not np.isfinite(measured.error):
            continue
        null = references.null_without(column, signal, away)
        evidence.append(
            Evidence(
                signal=signal.name,
                family=signal.family,
                weight_bits=weigh(measured, null, signal.alternative),
                p_value=round(normal_p(measured, null, signal.alternative), 6),
                detail=measured.detail,
            )
        )
        spreads.append(_spread(signal, null, measured.value, measured.error))
    return Score(candidate, focus, _capped(evidence), spreads)


def _spread(signal: Signal, null: Null, value: float, error: float) -> Spread:
    return Spread(
        signal=signal.name,
        value=round(float(value), 4),
        standard_error=round(float(error), 4),
        null_mean=round(null.mean, 4),
        null_sd=round(null.sd, 4),
        alternative_mean=signal.alternative.mean,
    )


def _capped(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Strongest first; what goes beyond a cap is cut from the weakest, so shown weights still sum up."""
    room = dict(FAMILY_CAP)
    shared, addresses, depth = INFRASTRUCTURE_CAP, ADDRESS_CAP, UNDISPATCHED_FLOOR
    out = []
    for item in sorted(evidence, key=lambda e: (-e.weight_bits, e.signal)):
        weight = item.weight_bits
        if weight > 0:
            weight = min(weight, room[item.family], shared if item.family.is_infrastructure else weight)
            if item.signal in _ADDRESSES:
                weight = min(weight, addresses)
                addresses -= weight
            room[item.family] -= weight
            shared -= weight if item.family.is_infrastructure else 0.0
        elif item.family in _UNDISPATCHED:
            weight = max(weight, depth)
            depth -= weight
        out.append(
            Evidence(
                signal=item.signal,
                family=item.family,
                weight_bits=round(weight, 2),
                p_value=item.p_value,
                detail=item.detail,
            )
        )
    return sorted(out, key=lambda e: (-e.weight_bits, e.signal))
