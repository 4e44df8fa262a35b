"""Curves of rankings whose areas and rates are known; intervals that follow the number of worlds, not of cases."""

import numpy as np
import pytest

from measure.curves import Ranked, Ranking


def world(positive: list[float], negative: list[float]) -> Ranked:
    return Ranked(np.array([*positive, *negative]), np.arange(len(positive) + len(negative)) < len(positive))


def test_a_perfect_ranking() -> None:
    ranking = Ranking.of([world([3, 4], [1, 2]), world([5], [0, 0])])
    assert ranking.area().value == ranking.average_precision().value == ranking.recall_at(0.0).value == 1.0


def test_ties_count_half() -> None:
    assert Ranking.of([world([1, 1], [1, 1, 1])]).area().value == 0.5


def test_area_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(3)
    worlds = [world(rng.normal(1, 1, 30).tolist(), rng.normal(0, 1, 50).tolist()) for _ in range(4)]
    ours = np.concatenate([w.value[w.positive] for w in worlds])
    theirs = np.concatenate([w.value[~w.positive] for w in worlds])
    assert Ranking.of(worlds).area().value == pytest.approx((ours[:, None] > theirs).mean(), abs=1e-9)


def test_recall_at_a_rate_counts_no_more_false_alarms_than_that() -> None:
    ranking = Ranking.of([world([9, 7, 1], [8, 0, 0, 0])])
    assert ranking.recall_at(0.0).value == pytest.approx(1 / 3)
    assert ranking.recall_at(0.25).value == 1.0
    recall, _, _ = ranking.roc(np.array([0.0, 0.25]))
    assert recall.tolist() == [pytest.approx(1 / 3), 1.0]


def test_precision_at_a_recall() -> None:
    precision, _, _ = Ranking.of([world([9, 7], [8, 0])]).precision_at(np.array([0.5, 1.0]))
    assert precision.tolist() == [1.0, pytest.approx(2 / 3)]


def test_an_interval_knows_that_a_campaign_stands_or_falls_as_one() -> None:
    found, missed = world([9.0] * 100, [0.0] * 100), world([-1.0] * 100, [0.0] * 100)
    few, many = Ranking.of([found, missed] * 2), Ranking.of([found, missed] * 50)
    width = [estimate.interval.high - estimate.interval.low for estimate in (few.recall_at(0.0), many.recall_at(0.0))]
    assert width[0] > 0.6 > 0.25 > width[1]
    assert few.recall_at(0.0).value == many.recall_at(0.0).value == 0.5
