"""HTTP Archives: what mitmproxy, Charles and browsers save of the calls that went through them.

An entry is a request/response pair in an envelope of its own, so only the envelope is read here. An archive holds
whatever was called; calls that asked no model anything are passed over.
Sources: http://www.softwareishard.com/blog/har-12-spec/ (HAR 1.2),
https://github.com/Kong/api-log-format (``clientIPAddress``).
"""

from collections.abc import Iterable
from typing import ClassVar

from spiritsafe.ingest.readers.pairexamples import HAR
from spiritsafe.ingest.readers.pairs import BODY_SOURCES, Pairs
from spiritsafe.ingest.readers.records import Row
from spiritsafe.wire.estimate import ESTIMATED
from spiritsafe.wire.objects import Record, array, first, record
from spiritsafe.wire.unfit import Unfit

__all__ = ["Har"]

_KEYS = "the SHA-256 of the key in `authorization`, `x-api-key`, `api-key` of `request.headers`"


class Har(Pairs):
    """Entries of HTTP Archives."""

    title: ClassVar = "HAR, an HTTP Archive"
    within: ClassVar = frozenset({"log.entries"})
    sources: ClassVar = {
        **{name: source for name, source in BODY_SOURCES.items() if name != "batch"},
        "input_tokens": BODY_SOURCES["input_tokens"].replace(", else `ai.proxy.usage`, `usage` of the record", ""),
        "exchange_id": "response `id`, `response.headers` `x-request-id`, `request-id`; else a hash of the entry",
        "started_at": "`startedDateTime`",
        "duration_ms": "`time`",
        "account_id": _KEYS + "; else `openai-organization`, `anthropic-organization-id` of `response.headers`",
        "key_id": _KEYS,
        "organization_id": "`openai-organization` of `request.headers`, in a call that was accepted",
        "status": "`response.status`",
        "client_ip": "`clientIPAddress`, which Kong's archives hold",
        "user_agent": "`user-agent` of `request.headers`",
    }

    def recognises(self, record: Record) -> bool:
        """Tell an archive's entry, or an archive."""
        return bool(_entries(record)) or (
            "startedDateTime" in record and isinstance(first(record, "request.method"), str) and "response" in record
        )

    def parts(self, record: Record) -> Iterable[Record]:
        """Return an archive's entries where it is one record; an entry is one."""
        return _entries(record) or (record,)

    def row(self, part: Record) -> Row | None:
        """Return an entry as a row; None if it asked no model anything."""
        if "startedDateTime" not in part:
            return {}
        asked, answered = record(part.get("request")), record(part.get("response"))
        row = self._pair(
            {
                "started_at": part["startedDateTime"],
                "duration_ms": part.get("time"),
                "client_ip": part.get("clientIPAddress"),
                "url": asked.get("url"),
                "request_headers": asked.get("headers"),
                "response_headers": answered.get("headers"),
                "status": answered.get("status"),
                "request_body": _held(asked.get("postData")),
                "response_body": _held(answered.get("content")),
            }
        )
        return row and {name: value for name, value in row.items() if name in {*self.sources, ESTIMATED}}

    def _pair(self, part: Record) -> Row | None:
        try:
            return super().row(part)
        except Unfit as unfit:
            raise Unfit(str(unfit).replace("response_body", "response.content", 1)) from None

    def examples(self) -> tuple[bytes, ...]:
        """Return an archive with calls of both providers, a streamed one and a page's picture."""
        return HAR


def _held(content: object) -> object:
    """Return a body with its encoding; None where only its size was saved."""
    return content if first(content, "text") is not None else None


def _entries(record: Record) -> list[Record]:
    return [entry for entry in array(first(record, "log.entries")) if isinstance(entry, dict)]
