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


def cap_reservation(input_tokens: int, max_tokens: int | None, levels: Iterable[tuple[str, Bounds]]) -> int:
    """Return the tokens to reserve: the input and as much output as may be taken for granted.

    The output never makes a request too large for a budget that its input fits; a request whose input is larger
    than a whole budget stays so and is refused for good.

    Args:
        input_tokens: tokens of the prompt, 0 or more.
        max_tokens: what the client asked for at most, if it said so.
        levels: that will be charged.

    >>> from spiritsafe.policy.rates import Rate
    >>> levels = [("o", Bounds(tokens=Rate.parse("80k/m"))), ("a", Bounds(tokens=Rate.parse("1M/h"))), ("k", Bounds())]
    >>> [cap_reservation(*asked, levels) for asked in ((500, 100), (500, 1_000_000), (79_000, None))]
    [600, 10500, 80000]
    """
    output = OUTPUT_TOKENS if max_tokens is None else max_tokens
    for _, bounds in levels:
        if (rate := bounds.tokens) is not None:
            amount = rate.amount
            output = min(output, amount // BURST_SHARE)
            output = min(output, amount - input_tokens)
    return input_tokens + output if output > 0 else input_tokens
