"""The experiments ask for what they say: untouched seeds, balanced levels, paired worlds."""

from collections import Counter
from dataclasses import replace

import pytest

from measure.experiments import EXPERIMENTS, miniature
from measure.trial import Trial, identity
from spiritsafe.simulation.worlds import COHORTS, Families

HELD_OUT = Families.HOLDOUT


@pytest.fixture(scope="module")
def planned() -> list[Trial]:
    return [trial for experiment in EXPERIMENTS.values() for trial in experiment.trials(None, HELD_OUT, None)]


def test_no_world_uses_a_seed_or_a_text_of_tuning(planned: list[Trial]) -> None:
    assert all(trial.spec.seed >= 1_000 and trial.spec.families is HELD_OUT for trial in planned)


def test_every_world_is_its_own(planned: list[Trial]) -> None:
    assert len({(trial.experiment, trial.name) for trial in planned}) == len(planned)
    assert len({identity(trial) for trial in planned}) == len(planned)
    unpaired = [trial.spec.seed for trial in planned if trial.experiment != "framed"]
    assert len(set(unpaired)) == len(unpaired)


def test_more_repetitions_add_worlds_and_change_none() -> None:
    for experiment in EXPERIMENTS.values():
        few, more = (experiment.trials(number, HELD_OUT, None) for number in (1, 3))
        assert more[: len(few)] == few


def test_a_block_of_the_design_is_balanced() -> None:
    rows = [row for trial in EXPERIMENTS["shared"].trials(20, HELD_OUT, None) for row in trial.factors.values()]
    for name in rows[0]:
        counts = Counter(row[name] for row in rows)
        assert max(counts.values()) - min(counts.values()) <= 1, name


def test_campaigns_are_what_their_factors_say() -> None:
    for trial in EXPERIMENTS["shared"].trials(None, HELD_OUT, None):
        for campaign in trial.spec.campaigns:
            row = trial.factors[campaign.name]
            assert campaign.archetype == row["archetype"]
            told = [float(row[name]) for name in ("size", "cover", "rate", "jitter")]
            assert told == [campaign.accounts, campaign.cover, campaign.rate, campaign.jitter]
            assert (campaign.cards, campaign.proxies) != (0, 0) or row["sharing"] == "corpus"


def test_nothing_means_nothing() -> None:
    for trial in EXPERIMENTS["nothing"].trials(1, HELD_OUT, None):
        assert {(c.cards, c.proxies, c.devices) for c in trial.spec.campaigns} == {(0, 0, 0)}


def test_framed_worlds_differ_by_their_shells_alone() -> None:
    worlds = EXPERIMENTS["framed"].trials(1, HELD_OUT, None)
    bare = [replace(t.spec, campaigns=tuple(replace(c, shells=0) for c in t.spec.campaigns)) for t in worlds]
    assert all(spec == bare[0] for spec in bare)
    assert len({sum(c.shells for c in t.spec.campaigns) for t in worlds}) == len(worlds)


def test_look_alikes_come_to_three_thousand_a_cohort() -> None:
    worlds = EXPERIMENTS["lookalikes"].trials(None, HELD_OUT, None)
    totals = {name: sum((t.spec.cohorts or {})[name] for t in worlds) for name in COHORTS}
    assert min(totals.values()) >= 3_000
    assert not any(t.spec.campaigns for t in worlds)


def test_a_miniature_is_never_taken_for_the_real_world(planned: list[Trial]) -> None:
    names = {trial.name for trial in planned}
    assert all(
        miniature(trial).name not in names and identity(miniature(trial)) != identity(trial) for trial in planned
    )
