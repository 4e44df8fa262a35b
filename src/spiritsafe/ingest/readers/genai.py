"""What a span says of a call to a model: OpenTelemetry's GenAI conventions, and the names they had before.

Pinned to version 1.41 of the conventions (all of it in development status). Older versions, OpenLLMetry and
OpenInference are read by a map of names, because instrumentations keep the version they were written for. Spans of
agents, tools and workflows are no exchanges: their tokens are sums over the calls beneath them. The conventions say
nothing of accounts, so the order in which attributes are tried is ours; an attribute of our own comes first, which a
collector's attributes processor can set from whatever holds it. Sources:
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/ (1.41),
https://github.com/traceloop/openllmetry, https://arize-ai.github.io/openinference/spec/semantic_conventions.html.
"""

from spiritsafe.ingest.readers.genaitexts import answered, asked, tools
from spiritsafe.ingest.readers.records import Row
from spiritsafe.wire.finish import finish_reason
from spiritsafe.wire.objects import Record, as_number, as_text, as_truth, as_whole, clean, record
from spiritsafe.wire.parameters import parameters
from spiritsafe.wire.usage import inclusive

__all__ = ["ACCOUNT", "CONVENTIONS", "RENAMED", "SOURCES", "is_genai", "to_row", "told"]

CONVENTIONS = "1.41"
"""Version of the semantic conventions whose names come first."""

RENAMED: dict[str, tuple[str, ...]] = {
    "gen_ai.operation.name": ("llm.request.type", "openinference.span.kind"),
    "gen_ai.provider.name": ("gen_ai.system", "llm.system", "llm.provider", "llm.vendor"),
    "gen_ai.request.model": ("llm.request.model", "llm.model_name", "embedding.model_name"),
    "gen_ai.response.model": ("llm.response.model",),
    "gen_ai.response.id": ("llm.response.id",),
    "gen_ai.usage.input_tokens": (
        "gen_ai.usage.prompt_tokens",
        "llm.usage.prompt_tokens",
        "llm.token_count.prompt",
    ),
    "gen_ai.usage.output_tokens": (
        "gen_ai.usage.completion_tokens",
        "llm.usage.completion_tokens",
        "llm.token_count.completion",
    ),
    "gen_ai.usage.cache_read.input_tokens": (
        "gen_ai.usage.cache_read_input_tokens",
        "llm.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
    ),
    "gen_ai.usage.cache_creation.input_tokens": (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "llm.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    "gen_ai.usage.reasoning.output_tokens": (
        "gen_ai.usage.reasoning_tokens",
        "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
    "gen_ai.request.max_tokens": ("llm.request.max_tokens",),
    "gen_ai.request.temperature": ("llm.request.temperature", "llm.temperature"),
    "gen_ai.request.choice.count": (),
    "gen_ai.request.stream": ("gen_ai.is_streaming", "llm.is_streaming"),
    "gen_ai.response.finish_reasons": (
        "gen_ai.response.finish_reason",
        "gen_ai.response.stop_reason",
        "llm.response.finish_reason",
        "llm.response.stop_reason",
    ),
    "gen_ai.conversation.id": ("session.id", "traceloop.association.properties.session_id"),
    "http.response.status_code": ("http.status_code",),
    "user_agent.original": ("http.user_agent",),
    "client.geo.country_iso_code": ("geo.country.iso_code", "geo.country_iso_code"),
}
"""Attribute of the pinned conventions -> its earlier names and its names elsewhere, the first one found counts."""

ACCOUNT = (
    "spiritsafe.account_id",
    "account.id",
    "tenant.id",
    "tenant",
    "api_key.hash",
    "metadata.user_api_key_hash",
    "user.id",
    "enduser.id",
)
_ORGANISATION = ("organization.id", "org.id", "metadata.user_api_key_org_id", "metadata.user_api_key_team_id")
_KEY = ("api_key.hash", "api_key.id", "metadata.user_api_key_hash")
_END_USER = ("enduser.id", "user.id", "metadata.user_api_key_end_user_id")
_PREFIXES = ("gen_ai.", "llm.", "openinference.")
_OPERATIONS = {
    "completion": "text_completion",
    "embedding": "embeddings",
    "llm": "chat",
}
_NO_CALL = frozenset(
    (
        *("create_agent", "invoke_agent", "invoke_workflow", "execute_tool", "plan", "retrieval"),
        *("create_memory", "create_memory_store", "delete_memory", "delete_memory_store"),
        *("search_memory", "update_memory", "upsert_memory"),
        *("agent", "chain", "evaluator", "guardrail", "prompt", "reranker", "retriever", "tool"),  # OpenInference
        *("task", "workflow", "rerank"),  # OpenLLMetry
    )
)
_ERROR = (2, "2", "STATUS_CODE_ERROR")  # a tuple: what stands there may be anything


def _first_of(names: tuple[str, ...]) -> str:
    return f"the first of {', '.join(f'`{name}`' for name in names)} on the span, else on its resource"


SOURCES: dict[str, str] = {
    "exchange_id": "`gen_ai.response.id`, else trace id and span id",
    "started_at": "the span's start",
    "account_id": _first_of(ACCOUNT),
    "model": "`gen_ai.request.model`, else `gen_ai.response.model`",
    "input_tokens": "`gen_ai.usage.input_tokens`, which includes cached tokens; they are added where it cannot",
    "output_tokens": "`gen_ai.usage.output_tokens`",
    "organization_id": _first_of(_ORGANISATION),
    "key_id": _first_of(_KEY),
    "end_user_id": f"the first of {', '.join(f'`{name}`' for name in _END_USER)} that is not the account",
    "conversation_id": "`gen_ai.conversation.id`",
    "duration_ms": "the span's end - its start",
    "cached_input_tokens": "`gen_ai.usage.cache_read.input_tokens`",
    "reasoning_tokens": "`gen_ai.usage.reasoning.output_tokens`",
    "max_tokens": "`gen_ai.request.max_tokens`, else `llm.invocation_parameters`",
    "temperature": "`gen_ai.request.temperature`, else `llm.invocation_parameters`",
    "stream": "`gen_ai.request.stream`, else `llm.invocation_parameters`",
    "logprobs": "`llm.invocation_parameters`",
    "n": "`gen_ai.request.choice.count`, else `llm.invocation_parameters`",
    "image_count": "the messages",
    "thinking_budget": "`llm.invocation_parameters`",
    "operation": "`gen_ai.operation.name`; agents, tools, workflows, memories and retrievals are passed over",
    "message_count": "the messages",
    "tool_count": "`gen_ai.tool.definitions`, else `llm.tools.*`, `llm.request.functions.*`",
    "tool_call_count": "the output messages",
    "finish_reason": "`gen_ai.response.finish_reasons`, the first",
    "status": "`http.response.status_code`, else `error.type` if it is a number, else 500 where the span failed, "
    "else 200",
    "client_ip": "`client.address`",
    "asn": "`client.asn`",
    "country": "`client.geo.country_iso_code`",
    "user_agent": "`user_agent.original`",
    "ja4": "`tls.client.ja4`",
    "prompt": "`gen_ai.input.messages`, else events and indexed attributes of older conventions",
    "system_prompt": "`gen_ai.system_instructions`, and system messages",
    "response": "`gen_ai.output.messages`, else as the prompt",
}


def is_genai(names: object) -> bool:
    """Tell by its attributes' names whether a span may say anything of a model."""
    return isinstance(names, list) and any(isinstance(name, str) and name.startswith(_PREFIXES) for name in names)


def told(attributes: Record, name: str) -> object:
    """Return an attribute by its present name or an earlier one."""
    for known in (name, *RENAMED.get(name, ())):
        value = attributes.get(known)
        if value is not None and value != "":
            return value
    return None


def to_row(span: Record) -> Row | None:
    """Return a span as a row, None if it is no call to a model or a failed one by nobody knows whom.

    Args:
        span: ``attributes`` and ``resource`` as plain names and values, ``start`` and ``end`` in nanoseconds, ``trace``
            and ``span`` ids, ``events`` (name, attributes), ``status`` code.
    """
    attributes = span["attributes"]
    operation = _operation(attributes)
    model = told(attributes, "gen_ai.request.model") or told(attributes, "gen_ai.response.model")
    if operation is None or (model is None and not _counts(attributes)):
        return None
    failed = span.get("status") in _ERROR or bool(attributes.get("error.type"))
    account = _whose(span, ACCOUNT)
    if failed and (account is None or model is None):
        return None
    wants = parameters(record(attributes.get("llm.invocation_parameters")))
    said = answered(span)
    return {
        "exchange_id": told(attributes, "gen_ai.response.id") or f"{span['trace']}:{span['span']}",
        "started_at": _seconds(span["start"]),
        "account_id": account,
        "model": clean(model) if failed else model,
        "organization_id": _whose(span, _ORGANISATION),
        "key_id": _whose(span, _KEY),
        "end_user_id": _end_user(span, account),
        "conversation_id": _words(attributes, "gen_ai.conversation.id"),
        "duration_ms": _milliseconds(span),
        **wants,
        **_wanted(attributes, wants),
        **_used(attributes, failed=failed),
        "operation": operation,
        "status": _status(attributes, failed=failed),
        "client_ip": _words(attributes, "client.address"),
        "asn": as_whole(attributes.get("client.asn")),
        "country": _words(attributes, "client.geo.country_iso_code"),
        "user_agent": _words(attributes, "user_agent.original"),
        "ja4": _words(attributes, "tls.client.ja4"),
        **asked(span).row(),
        **said.row(),
        "finish_reason": finish_reason(told(attributes, "gen_ai.response.finish_reasons")) or said.finish_reason,
    }


def _operation(attributes: Record) -> str | None:
    name = told(attributes, "gen_ai.operation.name")
    if not isinstance(name, str):
        return "chat" if told(attributes, "gen_ai.request.model") is not None else None
    name = name.lower()
    return None if name in _NO_CALL else _OPERATIONS.get(name, name)


def _counts(attributes: Record) -> bool:
    return told(attributes, "gen_ai.usage.input_tokens") is not None


def _whose(span: Record, names: tuple[str, ...]) -> object:
    for holder in (span["attributes"], span["resource"]):
        for name in names:
            value = as_text(holder.get(name))
            if value is not None:
                return value
    return None


def _end_user(span: Record, account: object) -> str | None:
    found = (as_text(span["attributes"].get(name)) for name in _END_USER)
    return next((value for value in found if value is not None and value != account), None)


def _words(attributes: Record, name: str) -> str | None:
    return as_text(told(attributes, name))


def _wanted(attributes: Record, wants: Row) -> Row:
    """Return the parameters that have attributes of their own; what is left out was in the list of parameters."""
    own = {
        "max_tokens": as_whole(told(attributes, "gen_ai.request.max_tokens")),
        "temperature": as_number(told(attributes, "gen_ai.request.temperature")),
        "n": as_whole(told(attributes, "gen_ai.request.choice.count")),
        "stream": as_truth(told(attributes, "gen_ai.request.stream")),
        "tool_count": tools(attributes),
    }
    return {name: wants[name] if value is None else value for name, value in own.items()}


def _used(attributes: Record, *, failed: bool) -> Row:
    given, made, read, written, thought = (
        told(attributes, f"gen_ai.usage.{name}_tokens")
        for name in ("input", "output", "cache_read.input", "cache_creation.input", "reasoning.output")
    )
    none = 0 if failed else None
    return {
        "input_tokens": none if given is None else inclusive(given, read, written),
        "output_tokens": none if made is None else made,
        "cached_input_tokens": read,
        "reasoning_tokens": thought,
    }


def _status(attributes: Record, *, failed: bool) -> object:
    code = told(attributes, "http.response.status_code")
    if code is not None:
        return code
    kind = attributes.get("error.type")
    if isinstance(kind, str) and kind.isascii() and kind.isdigit() and len(kind) == 3:
        return int(kind)
    return 500 if failed else 200


def _nanoseconds(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64 else None


def _seconds(start: object) -> object:
    nanoseconds = _nanoseconds(start)
    return start if nanoseconds is None else nanoseconds / 1e9


def _milliseconds(span: Record) -> int | None:
    start, end = _nanoseconds(span["start"]), _nanoseconds(span["end"])
    return (end - start) // 1_000_000 if start is not None and end is not None and end >= start else None
