"""What one node grants of bounds that it usually shares with others."""

from functools import lru_cache

from spiritsafe.policy.levels import Levels
from spiritsafe.policy.rates import Bounds, Rate

__all__ = ["portion", "portions"]


def portions(levels: Levels, tokens: int, share: float) -> tuple[Levels, int]:
    """Return levels with a share of their bounds, and tokens that fit into them.

    A request that fits the whole bounds must not be refused for good because it is larger than a share of them. Its
    estimate is lessened; what it uses beyond is charged when it is settled.

    Args:
        levels: with whole bounds.
        tokens: the estimate.
        share: above 0, at most 1.
    """
    if share >= 1:
        return levels, tokens
    shared = [(key, portion(bounds, share)) for key, bounds in levels]
    if tokens > _most(levels, tokens):
        return shared, tokens
    return shared, _most(shared, tokens)


@lru_cache(maxsize=10_000)
def portion(bounds: Bounds, share: float) -> Bounds:
    """Return a share of bounds, at least one unit of each.

    >>> str(portion(Bounds(tokens=Rate.parse("90k/m")), 0.25).tokens)
    '22500/m'
    """
    return Bounds(*(rate and _part(rate, share) for rate in (bounds.requests, bounds.tokens)))


def _part(rate: Rate, share: float) -> Rate:
    return Rate(max(1, int(rate.amount * share)), rate.period_us)


def _most(levels: Levels, tokens: int) -> int:
    """Return as many of the tokens as fit into every level when it is full."""
    return min([tokens, *(bounds.tokens.amount for _, bounds in levels if bounds.tokens is not None)])
