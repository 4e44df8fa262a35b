"""``envoy.service.auth.v3.Authorization/Check``: the question of ``/ext_authz/``, over gRPC.

Envoy sends all of a request's headers, not only those that it was told to, so a client's own ``x-spiritsafe-*`` would
come along if the configuration let it through; here they are dropped. Where the client stands is told twice, by the
headers and by the connection that Envoy has, and the connection comes last in the chain: a client's own
``x-forwarded-for`` counts only behind proxies that the operator trusts. What fails here ends the call with an error,
upon which Envoy does what its ``failure_mode_allow`` says.
"""

from typing import Any

from spiritsafe.gateway.asgi import Headers, Problem
from spiritsafe.gateway.authz import Authz
from spiritsafe.gateway.envoy.messages import CheckResponse

__all__ = ["check"]

_OVERWRITE = 2
"""``HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD``."""
_PERMISSION_DENIED = 7
_PLAIN = {"", "identity"}
_CLAIMED = "x-spiritsafe-"
_FORWARDED = b"x-forwarded-for"


async def check(authz: Authz, asked: Any, peer: str | None) -> Any:
    """Return the answer to one question.

    Args:
        authz: decides.
        asked: a ``CheckRequest``.
        peer: Envoy's address.
    """
    attributes = asked.attributes
    http = attributes.request.http
    try:
        headers = _headers(http.headers, attributes.source.address.socket_address.address)
        return _passed(await authz.passed(headers, peer, http.raw_body or http.body.encode()))
    except Problem as problem:
        return _stopped(problem)


def _headers(told: Any, source: str) -> Headers:
    """Return a request's headers as HTTP would have told them.

    Raises:
        Problem: 415 for a body that would have to be inflated to be seen.
    """
    for entry in told:
        if entry.key == "content-encoding" and entry.value.strip().lower() not in _PLAIN:
            raise Problem(415, "Compressed request bodies are not taken; send it as it is.")
    kept = [
        (entry.key.encode(), entry.value.encode("utf-8", "surrogateescape"))
        for entry in told
        if not entry.key.startswith((_CLAIMED, ":"))
    ]
    return [*kept, (_FORWARDED, source.encode())] if source else kept


def _passed(headers: Headers) -> Any:
    answer = CheckResponse()
    answer.status.code = 0
    _put(answer.ok_response.headers, headers)
    return answer


def _stopped(problem: Problem) -> Any:
    answer = CheckResponse()
    answer.status.code = _PERMISSION_DENIED
    denied = answer.denied_response
    denied.status.code, denied.body = problem.status, problem.body().decode()
    _put(denied.headers, [(b"content-type", b"application/problem+json"), *problem.headers])
    return answer


def _put(place: Any, headers: Headers) -> None:
    for name, value in headers:
        option = place.add(append_action=_OVERWRITE)
        option.header.key, option.header.value = name.decode(), value.decode("ascii")  # raw_value is not looked at
