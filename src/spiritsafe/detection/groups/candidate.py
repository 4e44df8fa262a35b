"""A candidate group and the focal templates it is judged on."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from spiritsafe.detection.population import Int, Population

__all__ = ["Candidate", "Door", "enriched", "plausible"]


class Door(StrEnum):
    """How a group came to be looked at; a door proposes, only the group test decides."""

    TEMPLATE = "template"
    NETWORK = "network"
    RHYTHM = "rhythm"
    CORPUS = "corpus"


@dataclass(frozen=True, eq=False)
class Candidate:
    """Accounts that one door proposes, and the templates that make their traffic focal.

    Attributes:
        members: account indices, ascending.
        templates: template indices, ascending; 0 stands for exchanges without a template.
        chosen_on: day parity (0 or 1) whose rhythm the door looked at; None if it looked at no rhythm.
    """

    door: Door
    members: Int
    templates: Int
    chosen_on: int | None = None

    @property
    def key(self) -> tuple[bytes, bytes]:
        """Identity of the question asked: the same members on the same templates are tested once."""
        return self.members.tobytes(), self.templates.tobytes()


def plausible(population: Population, members: Int, min_group: int, max_share: float) -> bool:
    """Return whether the group has enough organisations and is not simply everybody."""
    units = len(np.unique(population.accounts.unit[members]))
    return units >= min_group and len(members) <= max(max_share * population.size, min_group)


def enriched(population: Population, members: Int, least_share: float = 0.3, least_lift: float = 3.0) -> Int:
    """Templates that the group uses far more than others do; ``[0]`` and all its own if there are none.

    A group found by its cards or its clock has no template of its own making yet: its focal templates
    are those that ``least_share`` of its members use, ``least_lift`` times as often as outsiders.
    """
    width = len(population.templates)
    used = population.users_of_each
    inside = np.bincount(population.templates_of(members)[0], minlength=width)
    mine = inside / len(members)
    rest = (used - inside) / max(population.size - len(members), 1)
    chosen = np.flatnonzero((mine >= least_share) & (mine >= least_lift * rest))
    return chosen if len(chosen) else np.flatnonzero(mine > 0)
