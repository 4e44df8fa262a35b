"""The same scan with some families of evidence switched off: their doors, their signals, their word on members.

Columns left out of a log would say the same for infrastructure, but time cannot be left out of a log, and a log
with drawn times would have a clock of its own. So families are switched off where they enter the detector, in a
process of the bench, over the store of the full log. What is exculpating in any log (verified organisations,
permits, one customer) stays on.

Traffic is cut to a group's focal templates with content only: without it a group is judged on everything
that its members sent, as it would be in a log without text.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from unittest.mock import patch

import numpy as np

from spiritsafe.detection import campaigns, membership, scoring
from spiritsafe.detection.focus import Focus
from spiritsafe.detection.groups import corpus, network, rhythm, templates
from spiritsafe.detection.groups.candidate import Candidate
from spiritsafe.detection.population import Bool, Int, Population
from spiritsafe.detection.signals import SIGNALS
from spiritsafe.model.words import Family

__all__ = ["ABLATIONS", "Kind", "only"]


class Kind(StrEnum):
    """Families that are switched on and off together."""

    CONTENT = "content"
    INFRASTRUCTURE = "infrastructure"
    TIMING = "timing"


_FAMILIES: dict[Kind, frozenset[Family]] = {
    Kind.CONTENT: frozenset({Family.CORPUS, Family.CONTENT}),
    Kind.INFRASTRUCTURE: frozenset({Family.PAYMENT, Family.NETWORK, Family.DEVICE, Family.SIGNUP}),
    Kind.TIMING: frozenset({Family.TIMING, Family.VOLUME, Family.PIVOT}),
}
_DOORS = {
    Kind.CONTENT: (templates, corpus),
    Kind.INFRASTRUCTURE: (network,),
    Kind.TIMING: (rhythm,),
}
ABLATIONS: dict[str, frozenset[Kind]] = {
    "content only": frozenset({Kind.CONTENT}),
    "infrastructure only": frozenset({Kind.INFRASTRUCTURE}),
    "timing only": frozenset({Kind.TIMING}),
    "without content": frozenset({Kind.INFRASTRUCTURE, Kind.TIMING}),
    "without infrastructure": frozenset({Kind.CONTENT, Kind.TIMING}),
    "without timing": frozenset({Kind.CONTENT, Kind.INFRASTRUCTURE}),
}


@contextmanager
def only(kinds: frozenset[Kind]) -> Iterator[None]:
    """Leave on what ``kinds`` names until the block ends."""
    kept = {Family.CONTEXT, Family.OWN}.union(*(_FAMILIES[kind] for kind in kinds))
    signals = tuple(signal for signal in SIGNALS if signal.family in kept)
    parts = tuple(part for part in membership._PARTS if part[1] in kept)
    with ExitStack() as stack:
        for room in (campaigns, scoring):
            stack.enter_context(patch.object(room, "SIGNALS", signals))
        stack.enter_context(patch.object(membership, "_PARTS", parts))
        for kind in set(Kind) - kinds:
            for door in _DOORS[kind]:
                stack.enter_context(patch.object(door, "candidates", _nothing))
        if Kind.INFRASTRUCTURE not in kinds:
            stack.enter_context(patch.object(membership, "_linked", _untied))
        if Kind.CONTENT not in kinds:
            for door in (network, rhythm):
                stack.enter_context(patch.object(door, "enriched", _all_that_was_sent))
        yield


def _nothing(population: Population, min_group: int, max_share: float) -> list[Candidate]:  # noqa: ARG001
    return []


def _untied(focus: Focus) -> Bool:
    return np.zeros(focus.size, np.bool_)


def _all_that_was_sent(population: Population, members: Int) -> Int:
    content = population.content
    return np.unique(content.template[np.isin(content.account, members)])
