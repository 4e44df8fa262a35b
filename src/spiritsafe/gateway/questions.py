"""The question that a decision answers, of whoever sends a request and what it asks for."""

from spiritsafe.gateway.identity import Caller
from spiritsafe.policy.decide import Question

__all__ = ["question_of"]


def question_of(caller: Caller, *, model: str | None, input_tokens: int, max_tokens: int | None) -> Question:
    """Return what is to be decided.

    Args:
        caller: who sends it.
        model: which is asked, None where that is not known.
        input_tokens: of the prompt, an estimate.
        max_tokens: the most that the answer may have, None where that is left open.
    """
    return Question(
        account_id=caller.account,
        key_id=caller.key,
        organization_id=caller.organisation,
        model=model,
        client_ip=caller.ip,
        input_tokens=input_tokens,
        max_tokens=max_tokens,
    )
