"""What stands around a logged call's bodies: who called, when, from where, and how it ended.

Every proxy names these differently, so each column has a list of paths; the first that leads anywhere counts, and
the lists are what the documentation shows. Only what the proxy itself states identifies anybody: addresses in
headers that a client can write (``x-forwarded-for``) would let one customer appear as another.
Sources: the log references of Apache APISIX (https://apisix.apache.org/docs/apisix/plugins/http-logger/), Kong
(https://developer.konghq.com/ai-gateway/ai-audit-log-reference/) and Portkey
(https://portkey.ai/docs/aigw/api-reference/logs/post-logs).
"""

import functools
from collections.abc import Callable, Iterator

from spiritsafe.ingest.readers.apikeys import key_hash, opaque
from spiritsafe.wire.bodies import plain_name
from spiritsafe.wire.objects import Record, array, as_number, as_text, as_whole, first, inner

__all__ = [
    "LOOKED_AT",
    "PATHS",
    "REQUEST_BODY",
    "RESPONSE_BODY",
    "caller",
    "counts",
    "found",
    "headers",
    "milliseconds",
    "place",
    "seconds",
    "stated",
    "status",
    "surroundings",
]

REQUEST_BODY = ("request_body", "req_body", "ai.proxy.payload.request", "request.body", "request")
RESPONSE_BODY = ("response_body", "resp_body", "ai.proxy.payload.response", "response.body", "response")
_REQUEST_HEADERS = ("request_headers", "request.headers", "headers")
_RESPONSE_HEADERS = ("response_headers", "response.headers")
_RESPONSE_IDS = ("x-request-id", "request-id", "apim-request-id", "x-amzn-requestid")
_ORGANISATIONS = ("openai-organization", "anthropic-organization-id")
_PLACES = ("path", "uri", "url", "request.path", "request.uri", "request.url", "request_path", "endpoint")
_USAGE = ("ai.proxy.usage", "usage")
_MILLISECONDS = 1e11  # an epoch time beyond this many seconds is in milliseconds, microseconds or nanoseconds
_STATUS_DIGITS = 3
_UNITS = (1, 1_000, 1_000_000, 1_000_000_000)

PATHS: dict[str, tuple[str, ...]] = {
    "exchange_id": ("request_id", "requestId", "response.request_id", "request.id", "id"),
    "started_at": ("started_at", "start_time", "timestamp", "@timestamp", "time", "ts", "created_at"),
    "account_id": (
        *("account_id", "account", "tenant_id", "tenant", "api_key_hash", "key_hash", "api_key_id"),
        *("consumer.username", "consumer.custom_id", "consumer.id", "authenticated_entity.id"),
        *("metadata.account_id", "metadata.tenant_id"),
    ),
    "key_id": ("key_id", "api_key_id", "api_key_hash", "key_hash"),
    "organization_id": ("organization_id", "org_id", "organization", "metadata.organization_id"),
    "end_user_id": ("end_user_id", "metadata._user"),
    "conversation_id": ("conversation_id", "session_id", "thread_id", "metadata.session_id"),
    "duration_ms": ("duration_ms", "latency_ms", "latencies.request", "response.response_time", "latency"),
    "status": ("status", "status_code", "response_status", "response.status", "response.status_code"),
    "client_ip": ("client_ip", "clientIPAddress", "client.address", "remote_addr", "remote_ip"),
    "asn": ("asn", "client.asn"),
    "country": ("country", "country_code"),
    "ja4": ("ja4",),
    "channel": ("channel",),
}
"""Column -> paths in a record of a proxy's log, in the order in which they are looked at."""

LOOKED_AT: dict[str, tuple[str, ...]] = {
    "request body": REQUEST_BODY,
    "response body": RESPONSE_BODY,
    "request headers": _REQUEST_HEADERS,
    "response headers": _RESPONSE_HEADERS,
    "the call's path": _PLACES,
    "usage beside the bodies": _USAGE,
}
"""Part of a pair -> paths, for the documentation."""


def found(holder: Record, paths: tuple[str, ...]) -> tuple[str, object]:
    """Return the first path that leads anywhere and what is there; ('', None) if none does."""
    return next(_there(holder, paths), ("", None))


def stated(holder: Record, column: str) -> str | None:
    """Return the first id that a record holds for a column: a text, or a number's digits."""
    told = _told(holder, column, as_text)
    return told if isinstance(told, str) else None


def _told(holder: Record, column: str, kind: Callable[[object], object]) -> object:
    """Return a column's first value of its kind: a name that a proxy gives to something else leads nowhere."""
    values = (kind(value) for _, value in _there(holder, PATHS[column]))
    return next((value for value in values if value is not None), None)


def _there(holder: Record, paths: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    """Yield every path that leads anywhere, and what is there."""
    for path, names in _split(paths):
        value: object = holder
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None and value != "":
            yield path, value


@functools.cache
def _split(paths: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((path, tuple(path.split("."))) for path in paths)


def _first(holder: Record, paths: tuple[str, ...]) -> object:
    return found(holder, paths)[1]


def headers(holder: Record, paths: tuple[str, ...]) -> dict[str, str]:
    """Return headers by lower-case name, the first of equal names: from an object, pairs, or HAR's list."""
    held = inner(_first(holder, paths))
    pairs = list(held.items()) if isinstance(held, dict) else [_pair(item) for item in array(held)]
    named: dict[str, str] = {}
    for name, value in pairs:
        if isinstance(value, list) and value:
            value = value[0]  # noqa: PLW2901 - a header given several times
        if isinstance(name, str) and isinstance(value, str):
            named.setdefault(name.lower(), value)
    return named


def caller(holder: Record, *, accepted: bool) -> dict[str, object]:
    """Return who called: ids that the proxy states, else the hash of the key, else the organisation that answered.

    Args:
        holder: a record of a proxy's log.
        accepted: whether the API accepted the call, and with it the organisation that the client named.
    """
    sent = headers(holder, _REQUEST_HEADERS)
    got = headers(holder, _RESPONSE_HEADERS)
    bare = holder.get("api_key")
    key = key_hash({"authorization": bare} if isinstance(bare, str) else sent)
    answered = next((got[name] for name in _ORGANISATIONS if got.get(name)), None)
    named = sent.get("openai-organization") if accepted else None
    return {
        "account_id": opaque(stated(holder, "account_id")) or key or answered,
        "key_id": key or opaque(stated(holder, "key_id")),
        "organization_id": opaque(stated(holder, "organization_id")) or named,
        "user_agent": sent.get("user-agent"),
    }


def surroundings(holder: Record, response: Record) -> dict[str, object]:
    """Return when and where a call went, by column."""
    got = headers(holder, _RESPONSE_HEADERS)
    given = next((told for name in _RESPONSE_IDS if (told := plain_name(got.get(name)))), None)
    return {
        **{name: stated(holder, name) for name in ("client_ip", "country", "ja4", "channel")},
        "asn": _told(holder, "asn", as_whole),
        "exchange_id": plain_name(response.get("id")) or given or stated(holder, "exchange_id"),
        "started_at": seconds(_first(holder, PATHS["started_at"]) or first(response, "created", "created_at")),
        "duration_ms": milliseconds(_told(holder, "duration_ms", as_number)),
    }


def place(holder: Record) -> object:
    """Return the path or address that was called."""
    return _first(holder, _PLACES)


def counts(holder: Record) -> object:
    """Return the usage that a proxy counted itself."""
    return _first(holder, _USAGE)


def status(holder: Record) -> int | None:
    """Return the HTTP status; a response body's own status, a word, is none."""
    for _, value in _there(holder, PATHS["status"]):
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == _STATUS_DIGITS:
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None


def seconds(value: object) -> object:
    """Return an epoch time in seconds; anything that is no number as it is.

    A number says its unit by its size: the four readings of one number lie a thousand years apart.

    >>> seconds(1767225600123), seconds(1767225600), seconds("2026-01-01")
    (1767225600.123, 1767225600, '2026-01-01')
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not _MILLISECONDS <= value < _MILLISECONDS**2:
        return value
    unit = next((unit for unit in _UNITS if value / unit < _MILLISECONDS), _UNITS[-1])
    return value / unit


def milliseconds(value: object) -> object:
    """Return a duration as a whole number; a negative one says that it is not known, as in HAR."""
    if isinstance(value, float) and abs(value) < _MILLISECONDS:
        value = round(value)
    return None if isinstance(value, int) and value < 0 else value


def _pair(item: object) -> tuple[object, object]:
    """Return a header of a list: an object with name and value, or a list of the two."""
    if isinstance(item, dict):
        return item.get("name"), item.get("value")
    return (item[0], item[1]) if isinstance(item, list) and len(item) == len(("name", "value")) else (None, None)
