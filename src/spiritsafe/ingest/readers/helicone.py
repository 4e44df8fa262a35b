"""Helicone's requests: as its export tool writes them (JSONL, JSON, CSV) and as its API shows them.

Token counts are taken from the provider's own usage in the response's body where the export holds bodies. Helicone's
columns count the prompt without what was read from or written to a cache and without audio, so these are added; the
tool's CSV has them not. Its CSV doubles the quotes of JSON twice, which is undone. A failed call of nobody or of no
model is passed over: anybody can make one. Whoever the requests were made for is a user in
Helicone; that is the account here, unless a property says more.
Sources: https://docs.helicone.ai/tools/export, https://docs.helicone.ai/rest/request/post-v1requestquery-clickhouse,
https://docs.helicone.ai/features/advanced-usage/custom-properties, https://docs.helicone.ai/features/sessions.
"""

from collections.abc import Iterable
from typing import ClassVar

from spiritsafe.ingest.readers.apikeys import opaque
from spiritsafe.ingest.readers.envelope import milliseconds
from spiritsafe.ingest.readers.heliconeexamples import EXAMPLES
from spiritsafe.ingest.readers.pairs import BODY_SOURCES
from spiritsafe.ingest.readers.records import Mapping, Row
from spiritsafe.wire.bodies import Bodies, is_other_call, plain_name
from spiritsafe.wire.objects import Record, array, clean, first, inner, record, text
from spiritsafe.wire.unfit import Unfit
from spiritsafe.wire.usage import added

__all__ = ["Helicone"]

_SHAPES = (
    frozenset({"request_id", "request_created_at", "response_status"}),
    frozenset({"response_id", "request_created_at", "response_status"}),
)
_ACCOUNT = ("account_id", "tenant_id")
_ADDED = ("prompt_cache_read_tokens", "prompt_cache_write_tokens", "prompt_audio_tokens")


class Helicone(Mapping):
    """Requests of Helicone."""

    title: ClassVar = "Helicone's requests"
    within: ClassVar = frozenset({"data"})
    header: ClassVar = frozenset({"response_id", "request_created_at", "response_status", "prompt_tokens"})
    numbers: ClassVar = frozenset({"response_status", "delay_ms", "latency", *_ADDED}) | {
        *("prompt_tokens", "completion_tokens", "completion_audio_tokens"),
    }
    sources: ClassVar = {
        **{name: source for name, source in BODY_SOURCES.items() if name != "batch"},
        "exchange_id": "`response_id`, else `request_id`",
        "started_at": "`request_created_at`",
        "account_id": "property `account_id` or `tenant_id`, else `request_user_id`",
        "model": "request `model`, else `request_model`, `model`, `response_model`",
        "input_tokens": "response `usage`, else `prompt_tokens` with `prompt_cache_read_tokens`,"
        " `prompt_cache_write_tokens`, `prompt_audio_tokens`; 0 for a call that failed",
        "output_tokens": "response `usage`, else `completion_tokens` with `completion_audio_tokens`;"
        " 0 for a call that failed",
        "cached_input_tokens": "response `usage`, else `prompt_cache_read_tokens`",
        "reasoning_tokens": "response `usage`",
        "organization_id": "property `organization_id`",
        "end_user_id": "`request_user_id`, where it is not the account; else " + BODY_SOURCES["end_user_id"],
        "conversation_id": "property `Helicone-Session-Id`, else request `conversation`",
        "duration_ms": "`delay_ms`, `latency`",
        "status": "`response_status`, where it is one of HTTP",
        "country": "`country_code`",
    }
    hints: ClassVar = {
        "account_id": "Send the header Helicone-User-Id or Helicone-Property-Account_id with every request.",
    }

    def recognises(self, record: Record) -> bool:
        """Tell by the names that every export has."""
        return any(outer.keys() >= shape for outer in (record, *_listed(record)[:1]) for shape in _SHAPES)

    def parts(self, record: Record) -> Iterable[Record]:
        """Return the requests of a page of the API; else the record."""
        return _listed(record) or (record,)

    def row(self, part: Record) -> Row | None:
        """Return a request as a row; None for calls that ask no model for text, and while there is no answer."""
        if not self.recognises(part):
            return {}
        status = part.get("response_status")
        pending = isinstance(status, int) and status < 0
        if is_other_call(part.get("request_path")) or (pending and part.get("prompt_tokens") is None):
            return None
        bodies = _bodies(part)
        failed = bodies.failed(status)
        row = {name: value for name, value in bodies.row(failed=failed).items() if name in self.sources}
        row |= _counted(part, row, failed=failed) | _around(part, row) | {"status": None if pending else status}
        return None if failed and (row["account_id"] is None or row["model"] is None) else row

    def examples(self) -> tuple[bytes, ...]:
        """Return what the export tool writes as JSONL, JSON and CSV, and a page of the API."""
        return EXAMPLES


def _listed(outer: Record) -> list[Record]:
    return [item for item in array(outer.get("data")) if isinstance(item, dict)]


def _around(part: Record, row: Row) -> Row:
    """Return what stands around the bodies."""
    told = {name.lower().replace("-", "_"): value for name, value in _properties(part).items()}
    stated, user = text(told, *_ACCOUNT), first(part, "request_user_id")
    model = next((plain_name(part.get(name)) for name in ("request_model", "model", "response_model")), None)
    return {
        "exchange_id": first(part, "response_id", "request_id"),
        "started_at": part.get("request_created_at"),
        "account_id": opaque(user if stated is None else stated),
        "organization_id": text(told, "organization_id"),
        "end_user_id": row["end_user_id"] if stated is None else user,
        "conversation_id": text(told, "helicone_session_id") or row["conversation_id"],
        "model": row["model"] or model or clean(first(part, "model", "response_model")),
        "duration_ms": milliseconds(first(part, "delay_ms", "latency")),
        "country": first(part, "country_code"),
    }


def _counted(part: Record, row: Row, *, failed: bool) -> Row:
    """Return the columns' counts where the bodies hold none."""
    told = {name: row[name] for name in ("input_tokens", "output_tokens", "cached_input_tokens")}
    if told["input_tokens"] is None or failed:
        asked = added(first(part, "prompt_tokens"), *(part.get(name) for name in _ADDED))
        told |= {"input_tokens": asked, "cached_input_tokens": first(part, "prompt_cache_read_tokens")}
    if told["output_tokens"] is None or failed:
        told["output_tokens"] = added(first(part, "completion_tokens"), part.get("completion_audio_tokens"))
    none = failed and told["input_tokens"] is None and told["output_tokens"] is None
    return told | ({"input_tokens": 0, "output_tokens": 0} if none else {})


def _bodies(part: Record) -> Bodies:
    """Return what was asked and answered; a body that is cut off says nothing, for its counts stand beside it."""
    asked, answered = _undoubled(part.get("request_body")), _undoubled(part.get("response_body"))
    try:
        return Bodies.of(asked, answered)
    except Unfit:
        return Bodies(record(asked))


def _properties(part: Record) -> Record:
    return record(_undoubled(part.get("properties"))) | record(_undoubled(part.get("request_properties")))


def _undoubled(value: object) -> object:
    """Return what a text says whose quotes the tool has doubled; anything else as it is."""
    if isinstance(value, str) and value.startswith('{""') and isinstance(inner(value), str):
        return inner(value.replace('""', '"'))
    return value
