"""The designed worlds: every combination once, untouched seeds, archetypes apart, any prefix balanced."""

from collections import Counter
from itertools import product

import pytest

from measure.design import ARCHETYPES, COVERS, DESIGNED, LARGE, SHARING, SIZES, balance, points, worlds_of
from measure.evasions import EVADING, VARIANTS, bill
from measure.trial import Trial
from spiritsafe.model.settings import DetectionSettings
from spiritsafe.simulation.worlds import Families

WORLDS = worlds_of()


@pytest.fixture(scope="module")
def trials() -> list[Trial]:
    every = [*DESIGNED.values(), *EVADING.values()]
    return [trial for experiment in every for trial in experiment.trials(None, Families.HOLDOUT, None)]


def test_every_combination_occurs_once() -> None:
    small = [point for row in WORLDS for point in row]
    assert Counter(small) == Counter(product(ARCHETYPES, COVERS, SIZES, SHARING))


def test_a_world_holds_one_campaign_of_each_size_and_no_archetype_twice() -> None:
    for row in WORLDS:
        assert [point.size for point in row] == list(SIZES)
        assert len({point.archetype for point in row}) == len(row)


@pytest.mark.parametrize("worlds", [16, 40, 80])
def test_any_number_of_worlds_is_balanced(worlds: int) -> None:
    told = balance([point.factors for row in WORLDS[:worlds] for point in row])
    for name in ("archetype", "cover", "sharing"):
        assert min(told[name].values()) > 0.6 * max(told[name].values()), name


def test_large_campaigns_show_every_cover_and_sharing_twice() -> None:
    large = [point for point in points() if point.size == LARGE]
    assert set(Counter(point.cover for point in large).values()) == {2}
    assert set(Counter(point.sharing for point in large).values()) == {2}
    assert len({(point.cover, point.sharing) for point in large}) == len(large)


def test_seeds_and_texts_are_those_of_nobody_else(trials: list[Trial]) -> None:
    assert len({trial.spec.seed for trial in trials}) == len(trials)
    assert all(trial.spec.seed >= 20_000 and trial.spec.families is Families.HOLDOUT for trial in trials)


def test_a_campaign_is_what_its_factors_say(trials: list[Trial]) -> None:
    for trial in trials:
        for campaign in trial.spec.campaigns:
            factors = trial.factors[campaign.name]
            assert campaign.archetype == factors["archetype"]
            if "sharing" in factors:
                assert (campaign.accounts, campaign.cover) == (int(factors["size"]), float(factors["cover"]))
                assert (campaign.cards > 0, campaign.proxies > 0) == (
                    factors["sharing"] == "card",
                    factors["sharing"] == "network",
                )
                assert campaign.template == (factors["sharing"] != "nothing")


def test_no_campaign_is_too_large_a_share_to_be_a_group(trials: list[Trial]) -> None:
    for trial in trials:
        everybody = trial.spec.accounts + sum(campaign.accounts for campaign in trial.spec.campaigns)
        assert max(c.accounts for c in trial.spec.campaigns) < DetectionSettings().max_share * everybody


def test_more_exchanges_per_account_need_fewer_accounts() -> None:
    disclosed, slow, shared = (
        bill(VARIANTS[n]) for n in ("a card and an exit each", "two exchanges a day", "as disclosed")
    )
    assert slow.accounts == pytest.approx(8 * disclosed.accounts, rel=1e-3)
    assert slow.days > disclosed.days
    assert shared.cards * 6 <= disclosed.cards
    assert shared.low < disclosed.low
    assert disclosed.accounts * 11.2 * 30 == pytest.approx(1_000_000, rel=1e-3)
