"""Which of overlapping groups stand: wholes before pieces, never a mixture, nobody twice."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.detection.focus import Focus, cut
from spiritsafe.detection.groups.candidate import Candidate, Door
from spiritsafe.detection.overlaps import Judged, stand
from spiritsafe.detection.scoring import Score
from spiritsafe.detection.synthetic import Sheet, assemble
from spiritsafe.model.findings import Evidence
from spiritsafe.model.words import Family

SURE = 12.0
CROWD = assemble(Sheet(np.ones((60, 48), np.int64)), members=60)


def _group(members: Sequence[int], bits: float, corpus: float = 5.0, *, mixed: bool = False) -> Judged:
    who, templates = np.array(sorted(members)), np.array([1])
    weights = {Family.CORPUS: corpus, Family.TIMING: bits - corpus}
    evidence = [
        Evidence(signal=family.value, family=family, weight_bits=weight, p_value=0.5, detail="1")
        for family, weight in weights.items()
    ]
    focus = cut(CROWD.population, who, templates)
    return Judged(Score(Candidate(Door.TEMPLATE, who, templates), focus, evidence, []), [], mixed)


def _stand(*groups: Judged) -> list[list[int]]:
    def rejudge(item: Judged, focus: Focus) -> Judged:
        return _group(focus.members.tolist(), item.score.bits - 1, mixed=item.mixed)

    standing = stand(list(groups), lambda item: item.score.bits, rejudge, 4, SURE)
    return [item.score.focus.members.tolist() for item in standing]


def test_a_piece_gives_way_to_the_whole_that_is_sure_as_well() -> None:
    assert _stand(_group(range(10), 16.0), _group(range(30), 12.5)) == [list(range(30))]


def test_a_whole_that_is_not_sure_does_not_take_the_piece() -> None:
    assert _stand(_group(range(10), 16.0), _group(range(30), 11.0))[0] == list(range(10))


def test_two_campaigns_lumped_together_are_no_whole() -> None:
    lump = _group(range(30), 14.0, corpus=0.5)
    assert _stand(_group(range(15), 16.0), lump, _group(range(15, 30), 15.0)) == [list(range(15)), list(range(15, 30))]


def test_a_group_with_strangers_in_it_comes_last() -> None:
    assert _stand(_group(range(20), 20.0, mixed=True), _group(range(5, 15), 8.0))[0] == list(range(5, 15))


def test_what_others_leave_is_judged_again_and_too_little_is_dropped() -> None:
    first, rest = _group(range(10), 11.0), _group(range(8, 24), 9.0)
    assert _stand(first, rest) == [list(range(10)), list(range(10, 24))]
    assert _stand(first, _group([*range(8), *range(10, 13)], 9.0)) == [list(range(10))]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sets(st.integers(0, 59), min_size=4, max_size=30), st.floats(0, 20)), max_size=8))
def test_nobody_stands_in_two_groups(asked: list[tuple[set[int], float]]) -> None:
    named = [member for group in _stand(*(_group(sorted(who), bits) for who, bits in asked)) for member in group]
    assert len(named) == len(set(named))


@pytest.mark.parametrize("turn", range(3))
def test_the_order_of_the_proposals_does_not_matter(turn: int) -> None:
    groups = [_group(range(10), 16.0), _group(range(30), 12.5), _group(range(25, 50), 11.0)]
    assert _stand(*groups[turn:], *groups[:turn]) == _stand(*groups)
