"""What everybody may call: the model's API, and the question of the proxy in front."""

from collections.abc import Callable

from spiritsafe.gateway.asgi import Problem, Receive, Scope, Send, body_of
from spiritsafe.gateway.authz import PREFIX, Authz
from spiritsafe.gateway.gate import Gate
from spiritsafe.gateway.identity import Caller, Identities
from spiritsafe.gateway.problems import problem_of
from spiritsafe.gateway.proxy.asked import Asked
from spiritsafe.gateway.proxy.relay import Relay
from spiritsafe.gateway.proxy.routes import route_of
from spiritsafe.gateway.questions import question_of
from spiritsafe.policy.decide import Decision, Question

__all__ = ["Front"]


class Front:
    """Answers both.

    Args:
        authz: answers the proxy in front.
        relay: passes calls to the model; None where the gateway only decides.
        gate: decides.
        identities: tell whose a request is.
        appeal: where the sender of a stopped request can object.
        most: bytes that a body may have.
        body_s: seconds that it may take.
        full: whether calls are refused because nothing more can be captured.
        stopped: told of every call that is stopped, with the status that it got.
    """

    def __init__(
        self,
        authz: Authz,
        relay: Relay | None,
        gate: Gate,
        identities: Identities,
        *,
        appeal: str,
        most: int,
        body_s: float,
        full: Callable[[], bool],
        stopped: Callable[[Decision, Question, int], None],
    ) -> None:
        self._authz, self._relay, self._gate, self._identities = authz, relay, gate, identities
        self._appeal, self._most, self._body_s, self._full, self._stopped = appeal, most, body_s, full, stopped

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"].startswith(PREFIX + "/") or scope["path"] == PREFIX:
            await self._authz(scope, receive, send)
            return
        route = route_of(scope["method"], scope["raw_path"])
        if route is None or self._relay is None:
            raise Problem(404, "There is no such route.")
        caller = self._identities.of(scope["headers"], scope["client"][0] if scope["client"] else None)
        if not caller.account:
            raise Problem(401, "The request carries no API key.", headers=[(b"www-authenticate", b"Bearer")])
        body = await body_of(scope, receive, most=self._most, seconds=self._body_s)
        asked = Asked(route.dialect, body) if route.operation else None
        if asked is not None and self._full():
            raise Problem(503, "The gateway cannot keep a record of calls now; try again later.")
        question = _question(caller, asked)
        decision = await self._gate.decide(question, "proxy")
        if not decision.action.passes:
            problem = problem_of(decision, self._appeal)
            self._stopped(decision, question, problem.status)
            raise problem
        await self._relay.call(
            scope,
            receive,
            send,
            caller=caller,
            question=question,
            dialect=route.dialect,
            asked=asked,
            body=body,
            decision=decision,
        )


def _question(caller: Caller, asked: Asked | None) -> Question:
    if asked is None:
        return question_of(caller, model=None, input_tokens=0, max_tokens=0)
    return question_of(caller, model=asked.model, input_tokens=asked.input_tokens, max_tokens=asked.max_tokens)
