"""The hour in which a campaign is first named: bisection, and stores that are taken up again."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from measure.experiments import EXPERIMENTS, miniature
from measure.leaks import STEP, _first, _keyed, _Log
from spiritsafe.model.words import Tier
from spiritsafe.simulation.evaluation import CampaignScore
from spiritsafe.simulation.worlds import Families, build


class _Known(_Log):
    """A past in which one campaign is suspected from an hour on, and every look is counted."""

    def __init__(self, before: int, since: int) -> None:
        self.before, self.since, self.looks = before, since, list[int]()

    def look_back(self, hour: int) -> dict[str, CampaignScore]:
        self.looks.append(hour)
        return {"c": _score(Tier.SUSPECTED if hour >= self.since else Tier.LINKED)}


def _score(tier: Tier) -> CampaignScore:
    return CampaignScore(
        campaign="c",
        members=1,
        found=tier is not Tier.LINKED,
        recall=1.0,
        largest=1.0,
        tier=tier,
        leaked=None,
        leaked_output_tokens=None,
    )


@given(st.integers(0, 500), st.integers(1, STEP), st.data())
def test_bisection_finds_the_hour_in_as_few_looks_as_it_takes(before: int, step: int, data: st.DataObject) -> None:
    since = data.draw(st.integers(before + 1, before + step))
    past = _Known(before, since)
    assert _first(past, "c", Tier.SUSPECTED, before + step) == since
    assert len(past.looks) == len(set(past.looks)) <= (step - 1).bit_length()
    assert all(before < hour < before + step for hour in past.looks)


def test_a_store_that_is_taken_up_again_says_what_one_read_from_the_beginning_says(tmp_path: Path) -> None:
    world = build(miniature(EXPERIMENTS["shared"].trials(1, Families.HOLDOUT, None)[0]).spec)

    def log(name: str) -> _Log:
        (tmp_path / name).mkdir()
        return _Log(world, tmp_path / name, _keyed(tmp_path / name), file_hours=4)

    resumed, fresh = log("resumed"), log("fresh")
    for hour in (STEP, 2 * STEP):
        resumed.advance(hour)
    resumed.look_back(STEP + 8)
    told = resumed.look_back(STEP + 9)
    # nine hours are two files and a part of one, upon which nothing later could go on
    assert set(resumed.aside) == {STEP + 8}
    fresh.advance(STEP)
    assert fresh.advance(STEP + 9) == told
