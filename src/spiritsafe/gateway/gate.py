"""The gate that every request comes to, whichever way: decides it, counts it, and settles what it used.

It holds the policy in force. A new one takes its place in one assignment between two requests, so that none is
decided half by the old and half by the new.
"""

from collections.abc import Callable

from spiritsafe.gateway.counts import Counts
from spiritsafe.policy.decide import Decider, Decision, Question
from spiritsafe.policy.meters import Meters
from spiritsafe.policy.standing import Effect
from spiritsafe.policy.table import PolicyTable

__all__ = ["Gate"]


class Gate:
    """Decides with limits of this process.

    Args:
        table: the policy in force.
        decider: decides by it.
        meters: what the decider charges.
        counts: of everything.
        now_us: the time, microseconds since the epoch, UTC.

    Attributes:
        table: the policy in force; assign another to change it.
    """

    def __init__(
        self, table: PolicyTable, decider: Decider, meters: Meters, counts: Counts, now_us: Callable[[], int]
    ) -> None:
        self.table, self.counts = table, counts
        self._decider, self._meters, self._now_us = decider, meters, now_us

    def decide(self, question: Question, route: str) -> Decision:
        """Decide one request.

        Args:
            question: the request.
            route: by which it came, for the counts.
        """
        decision = self._decider.decide(question, self.table, self._now_us())
        counts = self.counts
        counts.decisions[route, decision.action] += 1
        if decision.shadow is not None:
            counts.shadows[decision.shadow] += 1
        if decision.grant is not None:
            counts.tokens["reserved"] += decision.grant.tokens
        return decision

    def stands(self, question: Question) -> Effect:
        """Return what is in force for a request by the policy of now, and charge nothing."""
        return self.table.standing(
            question.account_id, question.key_id, question.organization_id, question.client_ip, now_us=self._now_us()
        ).live

    def settle(self, decision: Decision, used: int) -> bool:
        """Replace what was reserved by what was used; False if that was done before."""
        self.counts.tokens["used"] += used
        return decision.grant is None or self._meters.settle(decision.grant, used, self._now_us())

    def cancel(self, decision: Decision) -> bool:
        """Take back what was charged for a request that never reached the model; False if that was done before."""
        return decision.grant is None or self._meters.cancel(decision.grant, self._now_us())
