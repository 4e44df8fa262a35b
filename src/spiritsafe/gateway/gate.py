"""The gate that every request comes to, whichever way: decides it, counts it, and settles what it used.

It holds the policy in force. A new one takes its place in one assignment between two requests, so that none is
decided half by the old and half by the new.
"""

from collections.abc import Callable

from spiritsafe.gateway.counts import Counts
from spiritsafe.gateway.limiting import Limiter
from spiritsafe.gateway.reservations import Reservations
from spiritsafe.policy.decide import Decider, Decision, Plan, Question, weigh
from spiritsafe.policy.meters import Meters
from spiritsafe.policy.standing import Effect
from spiritsafe.policy.table import PolicyTable

__all__ = ["Gate"]

_KEEP_US = 3_600_000_000
"""Microseconds after which what a decision used can no longer be told."""


class Gate:
    """Decides by a policy, with limits of this process or with those that nodes share.

    Args:
        table: the policy in force.
        plan: everybody's limits.
        draw: returns random bytes, for the decisions' ids.
        counts: of everything.
        now_us: the time, microseconds since the epoch, UTC.
        limiter: counts in a store; None for limits of this process.

    Attributes:
        table: the policy in force; assign another to change it.
        now_us: the time.
    """

    def __init__(
        self,
        table: PolicyTable,
        plan: Plan,
        *,
        draw: Callable[[int], bytes],
        counts: Counts,
        now_us: Callable[[], int],
        limiter: Limiter | None = None,
    ) -> None:
        self.table, self.counts = table, counts
        self._plan, self.now_us, self._limiter = plan, now_us, limiter
        self._meters = Meters()
        self._decider = Decider(plan, self._meters, draw)
        self._open = Reservations(_KEEP_US)
        self.name = self._decider.name
        counts.gauges["spiritsafe_policy_version"] = ("The policy in force.", lambda: self.table.header.version)
        counts.gauges["spiritsafe_limit_buckets"] = ("Subjects with used limits.", lambda: len(self._meters))
        if limiter is not None:
            counts.gauges["spiritsafe_limit_store_ok"] = (
                "Whether it answers.",
                lambda: not limiter.store_is_gone,
            )
            counts.gauges["spiritsafe_unsettled"] = ("Uses the store missed.", lambda: limiter.counts.unsettled)

    async def open(self) -> None:
        """Begin; see :class:`spiritsafe.gateway.app.Part`."""

    async def close(self) -> None:
        """Let go of the store."""
        if self._limiter is not None:
            await self._limiter.close()

    async def decide(self, question: Question, route: str) -> Decision:
        """Decide one request.

        Args:
            question: the request.
            route: by which it came, for the counts.
        """
        if self._limiter is None:
            decision = self._decider.decide(question, self.table, self.now_us())
        else:
            decision = await self._decided(question, self._limiter)
        counts = self.counts
        counts.decisions[route, decision.action] += 1
        if decision.shadow is not None:
            counts.shadows[decision.shadow] += 1
        return decision

    async def _decided(self, question: Question, limiter: Limiter) -> Decision:
        """Decide with limits in the store; what it granted is settled there, by name."""
        table, name = self.table, self.name()
        weighed = weigh(question, table, self._plan, self.now_us())
        outcome = await limiter.reserve(weighed.home, name, weighed.levels, weighed.tokens) if weighed.levels else None
        return self._decider.finish(weighed, outcome, table, self.now_us(), name=name)

    def stands(self, question: Question) -> Effect:
        """Return what is in force for a request by the policy of now, and charge nothing."""
        return self.table.standing(
            question.account_id, question.key_id, question.organization_id, question.client_ip, now_us=self.now_us()
        ).live

    def remember(self, decision: Decision) -> None:
        """Keep a decision whose use is told later, by its id alone."""
        if decision.grant is not None:
            self._open.add(decision.id, decision.grant)

    async def settle(self, decision: Decision, question: Question, used: int) -> bool:
        """Replace what was reserved by what was used; False if that was done before, or nothing was reserved."""
        self.counts.tokens["used"] += used
        if decision.grant is not None:
            return self._meters.settle(decision.grant, used, self.now_us())
        return self._limiter is not None and await self._limiter.settle(question.home, decision.id, used)

    async def cancel(self, decision: Decision, question: Question) -> bool:
        """Take back what was charged for a request that never reached the model; False as with :meth:`settle`."""
        if decision.grant is not None:
            return self._meters.cancel(decision.grant, self.now_us())
        return self._limiter is not None and await self._limiter.cancel(question.home, decision.id)

    async def settle_by_id(self, home: str, name: str, used: int | None) -> bool:
        """Settle a decision that was remembered, here or in the store.

        Args:
            home: the organisation on which it was decided, or the account where there was none.
            name: the decision's id.
            used: tokens; None for a request that never reached the model.

        Returns:
            True; False if there is no such decision (any more).
        """
        self.counts.tokens["used"] += used or 0
        grant = self._open.take(name)
        if grant is not None:
            now_us = self.now_us()
            return self._meters.cancel(grant, now_us) if used is None else self._meters.settle(grant, used, now_us)
        if self._limiter is None:
            return False
        return await (self._limiter.cancel(home, name) if used is None else self._limiter.settle(home, name, used))
