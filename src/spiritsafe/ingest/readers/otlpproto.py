"""OTLP protobuf: traces as one ExportTraceServiceRequest, or as many with their lengths before them.

The collector's file exporter writes four bytes of length before each message, protobuf's own tools a varint, and
a request that was kept from the wire has neither; that one is read a resource at a time, so that its size needs no
memory. The messages' classes come from OpenTelemetry's own package, which is an extra. Sources:
https://opentelemetry.io/docs/specs/otlp/, https://protobuf.dev/programming-guides/encoding/,
https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/exporter/fileexporter.
"""

import base64
import copy
import re
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader
from typing import Any

from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.readers import genai
from spiritsafe.ingest.readers.apikeys import NAMES, TOLD
from spiritsafe.ingest.readers.content import metered, opened
from spiritsafe.ingest.readers.otlp import EXAMPLE, Otlp
from spiritsafe.ingest.readers.records import RecordReader, Turn
from spiritsafe.ingest.sources import Source
from spiritsafe.model.errors import InputError
from spiritsafe.wire.objects import Record
from spiritsafe.wire.unfit import Unfit

__all__ = ["OtlpProtoReader", "looks_like_otlp"]

_RESOURCE = b"\x0a"  # field 1, length-delimited: all that a request consists of
_SPAN_BEGINS = re.compile(rb"\x0a\x10[\s\S]{16}\x12\x08")
"""A trace id of sixteen bytes and a span id of eight, with their tags; no text holds the first two bytes."""
_AFTER_NAME = re.compile(NAMES + rb"(?:[\x00-\x1f][\s\S]{1,3}){1,6}?(?P<secret>[\x20-\x7e]{8,})")
"""A value behind a secret's name: between them stand tags and lengths, of four bytes at most."""
_PREFIX, _MOST_VARINT = 4, 5
_TURN = 4 << 20  # decoded, a request takes many times its size

Classes = tuple[Callable[[bytes], Any], type[Exception]]


def looks_like_otlp(start: bytes) -> bool:
    """Tell a file by its first bytes: a request, with or without a length before it, and a span's ids."""
    begins = start.startswith(_RESOURCE) or _RESOURCE in start[1 : _PREFIX + 1]
    return begins and _SPAN_BEGINS.search(start) is not None


class _Spans(Otlp):
    """Spans of a decoded request."""

    def examples(self) -> tuple[bytes, ...]:
        """Return a request as such, and two with each kind of length; the JSON encoding's example, encoded."""
        from google.protobuf import json_format  # noqa: PLC0415 - an extra

        decode, _ = _classes("the example")
        message = json_format.ParseDict(_base64_ids(EXAMPLE), decode(b""))
        bare = bytes(message.SerializeToString())
        other = bare.replace(b"chatcmpl-1", b"chatcmpl-2")
        fixed = b"".join(len(item).to_bytes(_PREFIX, "big") + item for item in (bare, other))
        return (bare, fixed, b"".join(_varint(len(item)) + item for item in (bare, other)))

    def recognises(self, record: Record) -> bool:  # noqa: ARG002 - whatever it holds
        """Return False: no text is of this encoding."""
        return False

    def kept(self, given: object) -> object:
        """Return a span without its keys; of a request that does not decode, its bytes without what follows a name."""
        if not isinstance(given, str):
            return super().kept(given)
        data = given.encode("utf-8", "surrogateescape")
        parts, at = [], 0
        for found in _AFTER_NAME.finditer(data.lower()):
            parts += [data[at : found.start("secret")], TOLD]
            at = found.end("secret")
        return super().kept(b"".join([*parts, data[at:]]).decode("utf-8", "surrogateescape"))

    def parts(self, record: Record) -> Iterator[Record]:
        """Yield the spans; those that say nothing of a model are empty."""
        for resource in record["request"].resource_spans:
            about = _plain(resource.resource.attributes)
            for scope in resource.scope_spans:
                for span in scope.spans:
                    names = [item.key for item in span.attributes]
                    yield _neutral(span, about) if genai.is_genai(names) else {}


class OtlpProtoReader(RecordReader):
    """Reads OTLP protobuf."""

    def __init__(self) -> None:
        super().__init__(_Spans())

    def turns(self, source: Source, limits: Limits) -> Iterator[Turn]:
        """Yield the file's requests, decoded, some at a time."""
        decode, error = _classes(source.name)
        with opened(source, limits) as content:
            turn: list[tuple[object, Record | Unfit]] = []
            held = 0
            for request in _requests(content, limits, source.name):
                turn.append((request, _decoded(request, decode, error)))
                held += len(request)
                if held >= min(_TURN, limits.batch_bytes):
                    metered(content, source)
                    yield turn
                    turn, held = [], 0
            metered(content, source)
            yield turn


def _classes(file: str) -> Classes:
    try:
        from google.protobuf.message import DecodeError  # noqa: PLC0415 - an extra
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InputError(
            "the file is OTLP protobuf, and the package that reads it is not installed",
            file=file,
            hint="pip install 'spiritsafe[otlp]', or have the collector write JSON.",
        ) from error
    return trace_service_pb2.ExportTraceServiceRequest.FromString, DecodeError


def _decoded(request: bytes, decode: Callable[[bytes], Any], error: type[Exception]) -> Record | Unfit:
    from spiritsafe.ingest.readers.protobuf import MOST_MESSAGES, messages  # noqa: PLC0415 - loads the compiler

    count = messages(request)
    if count is not None and count > MOST_MESSAGES:
        return Unfit(f"is a request of more than {MOST_MESSAGES} messages; have the collector export smaller batches")
    try:
        if count is not None:
            return {"request": decode(request)}
    except error:
        pass
    return Unfit("is no ExportTraceServiceRequest: the protobuf does not decode")


def _requests(content: BufferedReader, limits: Limits, file: str) -> Iterator[bytes]:
    """Yield every request; of one without a length before it, every resource as a request."""
    head = content.peek(_PREFIX)[:_PREFIX]
    bare = head.startswith(_RESOURCE)
    fixed = int.from_bytes(head, "big") <= limits.record_bytes
    length_of = _resource if bare else _fixed if fixed else _read_varint
    while (length := length_of(content, file)) is not None:
        if length > limits.record_bytes:
            raise InputError(
                f"a record is longer than {limits.record_bytes} bytes",
                file=file,
                hint="Have the collector export smaller batches.",
            )
        data = content.read(length)
        if len(data) < length:
            raise _damaged(file)
        yield _RESOURCE + _varint(length) + data if bare else data


def _damaged(file: str) -> InputError:
    return InputError("the protobuf data is damaged or cut off", file=file, hint="Copy or export the file again.")


def _resource(content: BufferedReader, file: str) -> int | None:
    """Return the length of the next resource of a bare request, None at the end of the file."""
    tag = content.read(1)
    length = _read_varint(content, file) if tag == _RESOURCE else None
    if tag and length is None:
        raise _damaged(file)
    return length


def _fixed(content: BufferedReader, file: str) -> int | None:
    """Return the next four bytes as a length, None at the end of the file."""
    prefix = content.read(_PREFIX)
    if prefix and len(prefix) < _PREFIX:
        raise _damaged(file)
    return int.from_bytes(prefix, "big") if prefix else None


def _read_varint(content: BufferedReader, file: str) -> int | None:
    """Return the next varint as a length, None at the end of the file."""
    value = 0
    for at in range(_MOST_VARINT):
        byte = content.read(1)
        if not byte and at == 0:
            return None
        if not byte:
            break
        value |= (byte[0] & 0x7F) << (7 * at)
        if byte[0] < 0x80:
            return value
    raise _damaged(file)


def _varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _neutral(span: Any, about: Record) -> Record:
    return {
        "attributes": _plain(span.attributes),
        "resource": about,
        "start": span.start_time_unix_nano,
        "end": span.end_time_unix_nano,
        "trace": span.trace_id.hex(),
        "span": span.span_id.hex(),
        "status": span.status.code,
        "events": [{"name": event.name, "attributes": _plain(event.attributes)} for event in span.events],
    }


def _plain(pairs: Iterable[Any]) -> Record:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _plain(value.kvlist_value.values)
    return getattr(value, kind) if kind else None


def _base64_ids(example: Record) -> Record:
    """Return the example with ids as protobuf's own JSON writes bytes; OTLP JSON writes them in hexadecimal."""
    changed = copy.deepcopy(example)
    for span in changed["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in ("traceId", "spanId"):
            span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return changed
