"""Messages are counted on the wire as they would be made."""

from typing import Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError, Message
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spiritsafe.ingest.readers import READERS, Format, protobuf
from spiritsafe.ingest.readers.protobuf import messages

EXAMPLE = READERS[Format.OTLP_PROTOBUF].examples()[0]


def _made(message: Message) -> int:
    """Count the messages below one that was decoded."""
    below: list[Any] = []
    for field, value in message.ListFields():
        if field.message_type is not None:
            below += [value] if isinstance(value, Message) else list(value)
    return len(below) + sum(map(_made, below))


def test_an_example_holds_what_its_decoder_makes() -> None:
    assert messages(EXAMPLE) == _made(ExportTraceServiceRequest.FromString(EXAMPLE)) > 100


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(EXAMPLE) - 1), st.integers(0, 255), st.booleans())
def test_what_decodes_is_never_undercounted(at: int, byte: int, cut: bool) -> None:
    """But for what is refused unseen: groups, which no exporter writes."""
    data = EXAMPLE[:at] + bytes([byte]) + (b"" if cut else EXAMPLE[at + 1 :])
    try:
        made = _made(ExportTraceServiceRequest.FromString(data))
    except DecodeError:
        return
    count = messages(data)
    assert count is None or count >= made


@pytest.mark.parametrize("field", [b"\x0a", b"\x12", b"\x0a\x02\x12", b"\x12\x02\x4a"])
def test_a_crowd_is_not_counted_to_its_end(field: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf, "MOST_MESSAGES", 1_000)
    inner = (field + b"\0") * 5_000
    scope = b"\x12" + _varint(len(inner)) + inner
    request = b"\x0a" + _varint(len(scope)) + scope
    assert messages(request) == 1_001
    ExportTraceServiceRequest.FromString(request)


@pytest.mark.parametrize("data", [b"\x0b\x0c", b"\x0a\x03\x12\x05\x00", b"\x0a\xff", b"\xff" * 11, b"\x0f"])
def test_what_no_exporter_writes_is_none(data: bytes) -> None:
    assert messages(data) is None


def _varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def test_every_message_of_the_table_has_a_row() -> None:
    assert set(np.unique(protobuf._TABLE).tolist()) <= {-1, *range(len(protobuf._TABLE))}
