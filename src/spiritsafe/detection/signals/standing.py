"""Standing: who has the provider already checked, and what has it agreed to?

Unit: share of the members that belong to a verified organisation or hold an organisation-level permit.
A licensed synthetic-data customer equals a campaign on every behavioural signal; only programme and
organisation tell them apart. Context, not immunity: a few programme members do not cover the strangers
beside them, and a programme that only asked for an e-mail address covers nobody. Nor is each member's
verification a word for the group: many verified organisations on one clock are shells or resold, so the
weight is bounded. (One organisation's accounts never make a group of strangers in the first place.)

Null: honest groups of strangers contain verified organisations; campaigns hardly any.

Source: the provider's own accounts table.
"""

from functools import lru_cache
from typing import ClassVar

import numpy as np

from spiritsafe.detection.calibration import Alternative, Measurement, Null
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.population import Bool, Population
from spiritsafe.detection.signals.base import Signal
from spiritsafe.detection.synthetic import standing
from spiritsafe.model.words import Family, Programme

__all__ = ["Standing", "vouched"]


def vouched(population: Population) -> Bool:
    """Accounts of verified organisations, bool [accounts].

    A verified organisation that exists only as the shell of one open programme (education, research,
    startup) vouches for nobody: there, the organisation is known but its accounts are strangers.
    """
    return _vouched(population)


@lru_cache(maxsize=4)
def _vouched(population: Population) -> Bool:
    open_programmes = {Programme.EDUCATION, Programme.RESEARCH, Programme.STARTUP}
    closed = np.array([name not in open_programmes for name in population.accounts.programme], np.bool_)
    return population.accounts.verified & closed


class Standing(Signal):
    """Share of members somebody vouches for."""

    name = "standing"
    family = Family.CONTEXT
    unit = "share of members"
    prior: ClassVar[Null] = Null(0.5, 0.3)
    alternative: ClassVar[Alternative] = Alternative(0.0, 0.1, -4.0, 0.0)
    adaptive = False

    def measure(self, focus: Focus) -> Measurement | None:
        """Measure the share; None where the provider verified nobody at all."""
        known = vouched(focus.population)
        if not known.any():
            return None
        value = float(known[focus.members].mean())
        return Measurement(
            value,
            0.5 / np.sqrt(focus.size),
            f"{value:.0%} of the {focus.size} accounts belong to verified organisations "
            f"({focus.units} organisations in the group)",
        )

    @staticmethod
    def examples() -> tuple[Focus, Focus]:
        """Strangers; a group of verified organisations."""
        return standing(share=0.0), standing(share=0.8)
