"""What an answer used, read while Envoy passes it on, and settled under the decision that the request carries.

An answer that counts its tokens is settled by its count. One that does not - a stream without ``include_usage``, or
one that its client left - by what its bytes come to, as in the proxy and in a log. One that cannot be read, because it
is compressed or too long, is not settled: what was reserved stays charged.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from spiritsafe.gateway.asgi import Problem
from spiritsafe.gateway.authz import HOME, INPUT
from spiritsafe.gateway.problems import DECISION
from spiritsafe.gateway.proxy.passing import Passing
from spiritsafe.gateway.proxy.routes import Dialect
from spiritsafe.gateway.proxy.tape import Tape
from spiritsafe.wire.bodies import Bodies
from spiritsafe.wire.estimate import ESTIMATED
from spiritsafe.wire.objects import as_whole, textual
from spiritsafe.wire.unfit import Unfit

__all__ = ["Reading", "tokens_of"]

_MOST = 8 << 20
_PLAIN = {"", "identity"}


@dataclass(slots=True)
class Reading:
    """One call as Envoy's messages tell it.

    Attributes:
        decision: the id of its decision; empty where none was made.
        home: on which it was decided.
        guess: tokens of the prompt, if the answer does not count them.
        status: of the answer, 0 as long as there is none.
        readable: whether its content can be read.
        ended: whether the answer has come to its end.
    """

    decision: str = ""
    home: str = ""
    guess: int = 0
    status: int = 0
    readable: bool = True
    ended: bool = False
    _tape: Tape = field(default_factory=lambda: Tape(_MOST))
    _passing: Passing | None = None

    def take(self, kind: str | None, message: Any) -> None:
        """Take one message.

        Args:
            kind: the field of ``ProcessingRequest`` that is set.
            message: the message.
        """
        if kind == "request_headers":
            self._asked(_told(message.request_headers))
        elif kind == "response_headers":
            self._answered(_told(message.response_headers))
            self.ended = message.response_headers.end_of_stream
        elif kind == "response_body":
            self._read(message.response_body.body)
            self.ended = message.response_body.end_of_stream
        elif kind == "response_trailers":
            self.ended = True

    def content(self) -> bytes:
        """Return the answer, as far as it is remembered."""
        if self._passing is not None:
            self._passing.rest(withheld=False, tape=self._tape)
        return self._tape.content()

    def _asked(self, headers: dict[bytes, bytes]) -> None:
        self.decision = headers.get(DECISION, b"").decode("latin-1")
        self.home = unquote(headers.get(HOME, b"").decode("latin-1"))
        guess = headers.get(INPUT, b"")
        self.guess = int(guess) if guess.isdigit() else 0

    def _answered(self, headers: dict[bytes, bytes]) -> None:
        status = headers.get(b":status", b"")
        self.status = int(status) if status.isdigit() else 0
        self.readable = headers.get(b"content-encoding", b"").decode("latin-1").strip().lower() in _PLAIN
        if headers.get(b"content-type", b"").startswith(b"text/event-stream"):
            self._passing = Passing(Dialect.PLAIN, drop_counts=False)

    def _read(self, piece: bytes) -> None:
        if not self.readable or not piece:
            return
        if self._passing is None:
            self._tape.add(piece)
            return
        try:
            self._passing.feed(piece, withheld=False, tape=self._tape)
        except Problem:  # an event without an end
            self.readable, self._passing = False, None


def _told(told: Any) -> dict[bytes, bytes]:
    return {one.key.encode(): one.raw_value or one.value.encode() for one in told.headers.headers}


def tokens_of(status: int, content: bytes, guess: int) -> int | None:
    r"""Return what a call used; None if its answer cannot be read.

    Args:
        status: of the answer.
        content: the answer.
        guess: tokens of the prompt, where nobody counts them.

    >>> tokens_of(200, b'{"object":"chat.completion","usage":{"prompt_tokens":3,"completion_tokens":4}}', 9)
    7
    >>> tokens_of(200, b'data: {"choices":[{"delta":{"content":"eight by"}}]}\n\n', 9), tokens_of(429, b"busy", 9)
    (11, 0)
    """
    try:
        bodies = Bodies.of(None, textual(content))
    except Unfit:
        return None
    row = bodies.row(failed=bodies.failed(status) or not bodies.response, estimate=True)
    put_in, put_out = as_whole(row["input_tokens"]), as_whole(row["output_tokens"])
    if row.get(ESTIMATED):
        put_in = put_in or guess
    return (put_in or 0) + (put_out or 0)
