"""Overlapping groups: parts before their union, no group twice."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.detection.links.apart import apart

GROUPS = st.lists(
    st.tuples(st.frozensets(st.integers(0, 15), min_size=1), st.floats(0.1, 100)), unique_by=lambda item: item[0]
)


@settings(deadline=None)
@given(GROUPS)
def test_no_group_has_half_of_itself_in_those_kept_before(groups: list[tuple[frozenset[int], float]]) -> None:
    members = [np.array(sorted(group)) for group, _ in groups]
    kept = apart(members, np.array([bits for _, bits in groups]), 16)
    assert len(set(kept)) == len(kept)
    assert bool(kept) == bool(groups)
    assert [groups[i][1] for i in kept] == sorted((groups[i][1] for i in kept), reverse=True)
    for one in kept:
        for other in kept:
            shared = groups[one][0] & groups[other][0]
            assert one == other or 2 * len(shared) < max(len(groups[one][0]), len(groups[other][0]))


def test_a_fragment_of_two_groups_gives_way_to_the_groups() -> None:
    one, other = np.arange(40), np.arange(30, 70)
    fragment, union = np.arange(10, 70), np.arange(70)
    assert apart([fragment, one, union, other], np.array([361.0, 288.0, 507.0, 257.0]), 70) == [1, 3]
    assert apart([fragment, one, union, other], np.array([361.0, 200.0, 507.0, 157.0]), 70) == [2]


def test_a_few_strangers_do_not_disappear_in_large_groups() -> None:
    """A union that has fewer bits than its parts is no group, however small one of the parts."""
    few, one, other = np.arange(5), np.arange(5, 255), np.arange(255, 505)
    unions = [np.concatenate([few, one]), np.concatenate([few, other])]
    assert apart([few, one, other, *unions], np.array([60.0, 3_290.0, 3_110.0, 3_320.0, 3_140.0]), 505) == [1, 2, 0]
