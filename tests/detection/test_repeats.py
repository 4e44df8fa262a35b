"""What comes back in a group, against counting by hand."""

from collections import Counter
from itertools import combinations

import numpy as np

from spiritsafe.detection.focus import Focus
from spiritsafe.detection.repeats import repeats
from spiritsafe.detection.synthetic import subjects


def _sent(focus: Focus) -> list[tuple[int, int, int]]:
    """(member, body, day) of every exchange whose body was sampled."""
    pools = focus.population.pools
    return [
        (int(who), int(pools.bodies[at]), int(pools.day[row]))
        for row, who in zip(focus.pool, focus.pool_who, strict=True)
        for at in range(pools.offsets[row], pools.offsets[row + 1])
        for _ in range(pools.body_n[at])
    ]


def test_every_count_is_that_of_all_pairs() -> None:
    for focus in (subjects(seed=1, own=False, items=40), subjects(seed=2, own=True)):
        sent, seen = _sent(focus), repeats(focus)
        alike = Counter(a[0] == b[0] for a, b in combinations(sent, 2) if a[1] == b[1])
        assert (seen.within, seen.across) == (alike[True], alike[False])
        assert seen.bodies == len({body for _, body, _ in sent})
        assert seen.sampled.tolist() == np.bincount([who for who, _, _ in sent], minlength=focus.size).tolist()
        pairs = {(who, body) for who, body, _ in sent}
        assert seen.distinct.tolist() == np.bincount([who for who, _ in pairs], minlength=focus.size).tolist()
        middle = np.median(focus.population.pools.day[focus.pool])
        early, late = ({body for _, body, day in sent if (day > middle) == after} for after in (False, True))
        assert (seen.early, seen.late, seen.both) == (len(early), len(late), len(early & late))
