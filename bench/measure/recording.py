"""Listens to a scan: what was proposed, what was judged, and in which order accounts would be named.

Findings hold what is reported; why something is *not* reported is known inside the scan only. It is
listened to from outside, in a process of the bench, so that detection carries nothing that only a
measurement needs.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from types import ModuleType
from unittest.mock import patch

import numpy as np

from spiritsafe.detection import campaigns, detect, focus
from spiritsafe.detection.campaigns import Group, Judgement, Progress, find_groups
from spiritsafe.detection.groups import corpus, network, rhythm, templates
from spiritsafe.detection.groups.candidate import Candidate
from spiritsafe.detection.population import Float, Population
from spiritsafe.model.settings import DetectionSettings
from spiritsafe.model.words import Tier
from spiritsafe.pipeline import scan as pipeline

__all__ = ["ACTED", "NEVER", "Recording", "acted", "holding", "judge_again", "listening", "rank_of", "ranks", "undrawn"]

ACTED = 1_000.0
"""Added to a group's bits per tier above `linked`: the order in which accounts are named is tier, then bits."""
NEVER = -1_000.0
"""Rank of an account that stands in no group."""
_MIXED = 100.0
"""Taken from the rank of a group with strangers in it, for which nobody may be acted on."""


@dataclass
class Recording:
    """What one scan went through.

    Attributes:
        heard: what it looked at, once it has.
        candidates: what the doors proposed, those that were too small left out.
        judgement: what stood.
    """

    heard: list[Population] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    judgement: Judgement = field(default_factory=lambda: Judgement([], 0))

    @property
    def population(self) -> Population:
        """What the scan looked at."""
        return self.heard[-1]


@contextmanager
def listening() -> Iterator[Recording]:
    """Yield what the next scan of this process fills in."""
    heard = Recording()
    propose = campaigns.propose

    def proposing(population: Population, settings: DetectionSettings) -> list[Candidate]:
        heard.candidates = propose(population, settings)
        return heard.candidates

    def judging(population: Population, settings: DetectionSettings, progress: Progress) -> Judgement:
        heard.heard.append(population)
        heard.judgement = find_groups(population, settings, progress)
        return heard.judgement

    with patch.object(campaigns, "propose", proposing), patch.object(detect, "find_groups", judging):
        yield heard


@contextmanager
def undrawn() -> Iterator[None]:
    """Leave out the scans' reports until the block ends: drawing one takes seconds, and nobody looks at it."""
    with patch.object(pipeline, "write_report", lambda *_: None):
        yield


@contextmanager
def holding() -> Iterator[None]:
    """Keep what the doors propose and every focus that is cut until the block ends, with what was measured of it.

    Neither depends on what else is switched on. Whoever turns a number that one depends on must judge a
    population of its own (``dataclasses.replace``), of which nothing is known.
    """
    with ExitStack() as stack:
        stack.enter_context(patch.object(focus, "known", lru_cache(maxsize=None)(lambda _: {})))
        for door in (templates, network, rhythm, corpus):
            stack.enter_context(patch.object(door, "candidates", _remembering(door)))
        yield


def _remembering(door: ModuleType) -> Callable[[Population, int, float], list[Candidate]]:
    """Return a door that proposes once per population and per way of telling which templates are focal."""
    propose, told = door.candidates, {}

    def candidates(population: Population, least: int, share: float) -> list[Candidate]:
        asked = population, least, share, getattr(door, "enriched", None)
        if asked not in told:
            told[asked] = propose(population, least, share)
        found: list[Candidate] = told[asked]
        return found

    return candidates


def judge_again(population: Population, settings: DetectionSettings) -> Judgement:
    """Return what a scan of the same population comes to under whatever is in force now."""
    return find_groups(population, settings, lambda *_: None)


def rank_of(group: Group) -> float:
    """Return a group's place in the order of naming: tier first, bits within a tier, mixed groups last."""
    tier = 0 if group.tier is None else group.tier.rank
    return group.score.bits + ACTED * tier - (_MIXED if group.mixed else 0.0)


def ranks(judgement: Judgement, size: int) -> Float:
    """Return each account's rank, that of the first group it stands in, float [size]."""
    out = np.full(size, NEVER)
    for group in judgement.groups:
        members = group.score.focus.members
        out[members] = np.maximum(out[members], rank_of(group))
    return out


def acted(tier: Tier | None) -> bool:
    """Return whether the tier permits an answer."""
    return tier is not None and tier.rank >= Tier.SUSPECTED.rank
