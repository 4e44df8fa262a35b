"""One call to the model: decided, sent on, passed back, and settled however it ends.

A call can end in seven ways - answered, refused by the model, unreachable, silent, broken off by the model, left by the
client, stopped with the gateway - and each of them settles what was reserved by what was used, as far as anybody
counted, and captures what went over the wire.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from time import perf_counter

import aiohttp

from spiritsafe.gateway.asgi import Headers, Problem, Receive, Scope, Send, disconnected, reply, reply_problem
from spiritsafe.gateway.capture.exchange import Captured
from spiritsafe.gateway.capture.extract import Call, captured
from spiritsafe.gateway.gate import Gate
from spiritsafe.gateway.identity import Caller
from spiritsafe.gateway.problems import DECISION
from spiritsafe.gateway.proxy.asked import Asked
from spiritsafe.gateway.proxy.passing import Passing
from spiritsafe.gateway.proxy.routes import Dialect
from spiritsafe.gateway.proxy.tape import Tape
from spiritsafe.gateway.proxy.upstream import Upstream, returned
from spiritsafe.gateway.proxy.withhold import withhold
from spiritsafe.policy.decide import Decision, Question

__all__ = ["End", "Relay", "Taken"]

_MOST_ANSWER = 64 << 20
_MOST_TAPE = 8 << 20
_INLINE = 1 << 16
"""Bytes of bodies that are read in the event loop; larger ones in a thread, for a stream beside must not wait."""
_GONE = 499
"""Status of a call whose client went away, as nginx logs it."""


class End(StrEnum):
    """How a call ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    SILENT = "silent"
    BROKEN = "broken"
    LEFT = "left"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Taken:
    """A call that has come to its end.

    Attributes:
        decision: under which it was made.
        question: on which it was decided.
        exchange: what went over the wire.
        end: how it ended.
        cut: events and answers from which something was withheld.
        marked: the watermark key that the model was to use.
    """

    decision: Decision
    question: Question
    exchange: Captured
    end: End
    cut: int
    marked: str | None


@dataclass(slots=True)
class _Call:
    """A call under way."""

    scope: Scope
    send: Send
    caller: Caller
    question: Question
    dialect: Dialect
    asked: Asked | None
    body: bytes
    decision: Decision
    started_us: int
    tape: Tape
    end: End = End.STOPPED
    status: int = 0
    cut: int = 0
    marked: str | None = None
    reached: bool = False
    begun: float = field(default_factory=perf_counter)


class Relay:
    """Sends decided calls on and passes answers back.

    Args:
        gate: settles.
        upstream: the model.
        marked: where watermarked calls go; the same one, where the engine takes a key id per request.
        by_key: whether it does.
        taken: told of each call at its end.
    """

    def __init__(
        self, gate: Gate, upstream: Upstream, marked: Upstream, *, by_key: bool, taken: Callable[[Taken], None]
    ) -> None:
        self._gate, self._upstream, self._marked, self._by_key, self._taken = gate, upstream, marked, by_key, taken

    async def call(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        caller: Caller,
        question: Question,
        dialect: Dialect,
        asked: Asked | None,
        body: bytes,
        decision: Decision,
    ) -> None:
        """Make one call.

        Args:
            scope, receive, send: of the request.
            caller: whose it is.
            question: on which it was decided.
            dialect: how its answer is put.
            asked: what it asks the model for; None where nothing is computed, and nothing to be captured.
            body: as the client sent it.
            decision: that lets it pass.
        """
        begun = self._gate.now_us()
        call = _Call(scope, send, caller, question, dialect, asked, body, decision, begun, Tape(_MOST_TAPE))
        work = asyncio.current_task()
        watch = asyncio.ensure_future(disconnected(receive))
        watch.add_done_callback(lambda done: None if done.cancelled() or work is None else work.cancel())
        try:
            await self._answered(call)
        except asyncio.CancelledError:
            if not watch.done() or work is None:
                raise  # the gateway is being stopped
            work.uncancel()
            call.end, call.status = End.LEFT, _GONE
        finally:
            watch.cancel()
            await self._finish(call)

    async def _answered(self, call: _Call) -> None:
        upstream, body = self._way(call)
        scope = call.scope
        try:
            answer = await upstream.send(
                scope["method"], scope["raw_path"], scope["query_string"], scope["headers"], body
            )
        except TimeoutError:
            await self._failed(call, End.SILENT, Problem(504, "The model did not answer in time."))
            return
        except aiohttp.ClientError:
            await self._failed(call, End.UNREACHABLE, Problem(502, "The model cannot be reached."))
            return
        call.reached, call.status = True, answer.status
        self._gate.counts.first_byte.add(perf_counter() - call.begun)
        try:
            if answer.headers.get("content-type", "").startswith("text/event-stream"):
                await self._stream(call, answer)
            else:
                await self._whole(call, answer)
        finally:
            answer.close()

    def _way(self, call: _Call) -> tuple[Upstream, bytes]:
        """Return which model is asked, and with which body."""
        asked, effect = call.asked, call.decision.effect
        if asked is None:
            return self._upstream, call.body
        asked.ask_for_counts()
        if not effect.watermark:
            return self._upstream, asked.body()
        call.marked = effect.campaign or call.question.account_id
        if self._by_key:
            asked.mark(call.marked)
        return self._marked, asked.body()

    async def _failed(self, call: _Call, end: End, problem: Problem) -> None:
        call.end, call.status = end, problem.status
        problem.headers.append((DECISION, call.decision.id.encode()))
        await reply_problem(call.send, problem)

    async def _whole(self, call: _Call, answer: aiohttp.ClientResponse) -> None:
        """Pass back an answer that comes in one piece."""
        try:
            body = await _read(answer)
        except TimeoutError:
            await self._failed(call, End.SILENT, Problem(504, "The model did not answer in time."))
            return
        except aiohttp.ClientError:
            await self._failed(call, End.BROKEN, Problem(502, "The model's answer broke off."))
            return
        call.tape.add(body)
        call.end = End.ANSWERED if answer.status < 400 else End.REFUSED
        if self._withholds(call):
            shown = withhold(call.dialect, body)
            call.cut, body = int(shown is not body), shown
        await reply(call.send, body, status=answer.status, headers=self._headers(call, answer))

    async def _stream(self, call: _Call, answer: aiohttp.ClientResponse) -> None:
        """Pass back an answer event by event."""
        send = call.send
        start = {"type": "http.response.start", "status": answer.status, "headers": self._headers(call, answer)}
        await send(start)
        passing = Passing(call.dialect, drop_counts=call.asked is not None and call.asked.counts_unasked)
        call.end = End.BROKEN
        try:
            async for chunk in answer.content.iter_any():
                passed = passing.feed(chunk, withheld=self._withholds(call), tape=call.tape)
                if passed:
                    await send({"type": "http.response.body", "body": passed, "more_body": True})
        except TimeoutError:
            call.end = End.SILENT
        except (aiohttp.ClientError, Problem):
            pass
        else:
            call.end = End.ANSWERED
        finally:
            call.cut = passing.cut
        rest = passing.rest(withheld=self._withholds(call), tape=call.tape)
        if call.end is End.ANSWERED:
            await send({"type": "http.response.body", "body": rest})
        # else nothing ends the answer: the server closes the connection, so that the client sees that it is not whole

    def _withholds(self, call: _Call) -> bool:
        """Return whether reasoning is kept back now: a policy that came in meanwhile holds for the rest of a stream."""
        if call.decision.version == self._gate.table.header.version:
            return call.decision.effect.withhold
        return call.decision.effect.withhold or self._gate.stands(call.question).withhold

    def _headers(self, call: _Call, answer: aiohttp.ClientResponse) -> Headers:
        return [*returned(answer.raw_headers), (DECISION, call.decision.id.encode())]

    async def _finish(self, call: _Call) -> None:
        """Settle and hand over what is to be captured."""
        counts = self._gate.counts
        counts.ends[call.end] += 1
        counts.answers[call.dialect, call.status] += 1
        if call.asked is None:
            await self._gate.settle(call.decision, call.question, 0)
            return
        told = Call(
            exchange_id=call.decision.id,
            started_at=call.started_us,
            account_id=call.question.account_id,
            organization_id=call.question.organization_id,
            key_id=call.question.key_id,
            path=call.scope["path"],
            status=call.status,
            model=call.question.model,
            duration_ms=round((perf_counter() - call.begun) * 1_000),
            channel="api",
            client_ip=call.caller.ip,
            user_agent=call.caller.agent,
            ja4=call.caller.ja4,
            decision_id=call.decision.id,
        )
        content = call.tape.content()
        if len(call.body) + len(content) <= _INLINE:
            exchange = captured(told, call.body, content or None)
        else:
            exchange = await _beside(told, call.body, content)
        if call.reached:
            used = exchange.input_tokens + exchange.output_tokens
            await self._gate.settle(call.decision, call.question, used)
        else:
            await self._gate.cancel(call.decision, call.question)
        self._taken(Taken(call.decision, call.question, exchange, call.end, call.cut, call.marked))


async def _beside(told: Call, body: bytes, content: bytes) -> Captured:
    """Read bodies in a thread; in this one if the gateway is being stopped, since nothing waits behind it then."""
    try:
        return await asyncio.to_thread(captured, told, body, content or None)
    except asyncio.CancelledError:
        return captured(told, body, content or None)


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for chunk in answer.content.iter_any():
        parts.append(chunk)
        size += len(chunk)
        if size > _MOST_ANSWER:
            raise aiohttp.ClientPayloadError("the answer is too long")
    return b"".join(parts)
