"""``/ext_authz/``: Envoy asks whether a request may pass, over HTTP.

Envoy sends the request's method, path and the headers it was told to; what it hears back is either 200, whose headers
it adds to the request, or the answer that the client gets. Envoy is a peer that is trusted: it is its word where the
client stands. The request's body comes along only where Envoy is told to buffer it; without it the model is unknown,
and the tokens reserved are a guess. What the request goes on with names the decision and what it has to be settled by.
Source: Envoy's documentation of ``envoy.filters.http.ext_authz``, HTTP service.
"""

from collections.abc import Callable
from urllib.parse import quote

import msgspec

from spiritsafe.gateway.asgi import Headers, Problem, Receive, Scope, Send, body_of, reply
from spiritsafe.gateway.endpoints import answer_of
from spiritsafe.gateway.gate import Gate
from spiritsafe.gateway.identity import Caller, Identities, Networks
from spiritsafe.gateway.problems import DECISION, problem_of
from spiritsafe.gateway.questions import question_of
from spiritsafe.policy.decide import Decision, Question

__all__ = ["HOME", "INPUT", "PREFIX", "Authz"]

PREFIX = "/ext_authz"
HOME = b"x-spiritsafe-home"
"""Header of a request that goes on: whose limits it was charged to, percent-encoded, since an id may be any text."""
INPUT = b"x-spiritsafe-input"
"""Header of a request that goes on: the tokens of its prompt, a guess, for an answer that does not count them."""
_SECONDS = 5.0


class _Seen(msgspec.Struct):
    """What a body tells, as far as Envoy passed it on."""

    model: str | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None


class Authz:
    """Answers Envoy.

    Args:
        gate: decides.
        identities: tell whose a request is.
        peers: who may ask.
        appeal: where the sender of a stopped request can object.
        most: bytes of a body that are read.
        noted: told of every decision that is not simply to allow.
    """

    def __init__(
        self,
        gate: Gate,
        identities: Identities,
        *,
        peers: Networks,
        appeal: str,
        most: int,
        noted: Callable[[Decision, Question], None],
    ) -> None:
        self._gate, self._identities, self._peers = gate, identities, peers
        self._appeal, self._most, self._noted = appeal, most, noted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one question."""
        peer = scope["client"][0] if scope["client"] else None
        if peer is not None and not self.serves(peer):
            raise Problem(403, "This route is for the proxy in front alone.")
        body = await body_of(scope, receive, most=self._most, seconds=_SECONDS)
        await reply(send, b"", headers=await self.passed(scope["headers"], peer, body))

    def serves(self, peer: str) -> bool:
        """Return whether the proxy at an address may ask."""
        return self._peers.hold(peer)

    async def passed(self, headers: Headers, peer: str | None, body: bytes) -> Headers:
        """Return the headers that a request goes on with.

        Args:
            headers: of the request, as the proxy tells them.
            peer: the proxy's address.
            body: of the request, as far as the proxy tells it.

        Raises:
            Problem: what the client is answered instead.
        """
        caller = self._identities.of(headers, peer)
        question = _question(caller, body)
        if not question.account_id:
            raise Problem(401, "The request carries no API key.", headers=[(b"www-authenticate", b"Bearer")])
        decision = await self._gate.decide(question, "ext_authz")
        if decision.leaves_receipt:
            self._noted(decision, question)
        if not decision.action.passes:
            raise problem_of(decision, self._appeal)
        self._gate.remember(decision)
        answer = answer_of(decision, question.account_id)
        return [
            (DECISION, decision.id.encode()),
            (HOME, quote(question.home, safe="").encode()),
            (INPUT, b"%d" % question.input_tokens),
            (b"x-spiritsafe-withhold", b"1" if answer.withhold else b"0"),
            (b"x-spiritsafe-mark", quote(answer.watermark or "", safe="").encode()),
        ]


def _question(caller: Caller, body: bytes) -> Question:
    seen = _Seen()
    if body:
        try:
            seen = msgspec.json.decode(body, type=_Seen)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            seen = _Seen()  # cut off, or not the model's business: the request is decided without it
    told = (seen.max_completion_tokens, seen.max_output_tokens, seen.max_tokens)
    most = next((most for most in told if most is not None and most >= 0), None)
    return question_of(caller, model=seen.model, input_tokens=-(-len(body) // 4), max_tokens=most)
