"""Which groups stand, without whom, and at which tier."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.detection.campaigns import Judgement, find_groups, propose, tier_of
from spiritsafe.detection.focus import cut
from spiritsafe.detection.groups.candidate import Candidate, Door
from spiritsafe.detection.scoring import INFRASTRUCTURE_CAP, Score, _capped
from spiritsafe.detection.synthetic import standing
from spiritsafe.model.findings import Evidence
from spiritsafe.model.settings import DetectionSettings
from spiritsafe.model.words import Family, Tier
from tests.detection.logs import HARVEST, Log, own_traits, town

SETTINGS = DetectionSettings(min_group=8, fdr=0.01, suspect_fdr=0.05)
FOCUS = standing(0.0)


def _score(bits: dict[Family, float]) -> Score:
    evidence = [
        Evidence(signal=str(family), family=family, weight_bits=round(value, 2), p_value=0.5, detail="1")
        for family, value in bits.items()
    ]
    return Score(Candidate(Door.TEMPLATE, FOCUS.members, FOCUS.templates), FOCUS, _capped(evidence), [])


def _rank(tier: Tier | None) -> int:
    return -1 if tier is None else tier.rank


families = st.dictionaries(st.sampled_from(sorted(Family)), st.floats(-10, 12), max_size=len(Family)).map(
    lambda bits: {family: value for family, value in bits.items() if family is not Family.OWN}
)
rates = st.floats(1e-9, 1)


@given(families, rates)
def test_infrastructure_alone_is_never_more_than_linked(bits: dict[Family, float], q: float) -> None:
    shared = {family: abs(value) for family, value in bits.items() if family.is_infrastructure}
    assert tier_of(_score(shared), q, SETTINGS) in {None, Tier.LINKED}


@given(families, rates)
def test_sharing_lifts_nothing_that_behaviour_denies(bits: dict[Family, float], q: float) -> None:
    """Whatever is shared, a group whose behaviour speaks against a campaign is at most linked."""
    score = _score(bits | {Family.PAYMENT: 12.0, Family.NETWORK: 12.0})
    if score.behaviour_bits <= 0:
        assert _rank(tier_of(score, q, SETTINGS)) <= Tier.LINKED.rank


@given(families, rates)
def test_neither_volume_nor_content_nor_context_suspects_by_itself(bits: dict[Family, float], q: float) -> None:
    soft = {f: v for f, v in bits.items() if f in {Family.VOLUME, Family.CONTENT, Family.CONTEXT}}
    assert tier_of(_score(soft | {Family.PAYMENT: 9.0}), q, SETTINGS) in {None, Tier.LINKED}


@given(families, rates, rates)
def test_a_smaller_q_never_lowers_the_tier(bits: dict[Family, float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    score = _score(bits)
    assert _rank(tier_of(score, low, SETTINGS)) >= _rank(tier_of(score, high, SETTINGS))


@given(families, rates)
def test_nothing_is_suspected_above_the_rates_that_were_set(bits: dict[Family, float], q: float) -> None:
    tier = tier_of(_score(bits), q, SETTINGS)
    if q > SETTINGS.suspect_fdr:
        assert _rank(tier) <= Tier.LINKED.rank
    if q > SETTINGS.fdr:
        assert tier is not Tier.CONFIRMED


@given(families, rates, st.sampled_from([Family.TIMING, Family.CORPUS]), st.floats(0, 5))
def test_more_behaviour_never_lowers_the_tier(bits: dict[Family, float], q: float, family: Family, more: float) -> None:
    raised = bits | {family: bits.get(family, 0.0) + more}
    assert _rank(tier_of(_score(raised), q, SETTINGS)) >= _rank(tier_of(_score(bits), q, SETTINGS))


def test_the_three_tiers_are_reached() -> None:
    everything = dict.fromkeys((Family.TIMING, Family.CORPUS, Family.CONTENT, Family.PAYMENT, Family.NETWORK), 12.0)
    behaviour = {Family.TIMING: 12.0, Family.CORPUS: 12.0}
    assert tier_of(_score(everything), 1e-6, SETTINGS) is Tier.CONFIRMED
    assert tier_of(_score(behaviour), 1e-6, SETTINGS) is Tier.SUSPECTED
    assert tier_of(_score({Family.PAYMENT: INFRASTRUCTURE_CAP}), 1.0, SETTINGS) is Tier.LINKED
    assert tier_of(_score({}), 1e-6, SETTINGS) is None


# --- whole judgements -----------------------------------------------------------------------------------------


def _judge(log: Log) -> Judgement:
    return find_groups(log.population(), SETTINGS, lambda stage, done, total: None)


@pytest.fixture(scope="module")
def judgement(log: Log) -> Judgement:
    return _judge(log)


def _names(judgement: Judgement, number: int = 0) -> set[str]:
    focus = judgement.groups[number].score.focus
    return {focus.population.accounts.ids[index] for index in focus.members.tolist()}


def test_nested_candidates_give_one_group(log: Log, judgement: Judgement) -> None:
    wanted = set(log.named("c"))
    candidates = propose(log.population(), SETTINGS)
    assert len([item for item in candidates if len(np.intersect1d(item.members, log.index(wanted))) >= 12]) > 1
    assert _names(judgement) == wanted
    assert [bool(_names(judgement, i) & wanted) for i in range(1, len(judgement.groups))].count(True) == 0


def test_groups_that_stand_have_nobody_in_common(judgement: Judgement) -> None:
    everybody = np.concatenate([group.score.focus.members for group in judgement.groups])
    assert len(everybody) == len(np.unique(everybody))


def test_the_campaign_is_confirmed_and_nobody_else_is_suspected(judgement: Judgement) -> None:
    assert judgement.groups[0].tier is Tier.CONFIRMED
    assert all(_rank(group.tier) <= Tier.LINKED.rank for group in judgement.groups[1:])
    assert 0 < judgement.groups[0].q_value <= SETTINGS.fdr
    assert judgement.tested >= len(judgement.groups)


def test_people_whose_template_is_a_campaigns_cover_are_judged_without_its_members() -> None:
    """Not quite: now and then one keeps the campaign's hours by chance and stays in it (see docs/detection.md)."""
    caught, asked = 0, 0
    for seed in range(1, 5):
        log = town(seed, honest=144)
        cover = [
            replace(part, template="common-0") if part.account[0] == "c" and part.template != HARVEST else part
            for part in log.sent
        ]
        judgement = _judge(replace(log, sent=cover))
        people = {f"h{number:03d}" for number in range(0, 144, 12)}
        acted = [_names(judgement, i) for i, group in enumerate(judgement.groups) if _rank(group.tier) > 0]
        assert any(names >= set(log.named("c")) for names in acted)
        caught += sum(len(names & people) for names in acted)
        asked += len(people)
    assert caught <= 0.05 * asked


def test_one_dominating_customer_does_not_hide_the_strangers_that_copy_it() -> None:
    log = town(8, honest=96)
    rng = np.random.default_rng(1)
    firm = [a.name for a in log.accounts if a.name[0] == "o"]
    copied = [
        replace(part, template=HARVEST, hour=np.sort(rng.integers(8, 18, len(part.hour)) + part.hour // 24 * 24))
        if part.account in firm and part.template.startswith("firm")
        else part
        for part in log.sent
    ]
    judgement = _judge(replace(log, sent=copied))
    reported = [_names(judgement, i) for i, group in enumerate(judgement.groups) if _rank(group.tier) > 0]
    assert any(len(names & set(log.named("c"))) >= 22 for names in reported)
    assert not any(names & set(firm) for names in reported)


def test_people_on_one_card_are_linked_at_most() -> None:
    """A family plan: forty people, one card per five, nothing else in common."""
    log = town(9, honest=120, harvesters=0)
    family = {f"h{number:03d}": number for number in range(40)}
    accounts = [
        replace(a, traits=(("payment", f"plan-{family[a.name] // 5}"), own_traits(a.name)[1]))
        if a.name in family
        else a
        for a in log.accounts
    ]
    judgement = _judge(replace(log, accounts=accounts))
    assert all(_rank(group.tier) <= Tier.LINKED.rank for group in judgement.groups)


def test_a_quiet_group_is_not_asked_about() -> None:
    log = town(1, honest=30, harvesters=8)
    faint = replace(log, sent=[replace(part, hour=part.hour[:3], body=part.body[:3]) for part in log.sent])
    population = faint.population()
    assert all(cut(population, c.members, c.templates).exchanges >= 64 for c in propose(population, SETTINGS))
