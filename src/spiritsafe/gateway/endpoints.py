"""``/v1/decide`` and ``/v1/settle``: decisions for whoever enforces them himself.

The caller is a part of the provider's own platform, so what it says of the account counts. One answer for every action,
200: whether to stop a request is what the body tells.
"""

from collections.abc import Callable

import msgspec

from spiritsafe.gateway.asgi import Problem, Receive, Scope, Send, body_of, reply
from spiritsafe.gateway.gate import Gate
from spiritsafe.model.words import Action
from spiritsafe.policy.decide import Decision, Question

__all__ = ["Answer", "Endpoints", "Used"]

_MOST = 16_384
_SECONDS = 5.0


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A decision as its caller is told; the first three are the contract's.

    Attributes:
        action: what is to become of the request.
        retry_after: whole seconds until it is worth another try.
        decision_id: to tell the client, and to settle by.
        withhold: keep reasoning and log-probabilities back.
        watermark: the watermark key that the answer is to be made with.
        shadow: what rows that are only measured would have done.
    """

    action: Action
    retry_after: int | None
    decision_id: str
    withhold: bool
    watermark: str | None
    shadow: Action | None


class Used(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request used.

    Attributes:
        decision_id: of its decision.
        account_id, organization_id: as they were asked about.
        input_tokens, output_tokens: as the model counted them.
        reached: false where the model never saw it.
    """

    decision_id: str
    account_id: str
    organization_id: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    reached: bool = True


def answer_of(decision: Decision, account: str) -> Answer:
    """Return what a caller is told of a decision about an account."""
    effect = decision.effect
    mark = (effect.campaign or account) if effect.watermark and decision.action.passes else None
    return Answer(decision.action, decision.retry_after_s, decision.id, effect.withhold, mark, decision.shadow)


class Endpoints:
    """Both routes.

    Args:
        gate: decides and settles.
        noted: told of every decision that is not simply to allow, with the account.
    """

    def __init__(
        self,
        gate: Gate,
        noted: Callable[[Decision, Question], None],
    ) -> None:
        self._gate, self._noted = gate, noted
        self._questions = msgspec.json.Decoder(Question)
        self._used = msgspec.json.Decoder(Used)
        self._encode = msgspec.json.Encoder().encode

    async def decide(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ``/v1/decide``."""
        body = await body_of(scope, receive, most=_MOST, seconds=_SECONDS)
        try:
            question = self._questions.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Problem(422, f"Not a question to decide: {_reason(error)}") from None
        if question.input_tokens < 0 or (question.max_tokens or 0) < 0 or not question.account_id:
            raise Problem(422, "Not a question to decide: tokens are 0 or more, and the account has an id.")
        decision = await self._gate.decide(question, "decide")
        self._gate.remember(decision)
        if decision.leaves_receipt:
            self._noted(decision, question)
        await reply(send, self._encode(answer_of(decision, question.account_id)))

    async def settle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ``/v1/settle``."""
        body = await body_of(scope, receive, most=_MOST, seconds=_SECONDS)
        try:
            used = self._used.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Problem(422, f"Not a use to settle: {_reason(error)}") from None
        if min(used.input_tokens, used.output_tokens) < 0:
            raise Problem(422, "Not a use to settle: tokens are 0 or more.")
        tokens = used.input_tokens + used.output_tokens if used.reached else None
        if not await self._gate.settle_by_id(used.organization_id or used.account_id, used.decision_id, tokens):
            raise Problem(
                404, "No such decision waits to be settled: it was before, is over an hour old, or unbounded."
            )
        await reply(send, b'{"settled":true}')


def _reason(error: Exception) -> str:
    """Return what a decoder says, which names a place and a type but no value."""
    return str(error) if isinstance(error, msgspec.MsgspecError) else "not JSON in UTF-8"
