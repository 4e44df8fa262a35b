"""All that was measured, read back, and the few sums that several tables and pictures share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from measure.beside import Beside
from measure.curves import Ranked
from measure.examine import FULL, Accounts, Examined
from measure.leaks import Leaks
from measure.machine import Circumstances
from measure.missed import Missed
from measure.recording import ACTED, NEVER
from measure.sensitivity import Sensitivity
from spiritsafe.simulation.evaluation import SHELL, CampaignScore

__all__ = ["NAMED", "Campaign", "Results", "beside_ranked", "groups_ranked", "named", "ranked"]

NAMED = ACTED / 2
"""Rank from which an account or a group is named at `suspected` or above."""


_HALF = 0.5


@dataclass(frozen=True)
class Campaign:
    """One campaign of a world, what it stands for, what was found of it, and why not more."""

    world: str
    factors: dict[str, str]
    score: CampaignScore
    missed: Missed | None


@dataclass(frozen=True)
class Results:
    """What there is.

    Attributes:
        around: with what it was measured.
        planned: worlds per part that a full run has.
        current: digests of the code as it is now.
        failures: a line per world that failed.
    """

    around: Circumstances
    planned: dict[str, int]
    current: set[str] = field(default_factory=set)
    factorial: list[Examined] = field(default_factory=list)
    large: list[Examined] = field(default_factory=list)
    evasions: list[Examined] = field(default_factory=list)
    peers: list[Beside] = field(default_factory=list)
    leaks: list[Leaks] = field(default_factory=list)
    sensitivity: list[Sensitivity] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def designed(self) -> list[Examined]:
        """The worlds of the design."""
        return [*self.factorial, *self.large]

    @property
    def measured(self) -> dict[str, int]:
        """Worlds per part that were measured."""
        return {name: len(getattr(self, name)) for name in self.planned}

    @property
    def codes(self) -> set[str]:
        """Digests of the code behind the outcomes."""
        parts = (self.factorial, self.large, self.evasions, self.peers, self.leaks, self.sensitivity)
        return {outcome.code for part in parts for outcome in part}

    @staticmethod
    def campaigns(worlds: Sequence[Examined]) -> Iterator[Campaign]:
        """Yield every campaign of some worlds."""
        for world in worlds:
            missed = {item.campaign: item for item in world.missed}
            for score in world.evaluation.campaigns:
                yield Campaign(world.name, world.factors[score.campaign], score, missed.get(score.campaign))


def _positive(accounts: Accounts) -> tuple[np.ndarray, np.ndarray]:
    """Return who is a member, and who counts: a campaign's shells are neither members nor honest."""
    member = np.array(accounts.campaign) >= 0
    shell = accounts.cohorts.index(SHELL) if SHELL in accounts.cohorts else -1
    return member, np.array(accounts.cohort) != shell


def ranked(worlds: Sequence[Examined], name: str = FULL) -> list[Ranked]:
    """Return the accounts of every world that has this ranking."""
    out = []
    for world in worlds:
        if name in world.ranks:
            member, counts = _positive(world.accounts)
            out.append(Ranked(np.array(world.ranks[name])[counts], member[counts]))
    return out


class Named(NamedTuple):
    """What lies at spiritsafe's own threshold or above."""

    members: int
    of_members: int
    honest: int
    of_honest: int


def named(worlds: Sequence[Ranked]) -> Named:
    """Return who is named at `suspected` or above, over all worlds."""
    value = np.concatenate([world.value for world in worlds]) >= NAMED
    member = np.concatenate([world.positive for world in worlds])
    return Named(int((value & member).sum()), int(member.sum()), int((value & ~member).sum()), int((~member).sum()))


def groups_ranked(worlds: Sequence[Examined]) -> list[Ranked]:
    """Return the campaigns and the false groups of every world.

    A campaign's value is the rank of the best group that holds half of it, a false group's its own; less than half of
    a false group is of any one campaign. Pure pieces of a campaign are neither.
    """
    out = []
    for world in worlds:
        found = np.full(len(world.accounts.campaigns), NEVER)
        for group in world.standing:
            if group.campaign >= 0 and group.share >= _HALF:
                found[group.campaign] = max(found[group.campaign], group.rank)
        false = np.array([group.rank for group in world.standing if group.purity < _HALF])
        out.append(Ranked(np.concatenate([found, false]), np.arange(len(found) + len(false)) < len(found)))
    return out


def beside_ranked(worlds: Sequence[Beside], method: str) -> list[Ranked]:
    """Return the accounts of every world as a peer ranks them; the MMD's reference accounts are left out."""
    out = []
    for world in worlds:
        member, counts = _positive(world.accounts)
        if method.startswith("MMD"):
            counts = counts & np.array(world.judged)
        out.append(Ranked(np.array(world.scores[method])[counts], member[counts]))
    return out
