"""Hypotheses about who is behind a group: apart from abuse, and only where somebody is named."""

from dataclasses import replace

import numpy as np
import pytest

from spiritsafe.detection.attribution import GENERIC_TAGS, attribute
from spiritsafe.detection.focus import cut
from spiritsafe.model.words import TraitKind
from tests.detection.logs import Log, town

ENTITY = str(TraitKind.ENTITY)


def _seen_from(log: Log, label: str, names: list[str]) -> Log:
    accounts = [replace(a, traits=(*a.traits, (ENTITY, "e"))) if a.name in names else a for a in log.accounts]
    return replace(log, accounts=accounts, labels={(ENTITY, "e"): label})


@pytest.fixture(scope="module")
def small() -> Log:
    return town(1, honest=60, harvesters=12)


def _hypotheses(log: Log) -> list[tuple[str, float]]:
    population = log.population()
    focus = cut(population, log.index(log.named("c")), np.arange(len(population.templates)))
    return [(item.entity, item.weight_bits) for item in attribute(focus)]


def test_bits_are_the_log_ratio_of_two_rates(small: Log) -> None:
    members, others = small.named("c")[:6], small.named("h")[:3]
    ((entity, bits),) = _hypotheses(_seen_from(small, "Some Lab", members + others))
    rest = len(small.accounts) - 12
    assert entity == "Some Lab"
    assert bits == pytest.approx(np.log2((6.5 / 13) / (3.5 / (rest + 1))), abs=0.01)


@pytest.mark.parametrize("label", [*sorted(GENERIC_TAGS), "VPN", ""])
def test_a_kind_of_network_names_nobody(small: Log, label: str) -> None:
    assert _hypotheses(_seen_from(small, label, small.named("c"))) == []


def test_two_members_are_no_hypothesis(small: Log) -> None:
    assert _hypotheses(_seen_from(small, "Some Lab", small.named("c")[:2])) == []


def test_an_entity_that_everybody_comes_from_says_nothing(small: Log) -> None:
    assert _hypotheses(_seen_from(small, "Big Carrier", [a.name for a in small.accounts])) == []
