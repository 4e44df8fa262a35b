"""Evidence adds up, and no family may say more than it is allowed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.detection.focus import Focus, cut
from spiritsafe.detection.groups.candidate import Candidate, Door
from spiritsafe.detection.population import Population
from spiritsafe.detection.references import References
from spiritsafe.detection.scoring import (
    ADDRESS_CAP,
    FAMILY_CAP,
    INFRASTRUCTURE_CAP,
    UNDISPATCHED_FLOOR,
    Score,
    _capped,
    judge,
)
from spiritsafe.detection.signals import SIGNALS
from spiritsafe.model.findings import Evidence, total_bits
from spiritsafe.model.words import Family
from tests.detection.logs import Log

FAMILIES = sorted(FAMILY_CAP)

evidence_lists = st.lists(
    st.builds(
        Evidence,
        signal=st.text("abc", min_size=1, max_size=4),
        family=st.sampled_from(FAMILIES),
        weight_bits=st.floats(-12, 12).map(lambda bits: round(bits, 2)),
        p_value=st.just(0.5),
        detail=st.just("1"),
    ),
    max_size=15,
    unique_by=lambda item: item.signal,
)


def _by_family(evidence: list[Evidence], family: Family) -> list[float]:
    return [item.weight_bits for item in evidence if item.family is family]


@given(evidence_lists)
def test_no_family_gains_more_than_its_cap(evidence: list[Evidence]) -> None:
    shown = _capped(evidence)
    for family in FAMILIES:
        weights = _by_family(shown, family)
        assert sum(w for w in weights if w > 0) <= FAMILY_CAP[family] + 1e-6
    shared = [item.weight_bits for item in shown if item.family.is_infrastructure and item.weight_bits > 0]
    assert sum(shared) <= INFRASTRUCTURE_CAP + 1e-6


@given(evidence_lists)
def test_lacking_a_dispatcher_is_one_fact(evidence: list[Evidence]) -> None:
    lost = [w for family in (Family.TIMING, Family.VOLUME) for w in _by_family(_capped(evidence), family) if w < 0]
    assert sum(lost) >= UNDISPATCHED_FLOOR - 1e-6


def test_an_address_shared_at_sign_up_and_in_use_is_one_fact() -> None:
    twice = [
        Evidence(signal=name, family=family, weight_bits=3.0, p_value=0.0, detail="1")
        for name, family in (("shared_network", Family.NETWORK), ("shared_signup", Family.SIGNUP))
    ]
    assert sum(item.weight_bits for item in _capped(twice)) == pytest.approx(ADDRESS_CAP)


@given(evidence_lists)
def test_capping_moves_weights_towards_nothing_only(evidence: list[Evidence]) -> None:
    shown = _capped(evidence)
    assert sorted((e.signal, e.family) for e in shown) == sorted((e.signal, e.family) for e in evidence)
    for before, after in zip(*(sorted(items, key=lambda e: e.signal) for items in (evidence, shown)), strict=True):
        assert abs(after.weight_bits) <= abs(before.weight_bits) + 1e-9
        assert after.weight_bits * before.weight_bits >= 0


@given(evidence_lists)
def test_the_order_of_signals_does_not_matter(evidence: list[Evidence]) -> None:
    assert _capped(evidence[::-1]) == _capped(evidence)


def test_infrastructure_is_one_purse() -> None:
    rich = [
        Evidence(signal=f.value, family=f, weight_bits=9.0, p_value=0.0, detail="1")
        for f in FAMILIES
        if f.is_infrastructure
    ]
    assert sum(item.weight_bits for item in _capped(rich)) == pytest.approx(INFRASTRUCTURE_CAP)


def test_every_family_of_a_signal_has_a_cap() -> None:
    assert {signal.family for signal in SIGNALS} <= set(FAMILY_CAP)


@pytest.fixture(scope="module")
def references(population: Population) -> References:
    return References.measure(population, SIGNALS, seed=0)


def _harvest(log: Log, population: Population) -> Focus:
    members = log.index(log.named("c"))
    inside = np.isin(population.content.account, members)
    best = int(np.argmax(np.bincount(population.content.template[inside], population.content.n[inside])))
    return cut(population, members, np.array([best]))


def _score(focus: Focus, references: References, chosen_on: int | None = None) -> Score:
    return judge(Candidate(Door.TEMPLATE, focus.members, focus.templates, chosen_on), focus, references)


def test_the_score_is_the_sum_of_what_is_shown(log: Log, population: Population, references: References) -> None:
    score = _score(_harvest(log, population), references)
    assert score.bits == total_bits(score.evidence)
    assert score.bits == pytest.approx(score.behaviour_bits + score.infrastructure_bits)
    assert score.bits == pytest.approx(sum(score.family_bits(family) for family in Family))
    assert [e.weight_bits for e in score.evidence] == sorted((e.weight_bits for e in score.evidence), reverse=True)
    assert {s.signal for s in score.spreads} == {e.signal for e in score.evidence}
    assert all(0 <= item.p_value <= 1 for item in score.evidence)


def test_a_campaign_outweighs_a_template_that_people_share(
    log: Log, population: Population, references: References
) -> None:
    campaign = _score(_harvest(log, population), references)
    people = log.index([f"h{number:03d}" for number in range(0, 216, 12)])
    inside = np.isin(population.content.account, people) & (population.content.template > 0)
    common = int(np.argmax(np.bincount(population.content.template[inside], population.content.n[inside])))
    honest = _score(cut(population, people, np.array([common])), references)
    assert campaign.bits > 5 > 0 > honest.bits


def test_a_group_found_by_its_rhythm_is_timed_on_other_days(
    log: Log, population: Population, references: References
) -> None:
    focus = _harvest(log, population)
    timed = {e.signal: e.detail for e in _score(focus, references, chosen_on=0).evidence if e.family is Family.TIMING}
    odd = {
        signal.name: measured.detail
        for signal in SIGNALS
        if signal.family is Family.TIMING and (measured := signal.measure(focus.between(1))) is not None
    }
    assert timed
    assert timed == odd
