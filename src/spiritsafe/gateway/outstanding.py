"""Decisions whose use is not known yet, for callers that tell it later by the decision's id."""

from collections import deque

from spiritsafe.policy.decide import Decision

__all__ = ["Outstanding"]


class Outstanding:
    """The latest decisions, forgotten after a while: what is never settled stays charged as it was estimated.

    Args:
        keep_us: microseconds that one is remembered.
        most: how many are.
    """

    def __init__(self, keep_us: int = 3_600_000_000, most: int = 1_000_000) -> None:
        self._keep_us, self._most = keep_us, most
        self._open: dict[str, Decision] = {}
        self._turn: deque[tuple[int, str]] = deque()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, decision: Decision, now_us: int) -> None:
        """Remember one, and forget those whose time is over."""
        self._open[decision.id] = decision
        self._turn.append((now_us, decision.id))
        while self._turn and (self._turn[0][0] < now_us - self._keep_us or len(self._turn) > self._most):
            self._open.pop(self._turn.popleft()[1], None)

    def take(self, name: str) -> Decision | None:
        """Return a decision once, None if it is unknown, settled or too old."""
        return self._open.pop(name, None)
