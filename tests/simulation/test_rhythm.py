import numpy as np
import pytest

from spiritsafe.simulation.mixing import stream
from spiritsafe.simulation.rhythm import DAY_S, Beats, Calendar, Rhythm, dispatch, expand, live, stack, thin

WEEK = Calendar(14)


def _live(rhythm: Rhythm, rate: float = 20.0, length: float = 1.0, calendar: Calendar = WEEK, n: int = 300) -> Beats:
    return live(
        stream(1, rhythm), rhythm, calendar, rate=np.full(n, rate), zone=np.zeros(n), group=np.arange(n) // 10,
        length=length,
    )  # fmt: skip


def _deal(accounts: int = 40, rate: float = 50.0, days: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    begin, end = np.zeros(accounts), np.full(accounts, days * DAY_S)
    return dispatch(stream(2, "d"), begin=begin, end=end, slot=np.arange(accounts), rate=rate, pauses=2.0)


@pytest.mark.parametrize("rhythm", Rhythm)
def test_times_lie_within_the_world_and_volume_is_near_the_rate(rhythm: Rhythm) -> None:
    beats = _live(rhythm, length=4.0)
    assert beats.at.min() >= 0
    assert beats.at.max() < 14 * DAY_S
    assert 0.4 < len(beats) / (300 * 14 * 20) < 1.25


def test_offices_rest_at_night_and_on_weekends() -> None:
    beats = _live(Rhythm.OFFICE)
    hour, day = beats.at % DAY_S / 3_600, (beats.at // DAY_S).astype(int)
    assert np.mean((hour > 6) & (hour < 20)) > 0.99
    assert np.mean(np.isin(day % 7, (5, 6))) < 0.05


def test_the_first_weekday_moves_the_weekend() -> None:
    beats = _live(Rhythm.OFFICE, calendar=Calendar(14, weekday=5))
    assert np.mean(np.isin((beats.at // DAY_S).astype(int) % 7, (0, 1))) < 0.05


def test_people_sleep_and_differ() -> None:
    beats = _live(Rhythm.PERSONAL, rate=40)
    counts = np.histogram2d(beats.member, beats.at % DAY_S // 3_600, bins=[300, 24], range=[[0, 300], [0, 24]])[0]
    quiet = (counts < 0.01 * counts.sum(axis=1, keepdims=True)).sum(axis=1)
    assert np.median(quiet) >= 8
    assert len(np.unique(counts.argmax(axis=1))) > 8


def test_cron_keeps_its_minute() -> None:
    beats = _live(Rhythm.CRON, rate=30, length=30)
    starts = beats.at[beats.turn == 0] % DAY_S / 60
    assert np.mean(starts % 15 < 3) > 0.95


def test_services_follow_a_real_curve_where_one_is_given() -> None:
    curve = np.zeros((1, 144))
    curve[0, :36] = 4.0
    beats = _live(Rhythm.SERVICE, calendar=Calendar(4, curves=curve))
    assert np.all(beats.at % DAY_S < 6 * 3_600 + 3_600)
    assert 0.85 < len(beats) / (300 * 4 * 20) < 1.15


def test_trains_count_their_turns() -> None:
    beats = expand(stream(3, "e"), np.arange(200), np.zeros(200), 5.0, run=False)
    size = np.bincount(beats.train)
    assert 4 < size.mean() < 6
    for train in range(20):
        mine = beats.train == train
        assert beats.turn[mine].tolist() == list(range(size[train]))
        assert np.all(np.diff(beats.at[mine]) > 0)


def test_a_dispatcher_deals_evenly_and_keeps_one_clock() -> None:
    member, at = _deal()
    counts = np.bincount(member, minlength=40)
    assert counts.sum() == pytest.approx(40 * 50 * 6, rel=0.05)
    assert counts.var() / counts.mean() < 0.3  # a Poisson share would give 1
    cell = (at // (6 * 3_600)).astype(int)
    table = np.histogram2d(member, cell, bins=[40, 24])[0]
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    busy = expected.min(axis=0) > 0
    chi = ((table - expected)[:, busy] ** 2 / expected[:, busy]).sum() / ((busy.sum() - 1) * 39)
    assert chi < 0.7


def test_all_pause_together() -> None:
    _, at = _deal(rate=200)
    hours = np.bincount((at // 3_600).astype(int), minlength=144)
    assert (hours == 0).sum() >= 2
    assert hours.std() > 3 * np.sqrt(hours.mean())


def test_a_ban_sends_requests_on_and_a_replacement_takes_over() -> None:
    begin = np.array([0.0, 0.0, 3 * DAY_S])
    end = np.array([2 * DAY_S, 6 * DAY_S, 6 * DAY_S])
    member, at = dispatch(stream(4, "b"), begin=begin, end=end, slot=np.array([0, 1, 0]), rate=100.0, pauses=0.0)
    assert at[member == 0].max() < 2 * DAY_S
    assert at[member == 2].min() >= 3 * DAY_S
    gap = (at >= 2 * DAY_S) & (at < 3 * DAY_S)
    assert gap.sum() > 50
    assert np.all(member[gap] == 1)


def test_thinning_keeps_whole_trains() -> None:
    beats = expand(stream(5, "t"), np.zeros(500, np.int64), np.zeros(500), 3.0, run=False)
    kept = thin(stream(5, "u"), beats, 600)
    assert 590 <= len(kept) <= 600
    assert np.array_equal(
        np.bincount(kept.train)[np.unique(kept.train)], np.bincount(beats.train)[np.unique(kept.train)]
    )


def test_stacked_trains_stay_apart() -> None:
    one = expand(stream(6, "s"), np.zeros(5, np.int64), np.zeros(5), 2.0, run=False)
    both = stack([one, one])
    assert len(np.unique(both.train)) == 10
