"""One exchange as the gateway saw it: raw, in memory only, until it is veiled.

Its fields are the contract's columns, so that what is captured and what is read from a log cannot drift apart
(``tests/gateway/capture/test_exchange.py`` holds one against the other).
"""

import sys

import msgspec

__all__ = ["Captured"]

_FIXED = 1_000
"""Bytes of an exchange in memory beside its texts, roughly: 40 references, and short texts behind some."""


class Captured(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One exchange; see ``docs/schema.md`` for the columns.

    Attributes:
        exchange_id: of the response; a repeated id counts once.
        started_at: when the request came in, microseconds since the epoch, UTC.
        client_ip, end_user_id, conversation_id: raw; they become pseudonyms.
        prompt, system_prompt, response: raw; they become a sketch.
        decision_id: of the gateway's decision about the request.
    """

    exchange_id: str
    started_at: int
    account_id: str
    model: str
    input_tokens: int
    output_tokens: int
    organization_id: str | None = None
    key_id: str | None = None
    end_user_id: str | None = None
    conversation_id: str | None = None
    duration_ms: int | None = None
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    stream: bool | None = None
    batch: bool | None = None
    logprobs: bool | None = None
    n: int | None = None
    image_count: int | None = None
    thinking_budget: int | None = None
    operation: str | None = None
    message_count: int | None = None
    tool_count: int | None = None
    tool_call_count: int | None = None
    finish_reason: str | None = None
    status: int | None = None
    channel: str | None = None
    client_ip: str | None = None
    asn: int | None = None
    country: str | None = None
    user_agent: str | None = None
    ja4: str | None = None
    prompt: str | None = None
    system_prompt: str | None = None
    response: str | None = None
    decision_id: str | None = None

    def __repr__(self) -> str:
        """Say which exchange it is, and nothing that a log line must not hold."""
        return f"Captured({self.exchange_id!r}, {self.input_tokens} in, {self.output_tokens} out)"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """Say no more to printers that ask field by field."""
        return [("exchange_id", self.exchange_id)]

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, roughly; what a bounded queue counts."""
        return _FIXED + sum(sys.getsizeof(text) for text in (self.prompt, self.system_prompt, self.response) if text)
