"""Grants of this process that await their settlement, by decision id.

Whoever settles knows the id only. What nobody settles is forgotten after a time, oldest first, so that
lost connections cost no memory for ever; its estimate stays charged.
"""

from collections import OrderedDict

from spiritsafe.policy.meters import Grant

__all__ = ["Reservations"]


class Reservations:
    """Open grants in the order in which they were made.

    Args:
        keep_us: microseconds after which a grant can no longer be settled.
    """

    __slots__ = ("_grants", "_keep_us")

    def __init__(self, keep_us: int) -> None:
        self._keep_us = keep_us
        self._grants: OrderedDict[str, Grant] = OrderedDict()  # a dict would look through all that left at its front

    def __len__(self) -> int:
        return len(self._grants)

    def add(self, decision_id: str, grant: Grant) -> None:
        """Remember a grant, and forget two that are too old."""
        self._grants[decision_id] = grant
        for _ in range(2):
            oldest = next(iter(self._grants))
            if self._grants[oldest].now_us >= grant.now_us - self._keep_us:
                return
            del self._grants[oldest]

    def take(self, decision_id: str) -> Grant | None:
        """Return a grant and forget it; None if it is not here (any more)."""
        return self._grants.pop(decision_id, None)
