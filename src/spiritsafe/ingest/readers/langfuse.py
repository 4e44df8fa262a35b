"""Langfuse's observations: as its blob storage export writes them, as its API and its traces show them.

One reader for all of these, because they are the same fields in two spellings (``start_time``, ``startTime``), which
are brought to one before anything else. Only generations are exchanges; other observations, traces without any and
scores are passed over, so that a whole export can be named. Token counts are kept in buckets that exclude each other,
so all that count input are added; where the total says that they overlap after all, they are not.
Sources: https://langfuse.com/docs/api-and-data-platform/features/blob-storage-export-fields,
https://api.reference.langfuse.com (observations, traces),
https://langfuse.com/docs/observability/features/token-and-cost-tracking#usage-details-contract.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from spiritsafe.ingest.instants import elapsed_ms
from spiritsafe.ingest.readers.apikeys import opaque
from spiritsafe.ingest.readers.langfuseexamples import EXAMPLES
from spiritsafe.ingest.readers.records import Mapping, Row
from spiritsafe.wire.messages import answer, asked_of, count, spelt
from spiritsafe.wire.objects import Record, array, first, inner, record, text
from spiritsafe.wire.parameters import parameters
from spiritsafe.wire.unfit import Unfit
from spiritsafe.wire.usage import Usage, usage

__all__ = ["Langfuse", "buckets"]

_SHAPES = (
    frozenset({"id", "trace_id", "start_time", "type"}),
    frozenset({"id", "trace_id", "start_time", "provided_model_name"}),
    frozenset({"id", "traceId", "startTime", "type"}),
    frozenset({"id", "timestamp", "session_id", "tags", "public"}),
    frozenset({"id", "timestamp", "sessionId", "tags", "public"}),
    frozenset({"id", "project_id", "data_type", "source", "value"}),
    frozenset({"trace", "observations"}),
)
"""Names that an observation, a trace or a score of any export has."""
_ACCOUNT = ("metadata.account_id", "metadata.tenant_id", "metadata.user_api_key_hash")
_ORGANISATION = ("metadata.organization_id", "metadata.user_api_key_org_id", "metadata.user_api_key_team_id")
_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
_DECIMAL = re.compile(r"\d{1,15}(?:\.\d{0,15})?", re.ASCII)
_GENERATION = "GENERATION"
_ERROR = "ERROR"


class Langfuse(Mapping):
    """Observations of Langfuse."""

    title: ClassVar = "Langfuse's observations"
    within: ClassVar = frozenset({"data"})
    header: ClassVar = frozenset({"id", "trace_id", "type", "start_time", "provided_model_name", "usage_details"})
    sources: ClassVar = {
        "exchange_id": "`id`",
        "started_at": "`start_time`",
        "account_id": "`metadata.account_id`, `.tenant_id`, `.user_api_key_hash`, else the trace's `user_id`",
        "model": "`provided_model_name`, `model`",
        "input_tokens": "`usage_details`: all that count `input`; else `usage`, `input_usage`, `prompt_tokens`; "
        "0 for an error",
        "output_tokens": "`usage_details`: all that count `output`; else `usage`, `output_usage`, `completion_tokens`; "
        "0 for an error",
        "organization_id": "`metadata.organization_id`, `.user_api_key_org_id`, `.user_api_key_team_id`",
        "key_id": "`metadata.user_api_key_hash`",
        "end_user_id": "the trace's `user_id`, where it is not the account",
        "conversation_id": "the trace's `session_id`",
        "duration_ms": "`end_time` - `start_time`",
        "cached_input_tokens": "`usage_details`: input that was read from a cache",
        "reasoning_tokens": "`usage_details`: output that is reasoning",
        "max_tokens": "`model_parameters`",
        "temperature": "`model_parameters`",
        "n": "`model_parameters`",
        "logprobs": "`model_parameters`",
        "stream": "whether there is a `completion_start_time`",
        "image_count": "`input`",
        "message_count": "`input`",
        "tool_count": "`tool_definitions`, `input.tools`",
        "tool_call_count": "`output`, `tool_calls`",
        "finish_reason": "`output`",
        "prompt": "`input`",
        "system_prompt": "`input`",
        "response": "`output`",
    }
    hints: ClassVar = {
        "account_id": "Set a user on traces (user_id); in blob storage exports choose 'Enriched observations', which"
        " carry it; with the API take traces with their observations.",
        "input_tokens": "Export the field group that holds usage_details, and send usage with every generation.",
    }

    def recognises(self, record: Record) -> bool:
        """Tell by the names that its exports always have."""
        return any(outer.keys() >= shape for outer in (record, *_listed(record.get("data"))[:1]) for shape in _SHAPES)

    def parts(self, record: Record) -> Iterable[Record]:
        """Return the observations of a page, or of a trace, which holds user and session; else the record."""
        for outer in _listed(record.get("data")) or [record]:
            held = _listed(outer.get("observations"))
            yield from (_under(outer, part) for part in held) if held else (outer,)

    def row(self, part: Record) -> Row | None:
        """Return a generation as a row; None for other observations, traces and scores."""
        if not self.recognises(part):
            return {}
        part = _plain(part)
        if "start_time" not in part or part.get("type", _GENERATION) != _GENERATION:
            return None
        about, wants = {"metadata": record(part.get("metadata"))}, _numbers(record(part.get("model_parameters")))
        stated = text(about, *_ACCOUNT)
        asked, said = spelt(part.get("input")), answer(part.get("output"))
        row = {
            "exchange_id": part.get("id"),
            "started_at": part.get("start_time"),
            "account_id": opaque(first(part, "user_id") if stated is None else stated),
            "model": first(part, "provided_model_name", "model"),
            **_counted(part).row(),
            "organization_id": text(about, *_ORGANISATION),
            "key_id": opaque(text(about, "metadata.user_api_key_hash")),
            "end_user_id": None if stated is None else text(part, "user_id"),
            "conversation_id": text(part, "session_id"),
            "duration_ms": elapsed_ms(part.get("start_time"), part.get("end_time")),
            **parameters(wants),
            **asked_of(asked, first(asked, "system", "instructions")).row(),
            **said.row(),
            "tool_count": _more(_size(part.get("tool_definitions")), count(first(asked, "tools"))),
            "tool_call_count": _more(said.tool_call_count, count(part.get("tool_calls"))),
            "stream": bool(first(part, "completion_start_time")) if "completion_start_time" in part else None,
        }
        if part.get("level") == _ERROR and (row["account_id"] is None or row["model"] is None):
            return None
        return {name: value for name, value in row.items() if name in self.sources}

    def examples(self) -> tuple[bytes, ...]:
        """Return enriched observations as JSONL and CSV, a page of the API, and a trace with its observations."""
        return EXAMPLES


def buckets(counts: Record) -> Usage:
    """Return token counts that Langfuse keeps in buckets, in the contract's sense.

    >>> buckets({"input": 86, "input_cached_tokens": 17817, "output": 188, "total": 18091}).input_tokens
    17903
    >>> buckets({"input": 100, "cache_read_input_tokens": 80, "output": 5, "total": 105}).input_tokens
    100
    """
    if "prompt_tokens" in counts or "completion_tokens" in counts:
        return usage(counts)
    asked, said = _those(counts, "input"), _those(counts, "output")
    read = {name: value for name, value in asked.items() if "cache" in name and not _wrote(name)}
    thought = {name: value for name, value in said.items() if "reasoning" in name or "thinking" in name}
    plain = {name: counts.get(name) for name in ("input", "output")}
    if _is_count(counts.get("total")) and counts["total"] == _sum(plain):
        return Usage(plain["input"], plain["output"], _sum(read), _sum(thought))
    return Usage(_sum(asked), _sum(said), _sum(read), _sum(thought))


def _counted(part: Record) -> Usage:
    detailed = record(part.get("usage_details"))
    older = record(part.get("usage"))
    unit = first(older, "unit")
    if not detailed and isinstance(unit, str) and unit != "TOKENS":
        raise Unfit(f"usage.unit: counts {unit[:20]!a} and not tokens; send usage in tokens")
    told = buckets(detailed or older)
    asked = told.input_tokens if told.input_tokens is not None else first(part, "input_usage", "prompt_tokens")
    said = told.output_tokens if told.output_tokens is not None else first(part, "output_usage", "completion_tokens")
    if part.get("level") == _ERROR and asked is None and said is None:
        asked = said = 0
    return replace(told, input_tokens=asked, output_tokens=said)


def _those(counts: Record, word: str) -> Record:
    return {name: value for name, value in counts.items() if word in name and value is not None}


def _wrote(name: str) -> bool:
    return "creation" in name or "write" in name


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _sum(counts: Record) -> object:
    """Return a sum of counts, None of none; a value that is no count is handed on, for its column to refuse."""
    odd = [value for value in counts.values() if not _is_count(value)]
    return odd[0] if odd else sum(counts.values()) if counts else None


def _under(outer: Record, part: Record) -> Record:
    """Return an observation with the user and the session of the trace above it."""
    trace = outer.get("trace")
    above = _plain(trace if isinstance(trace, dict) else outer)
    return part | {
        name: above[name] for name in ("user_id", "session_id") if above.get(name) and not first(_plain(part), name)
    }


def _plain(named: Record) -> Record:
    """Return a record with its names in the spelling of the exports."""
    return {_spelt(name): value for name, value in named.items()}


@functools.lru_cache(1000)
def _spelt(name: str) -> str:
    return _HUMP.sub(r"_\1", name).lower()


def _listed(value: object) -> list[Record]:
    return [item for item in array(value) if isinstance(item, dict)]


def _numbers(wants: Record) -> Record:
    """Return parameters with numbers for the texts that the API keeps them as."""
    texts = {name: value for name, value in wants.items() if isinstance(value, str) and _DECIMAL.fullmatch(value)}
    return wants | {name: float(value) if "." in value else int(value) for name, value in texts.items()}


def _size(value: object) -> int | None:
    value = inner(value)
    return len(value) if isinstance(value, dict | list) else None


def _more(*counts: int | None) -> int | None:
    """Return the larger of two counts of one thing, either of which an export may lack or leave empty."""
    return max((number for number in counts if number is not None), default=None)
