"""Load balance: did every member get the same share of the work?

Unit: coefficient of variation of the members' focal rates (exchanges per active day) with the Poisson
part removed. A dispatcher deals evenly (~.1 to .5); the volumes of honest strangers are heavy-tailed
(1 and more).

Null: the same in honest groups.

Source: index of dispersion (Fisher 1950) of rates; the providers report 'load-balanced' accounts.
"""

from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.signals.base import Signal
from spiritsafe.detection.synthetic import clockwork
from spiritsafe.model.words import Family

__all__ = ["Balance"]


class Balance(Signal):
    """Spread of the members' rates beyond Poisson."""

    name = "load_balance"
    family = Family.VOLUME
    unit = "coefficient of variation"
    prior: ClassVar[Null] = Null(1.2, 0.45)
    alternative: ClassVar[Alternative] = Alternative(0.35, 0.25, -2.0, 2.0)

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the coefficient of variation; None with fewer than five active members."""
        days = (focus.cells.sum(axis=2) > 0).sum(axis=1)
        seen = days > 0
        if seen.sum() < 5:
            return None
        rate = focus.volume[seen] / days[seen]
        centre = float(rate.mean())
        noise = float(np.mean(rate / days[seen]))
        value = np.sqrt(max(float(rate.var(ddof=1)) - noise, 0.0)) / centre
        # few members underrate a skewed spread: the delta method's bias for gamma rates
        value *= 1 + (1 + 3 * value**2) / (4 * seen.sum())
        # Poisson counts of mean v hide a spread below the fourth root of 2 / (m - 1) over the root of v
        hidden = (2 / (seen.sum() - 1)) ** 0.25 / np.sqrt(focus.volume[seen].mean())
        # of gamma rates; normal ones would leave out value^2, which is most of it where volumes are skewed
        error = np.hypot(value * np.sqrt((1 + value**2) / (2 * (seen.sum() - 1))), hidden) + 0.02
        return Measurement(
            float(value),
            float(error),
            f"{int(seen.sum())} accounts send {centre:.1f} focal exchanges per active day, "
            f"spread {value:.0%} beyond chance",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """Evenly dealt work; people with heavy-tailed volumes."""
        return clockwork(seed=5, shared=1.0), clockwork(seed=6, shared=0.0)
