from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.gateway.portions import portions
from spiritsafe.policy.levels import Level, Refusal
from spiritsafe.policy.meters import Grant, Meters
from spiritsafe.policy.rates import UNBOUNDED, Bounds, Rate

LEVELS = [
    Level("organisation:o", Bounds(requests=Rate.parse("10/m"), tokens=Rate.parse("1000/m"))),
    Level("account:a", UNBOUNDED),
]


@given(st.integers(1, 2_000), st.floats(0.0001, 1))
def test_what_fits_the_whole_fits_a_share_and_what_does_not_never_will(tokens: int, share: float) -> None:
    found = Meters().reserve(*portions(LEVELS, tokens, share), 0)
    if tokens <= 1_000:
        assert isinstance(found, Grant)
    else:
        assert isinstance(found, Refusal)
        assert found.retry_after_us is None


def test_the_shares_of_all_nodes_are_the_whole() -> None:
    granted = 0
    for meters in [Meters() for _ in range(4)]:
        while isinstance(meters.reserve(*portions(LEVELS, 50, 0.25), 0), Grant):
            granted += 1
    assert granted == 4 * (10 // 4)
