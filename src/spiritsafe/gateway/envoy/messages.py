"""The few messages of Envoy's API that its two services need, made when they are first imported.

Neither generated nor installed: a package of all of Envoy's messages registers thousands of names, some of them other
packages' too, and protobuf takes a name once. These stand in a pool of their own, under names of our own; what counts
on the wire are the numbers. A field that is not listed is skipped, as protobuf skips fields that it does not know.
Sources: envoy/service/auth/v3/external_auth.proto and attribute_context.proto, envoy/service/ext_proc/v3/
external_processor.proto, envoy/config/core/v3/base.proto and address.proto, envoy/type/v3/http_status.proto,
google/rpc/status.proto.
"""

from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

__all__ = ["CheckRequest", "CheckResponse", "ProcessingRequest", "ProcessingResponse"]

_PACKAGE = "spiritsafe.envoy"
_REPEATED = "*"
_FIELDS: dict[str, dict[str, tuple[int, str]]] = {
    "SocketAddress": {"address": (2, "string"), "port_value": (3, "uint32")},
    "Address": {"socket_address": (1, "SocketAddress")},
    "Peer": {"address": (1, "Address")},
    "Entry": {"key": (1, "string"), "value": (2, "string")},  # what a map<string, string> is on the wire
    "HttpRequest": {
        "method": (2, "string"),
        "headers": (3, "Entry*"),
        "path": (4, "string"),
        "body": (11, "string"),
        "raw_body": (12, "bytes"),
    },
    "Request": {"http": (2, "HttpRequest")},
    "AttributeContext": {"source": (1, "Peer"), "request": (4, "Request")},
    "CheckRequest": {"attributes": (1, "AttributeContext")},
    "Status": {"code": (1, "int32"), "message": (2, "string")},
    "HttpStatus": {"code": (1, "int32")},
    "HeaderValue": {"key": (1, "string"), "value": (2, "string"), "raw_value": (3, "bytes")},
    "HeaderValueOption": {"header": (1, "HeaderValue"), "append_action": (3, "int32")},
    "DeniedHttpResponse": {"status": (1, "HttpStatus"), "headers": (2, "HeaderValueOption*"), "body": (3, "string")},
    "OkHttpResponse": {"headers": (2, "HeaderValueOption*")},
    "CheckResponse": {
        "status": (1, "Status"),
        "denied_response": (2, "DeniedHttpResponse"),
        "ok_response": (3, "OkHttpResponse"),
    },
    "HeaderMap": {"headers": (1, "HeaderValue*")},
    "HttpHeaders": {"headers": (1, "HeaderMap"), "end_of_stream": (3, "bool")},
    "HttpBody": {"body": (1, "bytes"), "end_of_stream": (2, "bool")},
    "HttpTrailers": {"trailers": (1, "HeaderMap")},
    "ProcessingRequest": {
        "request_headers": (2, "HttpHeaders"),
        "response_headers": (3, "HttpHeaders"),
        "request_body": (4, "HttpBody"),
        "response_body": (5, "HttpBody"),
        "request_trailers": (6, "HttpTrailers"),
        "response_trailers": (7, "HttpTrailers"),
        "observability_mode": (10, "bool"),
    },
    "Unchanged": {},  # HeadersResponse, BodyResponse and TrailersResponse that change nothing
    "ProcessingResponse": {
        "request_headers": (1, "Unchanged"),
        "response_headers": (2, "Unchanged"),
        "request_body": (3, "Unchanged"),
        "response_body": (4, "Unchanged"),
        "request_trailers": (5, "Unchanged"),
        "response_trailers": (6, "Unchanged"),
    },
}
_ONE_OF = {"ProcessingRequest": "request"}
"""Message -> name of the choice that its messages are; asked for which one it is."""


def _file() -> FileDescriptorProto:
    file = FileDescriptorProto(name="spiritsafe/envoy.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        if name in _ONE_OF:
            message.oneof_decl.add(name=_ONE_OF[name])
        for field, (number, kind) in fields.items():
            _add(message, field, number, kind)
    return file


def _add(message: Any, name: str, number: int, kind: str) -> None:
    plain = kind.removesuffix(_REPEATED)
    repeated = FieldDescriptorProto.LABEL_REPEATED if plain != kind else FieldDescriptorProto.LABEL_OPTIONAL
    field = message.field.add(name=name, number=number, label=repeated)
    if plain in _FIELDS:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{_PACKAGE}.{plain}"
        if message.name in _ONE_OF:
            field.oneof_index = 0
    else:
        field.type = FieldDescriptorProto.Type.Value(f"TYPE_{plain.upper()}")


_POOL = DescriptorPool()
_POOL.AddSerializedFile(_file().SerializeToString())


def _message(name: str) -> Any:
    return GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


CheckRequest, CheckResponse = _message("CheckRequest"), _message("CheckResponse")
ProcessingRequest, ProcessingResponse = _message("ProcessingRequest"), _message("ProcessingResponse")
