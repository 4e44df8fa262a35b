"""What a client is told when a request is stopped: what to do, whom to ask, and nothing to tune an attack on.

Every stopped request gets the same few sentences: which measure was in force, of which row, with which evidence, stands
in the receipt, and whoever appeals names the decision's id. Sources: RFC 9457 (problem details), RFC 9110, 10.2.3
(Retry-After), draft-ietf-httpapi-ratelimit-headers.
"""

from spiritsafe.gateway.asgi import Headers, Problem
from spiritsafe.model.words import Action
from spiritsafe.policy.decide import Decision
from spiritsafe.policy.levels import Room

__all__ = ["DECISION", "STOPPED", "problem_of", "room_headers"]

DECISION = b"x-spiritsafe-decision"
"""Header of an answer that names the decision it was made under."""
STOPPED = {
    Action.RATE_LIMIT: (429, "Too many requests or tokens; try again later."),
    Action.STEP_UP: (403, "This account has to be verified before it can go on."),
    Action.SUSPEND: (403, "This account is suspended."),
}


def problem_of(decision: Decision, appeal: str) -> Problem:
    """Return the answer to a request that is stopped.

    Args:
        decision: by which it is.
        appeal: where its sender can object: an address of the web or of mail.
    """
    status, title = STOPPED[decision.action]
    headers = [(DECISION, decision.id.encode())]
    wait = decision.retry_after_s
    if wait is not None:
        headers.append((b"retry-after", b"%d" % wait))
    if decision.refusal is not None and decision.refusal.room is not None:
        headers += room_headers(decision.refusal.room)
    return Problem(
        status,
        title,
        headers=headers,
        type=f"urn:spiritsafe:{decision.action}",
        decision_id=decision.id,
        appeal=appeal or None,
        retry_after=wait,
    )


def room_headers(room: Room) -> Headers:
    """Return what an answer says of the limit that is used up furthest."""
    name, rate = room.bound, room.rate
    return [
        (b"ratelimit-policy", f'"{name}";q={rate.amount};w={rate.seconds}'.encode()),
        (b"ratelimit", f'"{name}";r={room.remaining};t={-(-room.reset_us // 1_000_000)}'.encode()),
    ]
