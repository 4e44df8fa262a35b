"""Where an account stands: what all the rows that reach it come to, those in force and those only measured.

Measures combine, whatever the order of the rows: withheld reasoning, a watermark and a rate limit may all be in
force at once. Of the networks that hold an address only the longest speaks, so that a narrow row can make an
exception from a wide one.
"""

from collections.abc import Sequence

import msgspec

from spiritsafe.model.words import Step, Subject
from spiritsafe.policy.rates import UNBOUNDED, Bounds, Rate
from spiritsafe.policy.terms import Row

__all__ = ["CLEAR", "NOTHING", "Effect", "Standing", "effect_of", "standing_of"]

# Python 3.11 takes longer to get at an enum's member than to look an account up
_STEP_UP, _WITHHOLD, _WATERMARK, _SUSPEND = Step.STEP_UP, Step.WITHHOLD, Step.WATERMARK, Step.SUSPEND
_CAMPAIGN, _PREFIX = Subject.CAMPAIGN, Subject.PREFIX


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What some rows come to.

    Attributes:
        step: the strongest measure; ``observe`` where there is none.
        step_up: verification is asked for before anything else goes through.
        suspend: nothing goes through; wins over ``step_up``.
        withhold: reasoning and logprobs are kept back.
        watermark: answers are marked.
        campaign: whose key they are marked with, where a campaign's row says so; the first by id, if several do.
        bounds: the tightest of all rows, for requests and tokens apart.
        row: the one that decided ``step``; None where no row is in force.
        rows: all of them, the deciding one first.
    """

    step: Step = Step.OBSERVE
    step_up: bool = False
    suspend: bool = False
    withhold: bool = False
    watermark: bool = False
    campaign: str | None = None
    bounds: Bounds = UNBOUNDED
    row: Row | None = None
    rows: tuple[Row, ...] = ()


class Standing(msgspec.Struct, frozen=True):
    """What is done to an account, and what would be by the rows that are only measured.

    Attributes:
        live: of the rows in force.
        shadow: of the shadow rows alone.
    """

    live: Effect
    shadow: Effect


NOTHING = Effect()
"""No row is in force."""
CLEAR = Standing(NOTHING, NOTHING)
"""No row reaches the account."""


def standing_of(live: Sequence[Row], shadow: Sequence[Row]) -> Standing:
    """Return what rows that reach one account and bite come to.

    Args:
        live: those in force, in any order.
        shadow: those that are only measured.
    """
    return Standing(effect_of(live), effect_of(shadow)) if live or shadow else CLEAR


def effect_of(rows: Sequence[Row]) -> Effect:
    """Return what rows come to together, whatever their order.

    >>> effect_of([]) is NOTHING
    True
    """
    if not rows:
        return NOTHING
    if len(rows) == 1:
        return _alone(rows[0])
    rows = sorted(_longest(rows), key=_order)
    steps = [row.terms.step for row in rows]
    marking = [row.id for row in rows if row.terms.step is _WATERMARK and row.terms.subject is _CAMPAIGN]
    return Effect(
        step=steps[0],
        step_up=_STEP_UP in steps,
        suspend=_SUSPEND in steps,
        withhold=_WITHHOLD in steps,
        watermark=_WATERMARK in steps,
        campaign=min(marking) if marking else None,
        bounds=_tightest([row.terms.bounds for row in rows]),
        row=rows[0],
        rows=tuple(rows),
    )


def _alone(row: Row) -> Effect:
    """Return what one row comes to, as most rows are alone and the general way takes three times as long."""
    step = row.terms.step
    return Effect(
        step=step,
        step_up=step is _STEP_UP,
        suspend=step is _SUSPEND,
        withhold=step is _WITHHOLD,
        watermark=step is _WATERMARK,
        campaign=row.id if step is _WATERMARK and row.terms.subject is _CAMPAIGN else None,
        bounds=row.terms.bounds,
        row=row,
        rows=(row,),
    )


def _longest(rows: Sequence[Row]) -> Sequence[Row]:
    """Leave out rows about networks that hold a network of another row."""
    lengths = [_length(row) if row.terms.subject is _PREFIX else -1 for row in rows]
    most = max(lengths)
    return rows if most < 0 else [row for row, at in zip(rows, lengths, strict=True) if at in {-1, most}]


def _length(row: Row) -> int:
    return int(row.id.rpartition("/")[2])


def _order(row: Row) -> tuple[tuple[int, int], str]:
    return row.terms.precedence, row.id


def _tightest(bounds: Sequence[Bounds]) -> Bounds:
    return Bounds(_least([one.requests for one in bounds]), _least([one.tokens for one in bounds]))


def _least(rates: Sequence[Rate | None]) -> Rate | None:
    """Return the rate that grants least in the long run, of those the one with the smallest burst."""
    least = None
    for rate in rates:
        if rate is not None and (least is None or _grants_less(rate, least)):
            least = rate
    return least


def _grants_less(one: Rate, other: Rate) -> bool:
    mine, theirs = one.amount * other.period_us, other.amount * one.period_us
    return (mine, one.amount) < (theirs, other.amount)
