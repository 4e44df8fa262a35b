"""Each door proposes the group that was planted for it, and neither everybody nor nobody."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from spiritsafe.detection.groups import corpus, network, rhythm, templates
from spiritsafe.detection.groups.candidate import Candidate, Door
from spiritsafe.detection.population import Int, Population
from tests.detection.logs import NO_TEMPLATE, Log, own_traits, town

LEAST, SHARE = 8, 0.35
Propose = Callable[[Population, int, float], list[Candidate]]
DOORS = [
    (templates.candidates, Door.TEMPLATE),
    (network.candidates, Door.NETWORK),
    (rhythm.candidates, Door.RHYTHM),
    (corpus.candidates, Door.CORPUS),
]
doors = pytest.mark.parametrize(("propose", "door"), DOORS, ids=[str(door) for _, door in DOORS])


@pytest.fixture(scope="module")
def bare() -> Log:
    """The town whose campaign has neither a template nor a card: corpus and clock are all it shares."""
    return town(3, template=NO_TEMPLATE, shared=False)


def _overlap(found: Int, wanted: Int) -> float:
    return len(np.intersect1d(found, wanted)) / len(np.union1d(found, wanted))


@doors
def test_the_planted_group_is_proposed(log: Log, population: Population, propose: Propose, door: Door) -> None:
    proposed = propose(population, LEAST, SHARE)
    wanted = log.index(log.named("c"))
    assert {item.door for item in proposed} == {door}
    assert max(_overlap(item.members, wanted) for item in proposed) >= 0.9


@pytest.mark.parametrize("propose", [rhythm.candidates, corpus.candidates], ids=["rhythm", "corpus"])
def test_also_without_template_cards_and_networks(bare: Log, propose: Propose) -> None:
    wanted = bare.index(bare.named("c"))
    proposed = propose(bare.population(), LEAST, SHARE)
    assert max(_overlap(item.members, wanted) for item in proposed) >= 0.9


@doors
def test_proposals_are_plausible_ascending_and_repeatable(population: Population, propose: Propose, door: Door) -> None:
    first, second = propose(population, LEAST, SHARE), propose(population, LEAST, SHARE)
    assert [item.key for item in first] == [item.key for item in second]
    for item in first:
        assert (np.diff(item.members) > 0).all()
        assert (np.diff(item.templates) > 0).all()
        assert len(np.unique(population.accounts.unit[item.members])) >= LEAST
        assert len(item.members) <= SHARE * population.size


@doors
def test_nobody_proposes_nothing(propose: Propose, door: Door) -> None:
    assert propose(Log([], []).population(), LEAST, SHARE) == []


def test_strangers_with_cards_of_their_own_are_no_network() -> None:
    log = town(4, harvesters=0)
    assert network.candidates(log.population(), LEAST, SHARE) == []


def test_a_card_of_half_the_town_ties_nobody() -> None:
    log = town(4, harvesters=0)
    accounts = [replace(a, traits=(*own_traits(a.name), ("payment", "gift"))) for a in log.accounts]
    assert network.candidates(replace(log, accounts=accounts).population(), LEAST, SHARE) == []


def test_the_rhythm_door_looks_at_one_parity_only(log: Log, population: Population) -> None:
    even = population.activity_hour // 24 % 2 == rhythm.PARITY
    blind = replace(
        population,
        activity_account=population.activity_account[even],
        activity_hour=population.activity_hour[even],
        activity_n=population.activity_n[even],
    )
    seen, also = (rhythm.candidates(p, LEAST, SHARE) for p in (population, blind))
    assert [item.members.tolist() for item in seen] == [item.members.tolist() for item in also]
    assert {item.chosen_on for item in seen} == {rhythm.PARITY}


def test_residuals_are_unit_vectors_without_the_common_hour(population: Population) -> None:
    who, table = rhythm.residuals(population, 0)
    assert len(who) == len(table) <= population.size
    assert np.allclose(np.linalg.norm(table, axis=1), 1)
    assert np.abs(table.mean(axis=1)).max() < 1e-9


def test_members_are_each_others_nearest_neighbours_though_hardly_correlated(log: Log, population: Population) -> None:
    who, table = rhythm.residuals(population, 0)
    a, b = rhythm.mutual_neighbours(table.astype(np.float32), 12)
    assert (a < b).all()
    member = np.isin(who, log.index(log.named("c")))
    assert (member[a] & member[b]).sum() / (member[a] | member[b]).sum() > 0.9


def test_mutual_neighbours_by_hand() -> None:
    angles = np.array([0.0, 0.1, 0.25, 1.5, 1.6])
    table = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    a, b = rhythm.mutual_neighbours(table, 1)
    # 2's nearest is 1, but 1's nearest is 0
    assert list(zip(a.tolist(), b.tolist(), strict=True)) == [(0, 1), (3, 4)]


def test_the_mean_of_a_piece_calls_the_rest_in_and_a_chance_knot_calls_nobody(log: Log, population: Population) -> None:
    who, table = rhythm.residuals(population, 0)
    member = np.flatnonzero(np.isin(who, log.index(log.named("c"))))
    stranger = np.flatnonzero(~np.isin(who, member))[:200:20]
    (found,) = rhythm.gather(table, [member[:8]])
    assert _overlap(found, member) >= 0.9
    assert all(_overlap(group, stranger) < 0.5 for group in rhythm.gather(table, [stranger]))


def test_two_templates_of_the_same_accounts_are_one_candidate() -> None:
    log = town(5, honest=60)
    split = [
        replace(part, template=f"harvest-{side}", hour=part.hour[side::2], body=part.body[side::2])
        for part in log.sent
        if part.template == "harvest"
        for side in (0, 1)
    ]
    paraphrased = replace(log, sent=[*(p for p in log.sent if p.template != "harvest"), *split])
    wanted = log.index(log.named("c"))
    proposed = templates.candidates(paraphrased.population(), LEAST, SHARE)
    assert any(len(item.templates) == 2 and _overlap(item.members, wanted) >= 0.9 for item in proposed)


def test_public_items_link_nobody() -> None:
    log = town(6, harvesters=0)
    greeting = [replace(part, body=np.zeros(len(part.body), np.int64)) for part in log.sent]
    assert corpus.candidates(replace(log, sent=greeting).population(), LEAST, SHARE) == []
