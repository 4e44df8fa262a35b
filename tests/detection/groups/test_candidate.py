"""What may be proposed, and which templates make a group's traffic focal."""

import numpy as np

from spiritsafe.detection.groups.candidate import Candidate, Door, enriched, plausible
from spiritsafe.detection.population import Population
from tests.detection.logs import HARVEST, Log


def test_a_group_needs_organisations_not_accounts(log: Log, population: Population) -> None:
    colleagues = log.index(log.named("o"))  # 24 accounts of four firms
    assert plausible(population, colleagues, 4, 0.35)
    assert not plausible(population, colleagues, 5, 0.35)


def test_everybody_is_no_group(population: Population) -> None:
    everybody = np.arange(population.size)
    assert not plausible(population, everybody, 8, 0.35)
    assert plausible(population, everybody[: int(0.35 * population.size)], 8, 0.35)
    assert plausible(population, everybody[:8], 8, 0.0)


def test_users_of_a_template_are_those_who_sent_it(log: Log, population: Population) -> None:
    template = int(enriched(population, log.index(log.named("c")))[0])
    expected = log.index([part.account for part in log.sent if part.template == HARVEST and len(part.hour)])
    assert np.array_equal(population.users(template), expected)


def test_a_groups_focal_templates_are_those_it_is_rich_in(log: Log, population: Population) -> None:
    members = log.index(log.named("c"))
    (template,) = enriched(population, members).tolist()
    assert np.array_equal(population.users(template), members)


def test_a_group_without_a_template_of_its_own_is_seen_on_all_it_sends(population: Population) -> None:
    members = np.arange(30, 200)
    sent = np.unique(population.content.template[np.isin(population.content.account, members)])
    assert np.array_equal(enriched(population, members), sent)


def test_the_same_question_has_the_same_key() -> None:
    one = Candidate(Door.TEMPLATE, np.arange(8), np.array([1]))
    other = Candidate(Door.NETWORK, np.arange(8), np.array([1]))
    third = Candidate(Door.NETWORK, np.arange(9), np.array([1]))
    assert one.key == other.key != third.key
