"""Decides one request: what its account stands under, and whether its limits have room.

In two steps, because the second may have to ask another process: :func:`weigh` looks at the policy and lists what
the request is to be charged to, :func:`decided` makes the decision of it once that was charged. A node that keeps
its own limits does both in one call, :meth:`Decider.decide`, in a few microseconds.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from spiritsafe.model.words import Action, Subject
from spiritsafe.policy.estimates import cap_reservation
from spiritsafe.policy.levels import Refusal
from spiritsafe.policy.meters import Grant, Meters
from spiritsafe.policy.rates import UNBOUNDED, Bounds
from spiritsafe.policy.standing import CLEAR, NOTHING, Effect, Standing
from spiritsafe.policy.table import PolicyTable

__all__ = ["Decider", "Decision", "Names", "Plan", "Question", "Weighed", "decided", "weigh"]


class Question(msgspec.Struct, frozen=True, gc=False):
    """A request as far as a decision needs it; the contract's body of ``/v1/decide``.

    Attributes:
        account_id: whose it is.
        key_id, organization_id: likewise, where known.
        model: which is asked.
        client_ip: where it comes from.
        input_tokens: of the prompt, an estimate.
        max_tokens: the most that the answer may have.
    """

    account_id: str
    key_id: str | None = None
    organization_id: str | None = None
    model: str | None = None
    client_ip: str | None = None
    input_tokens: int = 0
    max_tokens: int | None = None

    @property
    def home(self) -> str:
        """Whose limits it is charged to: those of one organisation lie together, an account without one is its own."""
        return self.organization_id or self.account_id


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody may take, whatever the policy says; ``model`` is an account's use of one model."""

    organisation: Bounds = UNBOUNDED
    account: Bounds = UNBOUNDED
    key: Bounds = UNBOUNDED
    model: Bounds = UNBOUNDED


class Weighed(NamedTuple):
    """A request that was looked up and not yet charged.

    Attributes:
        standing: what is in force for it.
        levels: what it is charged to; empty where it is stopped or nothing is bounded.
        shadow: what it would be charged to by rows that are only measured.
        tokens: what is reserved for it.
        home: see :attr:`Question.home`.
    """

    standing: Standing
    levels: list[tuple[str, Bounds]]
    shadow: list[tuple[str, Bounds]]
    tokens: int
    home: str


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What becomes of a request.

    Attributes:
        action: what is done.
        id: names it, to the client, in receipts and when it is settled.
        version: of the policy that decided.
        effect: the measures in force.
        refusal: what has no room, if that is why it is stopped.
        grant: what was charged in this process, to be settled when the use is known; None where nothing was.
        shadow: what the rows that are only measured would have done, where that is something else.
    """

    action: Action
    id: str
    version: int
    effect: Effect
    refusal: Refusal | None = None
    grant: Grant | None = None
    shadow: Action | None = None

    @property
    def leaves_receipt(self) -> bool:
        """True where something is done, or would be by rows that are only measured."""
        return self.action is not Action.ALLOW or self.shadow is not None

    @property
    def retry_after_s(self) -> int | None:
        """Whole seconds until it is worth another try, at least one; None where time does not help."""
        if self.refusal is None or self.refusal.retry_after_us is None:
            return None
        return max(1, -(-self.refusal.retry_after_us // 1_000_000))


def weigh(question: Question, table: PolicyTable, plan: Plan, now_us: int) -> Weighed:
    """Return what is in force for a request and what it is to be charged to.

    Args:
        question: the request.
        table: the policy.
        plan: everybody's limits.
        now_us: the time, microseconds since the epoch, UTC.
    """
    account, organisation = question.account_id, question.organization_id
    standing = table.standing(account, question.key_id, organisation, question.client_ip, now_us=now_us)
    return _weighed(question, standing, plan)


def _weighed(question: Question, standing: Standing, plan: Plan) -> Weighed:
    levels: list[tuple[str, Bounds]] = []
    shadow: list[tuple[str, Bounds]] = []
    if standing is CLEAR:
        _planned(levels, question, plan)
    else:
        if not (standing.live.suspend or standing.live.step_up):
            _planned(levels, question, plan)
            levels += _bounded(standing.live, question)
        shadow = _bounded(standing.shadow, question)
    tokens = cap_reservation(question.input_tokens, question.max_tokens, levels) if levels else 0
    return Weighed(standing, levels, shadow, tokens, question.home)


def _planned(levels: list[tuple[str, Bounds]], question: Question, plan: Plan) -> None:
    """Add the levels of everybody's limits."""
    account, key, organisation = question.account_id, question.key_id, question.organization_id
    if organisation is not None and plan.organisation is not UNBOUNDED:
        levels.append(("o:" + organisation, plan.organisation))
    if plan.account is not UNBOUNDED:
        levels.append(("a:" + account, plan.account))
    if key is not None and plan.key is not UNBOUNDED:
        levels.append(("k:" + key, plan.key))
    if plan.model is not UNBOUNDED and question.model:
        levels.append((f"m:{account}:{question.model}", plan.model))


def _bounded(effect: Effect, question: Question) -> list[tuple[str, Bounds]]:
    """Return the levels of rows with bounds: whom a row names shares them, members of a campaign have them each.

    A campaign's members are bounded one by one, so that whoever was counted in by mistake does not wait for the others.
    """
    levels: dict[str, Bounds] = {}
    for row in effect.rows:
        if row.terms.bounds:
            whole = row.terms.subject in {Subject.ORGANISATION, Subject.KEY}
            key = f"p:{row.terms.subject}:{row.id}" + ("" if whole else f":{question.account_id}")
            levels.setdefault(key, row.terms.bounds)
    return list(levels.items())


def decided(weighed: Weighed, outcome: object, shadow: Grant | Refusal | None, *, version: int, name: str) -> Decision:
    """Return the decision on a request that was charged.

    Args:
        weighed: the request.
        outcome: of charging its levels: a refusal, or what they were granted as, wherever that was.
        shadow: of charging its shadow's.
        version: of the policy.
        name: the decision's id.
    """
    standing = weighed.standing
    if isinstance(outcome, Refusal):
        return Decision(Action.RATE_LIMIT, name, version, standing.live, outcome)
    grant = outcome if isinstance(outcome, Grant) else None
    if standing is CLEAR:
        return Decision(Action.ALLOW, name, version, NOTHING, None, grant)
    action = _action(standing.live)
    tried = Action.RATE_LIMIT if isinstance(shadow, Refusal) else _action(standing.shadow)
    told = None if tried in {action, Action.ALLOW} else tried
    return Decision(action, name, version, standing.live, None, grant, told)


def _action(effect: Effect) -> Action:
    """Return what is done apart from limits: the strongest of the measures in force."""
    if effect.suspend:
        return Action.SUSPEND
    if effect.step_up:
        return Action.STEP_UP
    if effect.watermark:
        return Action.WATERMARK
    return Action.WITHHOLD if effect.withhold else Action.ALLOW


class Names:
    """Ids of decisions: 24 hexadecimal digits each, drawn many at a time.

    Args:
        draw: returns random bytes.
    """

    __slots__ = ("_at", "_draw", "_text")

    def __init__(self, draw: Callable[[int], bytes]) -> None:
        self._draw, self._text, self._at = draw, "", 0

    def next(self) -> str:
        """Return a new one."""
        at = self._at
        if at == len(self._text):
            self._text, at = self._draw(_DRAWN).hex(), 0
        self._at = end = at + 24
        return self._text[at:end]


_DRAWN = 12 * 1_024


class Decider:
    """Decides with limits of its own process.

    Args:
        plan: everybody's limits.
        meters: where they are counted.
        draw: returns random bytes, for the decisions' ids.
    """

    __slots__ = ("_meters", "_plan", "_shadow", "name")

    def __init__(self, plan: Plan, meters: Meters, draw: Callable[[int], bytes]) -> None:
        self._plan, self._meters, self._shadow = plan, meters, Meters()
        self.name = Names(draw).next

    def decide(self, question: Question, table: PolicyTable, now_us: int) -> Decision:
        """Decide one request and charge it.

        Args:
            question: the request.
            table: the policy.
            now_us: the time, microseconds since the epoch, UTC.
        """
        account, organisation = question.account_id, question.organization_id
        standing = table.standing(account, question.key_id, organisation, question.client_ip, now_us=now_us)
        if standing is CLEAR:  # nearly every request: no more is made of it than has to be
            levels: list[tuple[str, Bounds]] = []
            _planned(levels, question, self._plan)
            if not levels:
                return Decision(Action.ALLOW, self.name(), table.header.version, NOTHING)
            tokens = cap_reservation(question.input_tokens, question.max_tokens, levels)
            found = self._meters.reserve(levels, tokens, now_us)
            if isinstance(found, Grant):
                return Decision(Action.ALLOW, self.name(), table.header.version, NOTHING, None, found)
            return Decision(Action.RATE_LIMIT, self.name(), table.header.version, NOTHING, found)
        weighed = _weighed(question, standing, self._plan)
        outcome = self._meters.reserve(weighed.levels, weighed.tokens, now_us) if weighed.levels else None
        return self.finish(weighed, outcome, table, now_us, name=self.name())

    def finish(self, weighed: Weighed, outcome: object, table: PolicyTable, now_us: int, *, name: str) -> Decision:
        """Return the decision on a request whose levels were charged, here or in a store; shadows are counted here."""
        shadow = self._shadow.reserve(weighed.shadow, weighed.tokens, now_us) if weighed.shadow else None
        return decided(weighed, outcome, shadow, version=table.header.version, name=name)
