"""One configuration: do the members call the API with the same uncommon settings?

Unit: share of members that use the group's commonest request configuration (temperature, max_tokens, n,
stream, tools ...), above its share among all accounts, (p_group - p_all) / (1 - p_all).

Null: the same in honest groups; users of one framework share its defaults, so the weight is small.

Source: 'request metadata' of the attack reports (C1, C2).
"""

from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.signals.base import Signal
from spiritsafe.detection.synthetic import cards
from spiritsafe.model.words import Family, TraitKind

__all__ = ["Configuration"]


class Configuration(Signal):
    """Share of members on one uncommon configuration."""

    name = "one_configuration"
    family = Family.CONTENT
    unit = "share of members"
    prior: ClassVar[Null] = Null(0.4, 0.35)
    alternative: ClassVar[Alternative] = Alternative(0.95, 0.2, 0.0, 1.0)
    adaptive = False

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the lift; None where nobody's configuration is known or everybody has the same."""
        population = focus.population
        _, mine = population.values_of(TraitKind.CONFIG, focus.members)
        if not len(mine):
            return None
        values, counts = np.unique(mine, return_counts=True)
        # the least common of equals, so that the choice does not depend on hashes
        everyone = float(population.share_with(TraitKind.CONFIG, values[counts == counts.max()]).min())
        share = counts.max() / focus.size
        if everyone > 0.8:
            return None
        lift = (share - everyone) / (1 - everyone)
        error = np.sqrt(max(share * (1 - share), 0.05) / focus.size) / (1 - everyone)
        return Measurement(
            float(lift),
            float(error),
            f"{share:.0%} of the accounts use one request configuration that {everyone:.1%} of all accounts use",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """One script's settings; settings of their own."""
        return cards(Family.CONTENT, per_value=40), cards(Family.CONTENT, per_value=1)
