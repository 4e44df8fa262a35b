"""The generic cell rate algorithm: a bucket is one number, the time at which it will be full again.

That time (TAT, theoretical arrival time) stands for all that was ever taken, so that a budget of a
million tokens costs no more memory than one of ten (ITU-T I.371, ATM Forum TM 4.0; in the web's words
https://brandur.org/rate-limiting). What is taken occupies a stretch of time behind what was taken before,
at ``period / amount`` a unit; a request passes if its stretch ends within one period from now.

**Whole microseconds, prices rounded up.** Exact units of 1/amount microseconds would change their meaning
with every new bound, outgrow the 2**53 that Lua counts exactly, and buy less than a microsecond a request. A
bucket in microseconds carries over to new bounds, and a price rounded up never grants more than the bound.

**Reserve, then settle.** A reservation takes the price of an estimate; :func:`refund` gives the unused part
back when the use is known. What has drained of a stretch meanwhile has been granted to others already and
must not be given again. A stretch ends at ``end``, which earlier refunds moved towards now, so::

    refund = min(unused, max(0, end - now))

Only refunds of stretches before it move a stretch. To keep a bucket at two numbers, it counts the sum of all
its refunds in ``moved``, and a reservation remembers ``mark = TAT + moved`` from when it was made; then
``end >= mark - moved``, exactly so if reservations are settled in the order in which they were made. Settled
out of order, a refund can only be smaller.

**What holds.** Whatever the order of reservations and settlements, for every span from s to t: the sum of the
prices of what was *used* by reservations made in it is at most ``period + (t - s)``, in units
``amount + (t - s) * amount / period``, plus what single reservations used beyond their estimate. For let W be
the prices, refunds taken off, of reservations made since s. ``TAT >= s + W`` holds at s, as W is 0 and a TAT
in the past counts as now. A reservation adds the same to both sides or more to the left; a refund to one of
them takes the same from both; a debt adds to the left. A refund to an older one takes r <= end - now from the
left, but TAT >= end + W, since the stretches in W lie behind its end, so TAT - r >= now + W. At the last
reservation, made at u <= t, TAT <= u + period: W <= period + t - s. Later refunds only lessen W, and no
refund is more than what was not used.
"""

from spiritsafe.policy.rates import Rate

__all__ = ["DEBT_PERIODS", "indebted", "price", "refund", "remaining", "retry_after", "taken", "within_debt"]

DEBT_PERIODS = 2
"""No bucket is full later than so many periods from now: an estimate that was far off locks nobody out."""


def price(units: int, rate: Rate) -> int:
    """Return what units take of a bucket's time, microseconds, rounded up.

    >>> price(1, Rate.parse("7/s")), price(7, Rate.parse("7/s"))
    (142858, 1000000)
    """
    return -(-units * rate.period_us // rate.amount)


def taken(tat: int, units: int, rate: Rate, now_us: int) -> int | None:
    """Return the bucket's time once units have been taken, None if there is no room for them.

    >>> rate = Rate(amount=10, period_us=100)
    >>> taken(0, 6, rate, now_us=1_000), taken(1_060, 6, rate, now_us=1_000), taken(1_060, 6, rate, now_us=1_020)
    (1060, None, 1120)
    """
    period_us = rate.period_us
    after = (tat if tat > now_us else now_us) - (-units * period_us // rate.amount)  # price(): a call less, six times
    return after if after <= now_us + period_us else None


def refund(unused_us: int, mark: int, moved: int, now_us: int) -> int:
    """Return how much of an unused price goes back, microseconds; the bucket's ``moved`` grows by as much.

    Args:
        unused_us: the price of what was reserved less the price of what was used; 0 or more.
        mark: the bucket's TAT + moved right after the reservation was made.
        moved: the bucket's refunds so far.
        now_us: the time.

    >>> refund(60, mark=1_060, moved=0, now_us=1_000), refund(60, mark=1_060, moved=0, now_us=1_050)
    (60, 10)
    """
    return max(0, min(unused_us, mark - moved - now_us))


def indebted(tat: int, over_us: int, period_us: int, now_us: int) -> int:
    """Return the bucket's time once use beyond an estimate has been charged, within the bound on debts.

    >>> indebted(1_060, 30, 100, now_us=1_000), indebted(1_060, 900, 100, now_us=1_000)
    (1090, 1200)
    """
    return max(tat, min(max(tat, now_us) + over_us, now_us + DEBT_PERIODS * period_us))


def within_debt(tat: int, period_us: int, now_us: int) -> int:
    """Return the bucket's time, brought within the bound on debts.

    Beyond it lies a bucket only after its period was shortened or the clock set back; what is taken off counts
    as moved.
    """
    return min(tat, now_us + DEBT_PERIODS * period_us)


def remaining(tat: int, rate: Rate, now_us: int) -> int:
    """Return how many units can be taken at once.

    >>> remaining(0, Rate(10, 100), now_us=1_000), remaining(1_015, Rate(10, 100), now_us=1_000)
    (10, 8)
    """
    room = now_us + rate.period_us - max(tat, now_us)
    return max(0, room * rate.amount // rate.period_us)


def retry_after(tat: int, price_us: int, period_us: int, now_us: int) -> int | None:
    """Return microseconds until a price fits, 0 if it does now, None if it never will: more than the whole bucket.

    >>> retry_after(1_060, 60, 100, now_us=1_000), retry_after(0, 101, 100, now_us=1_000)
    (20, None)
    """
    return max(0, tat + price_us - period_us - now_us) if price_us <= period_us else None
