"""The gateway around an ASGI application that serves a model: the same decisions without a process in between.

Calls of the model's API are decided before the application sees them, and settled by what its answers say they used,
pieces of a stream as they pass. Everything else goes by untouched. Of what does not, only that changes which has to:
what steers a watermark, and what is withheld. Source: ASGI 3.0, HTTP and lifespan.
"""

from collections.abc import Callable, MutableMapping
from time import time_ns
from typing import Any

from spiritsafe.gateway.app import Part
from spiritsafe.gateway.asgi import App, Headers, Problem, Receive, Scope, Send, body_of, reply, reply_problem
from spiritsafe.gateway.capture.extract import Call, captured
from spiritsafe.gateway.gate import Gate
from spiritsafe.gateway.identity import Caller, Identities
from spiritsafe.gateway.problems import DECISION, problem_of
from spiritsafe.gateway.proxy.asked import Asked
from spiritsafe.gateway.proxy.passing import Passing
from spiritsafe.gateway.proxy.relay import End, Taken
from spiritsafe.gateway.proxy.routes import Dialect, route_of
from spiritsafe.gateway.proxy.tape import Tape
from spiritsafe.gateway.proxy.withhold import withhold
from spiritsafe.gateway.questions import question_of
from spiritsafe.policy.decide import Decision, Question

__all__ = ["Spiritsafe"]

_MOST_TAPE = 8 << 20
_LEFT_OUT = frozenset({b"content-length", b"accept-encoding"})
"""Headers of a request that do not go on: its body may change, and what is compressed cannot be read."""


class Spiritsafe:
    """Stands before an application.

    Args:
        app: serves the model.
        gate: decides.
        identities: tell whose a request is.
        appeal: where the sender of a stopped request can object.
        most: bytes that a body may have.
        body_s: seconds that it may take.
        taken: told of each call at its end, so that it is kept.
        stopped: told of every call that is stopped, with the status that it got.
        parts: opened before the application begins and closed behind it.
    """

    def __init__(
        self,
        app: App,
        gate: Gate,
        identities: Identities,
        *,
        appeal: str = "",
        most: int = 32 << 20,
        body_s: float = 60.0,
        taken: Callable[[Taken], None] = lambda _: None,
        stopped: Callable[[Decision, Question, int], None] = lambda *_: None,
        parts: tuple[Part, ...] = (),
    ) -> None:
        self._app, self._gate, self._identities, self._appeal = app, gate, identities, appeal
        self._most, self._body_s, self._taken, self._stopped, self._parts = most, body_s, taken, stopped, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the application's life."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        route = None
        if scope["type"] == "http":
            route = route_of(scope["method"], scope.get("raw_path") or scope["path"].encode())
        if route is None or not route.operation:
            await self._app(scope, receive, send)
            return
        try:
            await self._call(scope, receive, send, route.dialect)
        except Problem as problem:
            await reply_problem(send, problem)

    async def _call(self, scope: Scope, receive: Receive, send: Send, dialect: Dialect) -> None:
        caller = self._identities.of(scope["headers"], scope["client"][0] if scope.get("client") else None)
        if not caller.account:
            raise Problem(401, "The request carries no API key.", headers=[(b"www-authenticate", b"Bearer")])
        body = await body_of(scope, receive, most=self._most, seconds=self._body_s)
        asked = Asked(dialect, body)
        question = question_of(caller, model=asked.model, input_tokens=asked.input_tokens, max_tokens=asked.max_tokens)
        decision = await self._gate.decide(question, "middleware")
        if not decision.action.passes:
            problem = problem_of(decision, self._appeal)
            self._stopped(decision, question, problem.status)
            raise problem
        await self._passed(scope, receive, send, asked=asked, sent=body, told=(caller, question, decision))

    async def _passed(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        asked: Asked,
        sent: bytes,
        told: tuple[Caller, Question, Decision],
    ) -> None:
        caller, question, decision = told
        begun_us, mark = time_ns() // 1_000, None
        asked.ask_for_counts()
        if decision.effect.watermark:
            mark = decision.effect.campaign or question.account_id
            asked.mark(mark)
        body = asked.body()
        headers: Headers = [held for held in scope["headers"] if held[0].lower() not in _LEFT_OUT]
        headers.append((b"content-length", b"%d" % len(body)))
        answer = _Answer(send, decision, asked)
        try:
            await self._app({**scope, "headers": headers}, _Again(body, receive), answer)
        finally:
            call = Call(
                exchange_id=decision.id,
                started_at=begun_us,
                account_id=question.account_id,
                organization_id=question.organization_id,
                key_id=question.key_id,
                path=scope["path"],
                status=answer.status or 500,
                model=question.model,
                duration_ms=(time_ns() // 1_000 - begun_us) // 1_000,
                channel="api",
                client_ip=caller.ip,
                user_agent=caller.agent,
                ja4=caller.ja4,
                decision_id=decision.id,
            )
            exchange = captured(call, sent, answer.tape.content() or None)
            await self._gate.settle(decision, question, exchange.input_tokens + exchange.output_tokens)
            self._taken(Taken(decision, question, exchange, answer.end, answer.cut, mark))

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open the parts before the application begins; one that knows no lifespan lives without."""
        for part in self._parts:
            await part.open()
        told = _Noting(send)
        try:
            await self._app(scope, receive, told)
        except Exception:
            if told.said:
                raise
            await told({"type": "lifespan.startup.complete"})
            while (await receive())["type"] != "lifespan.shutdown":
                pass
            await told({"type": "lifespan.shutdown.complete"})
        finally:
            for part in reversed(self._parts):
                await part.close()


class _Noting:
    """Sends on, and remembers whether anything was said."""

    def __init__(self, send: Send) -> None:
        self._send, self.said = send, False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        self.said = True
        await self._send(message)


class _Again:
    """A request's body once more, and then what the server says."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> MutableMapping[str, Any]:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _Answer:
    """An answer on its way out.

    Args:
        send: the server's.
        decision: under which it is made.
        asked: what was.

    Attributes:
        tape: what the application said.
        status: with which.
        end: how the call ended, as far as it has.
        cut: events and answers from which something was withheld.
    """

    def __init__(self, send: Send, decision: Decision, asked: Asked) -> None:
        self.tape, self.status, self.end, self._whole = Tape(_MOST_TAPE), 0, End.BROKEN, 0
        self._send, self._dialect, self._withheld = send, asked.dialect, decision.effect.withhold
        self._name = (DECISION, decision.id.encode())
        self._drop_counts = asked.counts_unasked
        self._passing: Passing | None = None
        self._start: MutableMapping[str, Any] = {}
        self._parts: list[bytes] = []

    @property
    def cut(self) -> int:
        return self._whole + (0 if self._passing is None else self._passing.cut)

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif message["type"] != "http.response.body":
            await self._send(message)
        elif self._passing is not None:
            await self._event(self._passing, message)
        else:
            await self._piece(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.end = End.ANSWERED if self.status < 400 else End.REFUSED

    async def _begin(self, message: MutableMapping[str, Any]) -> None:
        self.status, headers = message["status"], [*message.get("headers", ()), self._name]
        kind = next((value for name, value in headers if name.lower() == b"content-type"), b"")
        self._start = {**message, "headers": headers}
        if kind.startswith(b"text/event-stream"):
            self._passing = Passing(self._dialect, drop_counts=self._drop_counts)
            self._start["headers"] = [held for held in headers if held[0].lower() != b"content-length"]
        if self._passing is not None or not self._withheld:
            await self._send(self._start)

    async def _event(self, passing: Passing, message: MutableMapping[str, Any]) -> None:
        more = bool(message.get("more_body"))
        passed = passing.feed(message.get("body", b""), withheld=self._withheld, tape=self.tape)
        if not more:
            passed += passing.rest(withheld=self._withheld, tape=self.tape)
        if passed or not more:
            await self._send({"type": "http.response.body", "body": passed, "more_body": more})

    async def _piece(self, message: MutableMapping[str, Any]) -> None:
        body = message.get("body", b"")
        self.tape.add(body)
        if not self._withheld:
            await self._send(message)
            return
        self._parts.append(body)
        if not message.get("more_body"):
            told = b"".join(self._parts)
            shown = withhold(self._dialect, told)
            self._whole = int(shown is not told)
            headers = [held for held in self._start["headers"] if held[0].lower() != b"content-length"]
            await reply(self._send, shown, status=self.status, headers=headers)
