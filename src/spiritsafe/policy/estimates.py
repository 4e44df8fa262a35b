"""What to reserve for a request whose answer nobody has seen yet.

Its input is known, its output is a promise of the client's: a huge ``max_tokens`` must not starve the
organisation, so that no output is reserved beyond a share of the smallest budget. What is used
beyond the estimate is charged when the request is settled.
"""

from collections.abc import Iterable

from spiritsafe.policy.rates import Bounds

__all__ = ["BURST_SHARE", "OUTPUT_TOKENS", "cap_reservation"]

OUTPUT_TOKENS = 1_024
"""Output reserved for a request that names no ``max_tokens``."""
BURST_SHARE = 8
"""One request's output may reserve a budget's amount divided by this; so many large requests run at once."""


def cap_reservation(input_tokens: int, max_tokens: int | None, bounds: Iterable[Bounds]) -> int:
    """Return the tokens to reserve: the input and as much output as may be taken for granted.

    The output never makes a request too large for a budget that its input fits; a request whose input is larger
    than a whole budget stays so and is refused for good.

    Args:
        input_tokens: tokens of the prompt, 0 or more.
        max_tokens: what the client asked for at most, if it said so.
        bounds: of every level that will be charged.

    >>> from spiritsafe.policy.rates import Rate
    >>> bounds = [Bounds(tokens=Rate.parse("80k/m")), Bounds(tokens=Rate.parse("1M/h")), Bounds()]
    >>> cap_reservation(500, 100, bounds), cap_reservation(500, 1_000_000, bounds)
    (600, 10500)
    >>> cap_reservation(79_500, None, bounds), cap_reservation(80_001, None, bounds)
    (80000, 80001)
    """
    output = OUTPUT_TOKENS if max_tokens is None else max_tokens
    amounts = [bound.tokens.amount for bound in bounds if bound.tokens is not None]
    if amounts:
        smallest = min(amounts)
        output = min(output, smallest // BURST_SHARE, smallest - input_tokens)
    return input_tokens + max(0, output)
