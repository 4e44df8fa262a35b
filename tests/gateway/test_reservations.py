from spiritsafe.gateway.reservations import Reservations
from spiritsafe.policy.meters import Grant


def _grant(now_us: int) -> Grant:
    return Grant([], 0, now_us, [])


def test_a_grant_is_taken_once() -> None:
    reservations = Reservations(keep_us=100)
    grant = _grant(0)
    reservations.add("a", grant)
    assert reservations.take("a") is grant
    assert reservations.take("a") is None


def test_what_nobody_takes_is_forgotten_in_time() -> None:
    reservations = Reservations(keep_us=1_000)
    for now_us in range(100_000):
        reservations.add(str(now_us), _grant(now_us))
        if now_us % 2:
            assert reservations.take(str(now_us))
    assert len(reservations) <= 502
    assert reservations.take("1000") is None
    assert reservations.take("99998") is not None
