"""What is switched off is off as long as asked, what is lacking is what the rule asks for, misses are explained."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure.ablation import ABLATIONS, Kind, only
from measure.missed import Missed, Reason, Rule, broken, explain
from measure.recording import Recording, listening, ranks
from spiritsafe.detection import campaigns, membership, scoring
from spiritsafe.detection.campaigns import tier_of
from spiritsafe.detection.detect import detect
from spiritsafe.detection.groups import network
from spiritsafe.detection.population import Population
from spiritsafe.model.findings import Evidence
from spiritsafe.model.settings import DetectionSettings, Settings
from spiritsafe.model.words import Family, Tier
from tests.detection.logs import town

SETTINGS = DetectionSettings()
FAMILIES = (Family.TIMING, Family.CORPUS, Family.PIVOT, Family.PAYMENT, Family.NETWORK, Family.CONTENT, Family.VOLUME)


@pytest.fixture(scope="module")
def population() -> Population:
    return town().population()


@pytest.fixture(scope="module")
def heard(population: Population) -> Recording:
    with listening() as recording:
        detect(population, Settings(), version="0", quarantined=0, progress=lambda *_: None)
    return recording


def members(population: Population) -> np.ndarray:
    return np.array([at for at, name in enumerate(population.accounts.ids) if name.startswith("c")])


@given(st.lists(st.integers(-4, 12).map(lambda half: half / 2), min_size=7, max_size=7), st.floats(0, 0.2))
def test_nothing_is_lacking_exactly_where_a_group_is_suspected(
    heard: Recording, bits: list[float], q_value: float
) -> None:
    evidence = [
        Evidence(signal=family, family=family, weight_bits=weight, p_value=0.5, detail="")
        for family, weight in zip(FAMILIES, bits, strict=True)
    ]
    score = replace(heard.judgement.groups[0].score, evidence=evidence)
    suspected = tier_of(score, q_value, SETTINGS) in {Tier.SUSPECTED, Tier.CONFIRMED}
    assert (not list(broken(score, q_value, SETTINGS))) == suspected


def test_listening_hears_what_the_scan_judged(heard: Recording, population: Population) -> None:
    assert heard.population is population
    assert heard.judgement.tested == len(heard.candidates) > 0
    named = ranks(heard.judgement, population.size)
    standing = np.unique(np.concatenate([group.score.focus.members for group in heard.judgement.groups]))
    assert set(np.flatnonzero(named > named.min())) <= set(standing.tolist())


@pytest.mark.parametrize("name", ABLATIONS)
def test_what_is_switched_off_says_nothing(name: str, population: Population) -> None:
    before = _in_force()
    off = {kind for kind in Kind if kind not in ABLATIONS[name]}
    with only(ABLATIONS[name]):
        judgement = campaigns.find_groups(population, SETTINGS, lambda *_: None)
    silent = {family for kind in off for family in _FAMILIES[kind]}
    assert not any(item.family in silent for group in judgement.groups for item in group.score.evidence)
    assert _in_force() == before


def _in_force() -> list[object]:
    places = ((scoring, "SIGNALS"), (campaigns, "SIGNALS"), (membership, "_PARTS"), (network, "enriched"))
    return [getattr(*place) for place in places]


_FAMILIES = {
    Kind.CONTENT: {Family.CORPUS, Family.CONTENT},
    Kind.INFRASTRUCTURE: {Family.PAYMENT, Family.NETWORK, Family.DEVICE, Family.SIGNUP},
    Kind.TIMING: {Family.TIMING, Family.VOLUME, Family.PIVOT},
}


def test_a_miss_is_explained_by_what_its_members_would_show(heard: Recording, population: Population) -> None:
    told = explain("c", members(population), heard, SETTINGS, recall=0.0)
    assert isinstance(told, Missed)
    assert told.oracle is not None
    assert set(told.oracle.rules) <= set(Rule)
    assert told.oracle.bits == pytest.approx(sum(told.oracle.evidence.values()), abs=0.02)


def test_too_few_members_are_too_few(heard: Recording, population: Population) -> None:
    assert explain("few", members(population)[:3], heard, SETTINGS, recall=0.0).reason is Reason.SMALL
