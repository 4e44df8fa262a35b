"""What passes to the model, and every way around the list that does not."""

import pytest

from spiritsafe.gateway.proxy.routes import Dialect, route_of


@pytest.mark.parametrize(
    ("method", "path", "dialect"),
    [
        ("POST", "/v1/chat/completions", Dialect.CHAT),
        ("POST", "/v1/completions", Dialect.COMPLETIONS),
        ("POST", "/v1/responses", Dialect.RESPONSES),
        ("POST", "/v1/embeddings", Dialect.EMBEDDINGS),
        ("POST", "/v1/messages", Dialect.MESSAGES),
        ("POST", "/v1/messages/count_tokens", Dialect.PLAIN),
        ("GET", "/v1/models", Dialect.PLAIN),
        ("GET", "/v1/models/gpt-4o:2024", Dialect.PLAIN),
        ("GET", "/v1/models/org/model", Dialect.PLAIN),
        ("GET", "/v1/responses/resp_1", Dialect.RESPONSES),
    ],
)
def test_what_the_clients_call_passes(method: str, path: str, dialect: Dialect) -> None:
    route = route_of(method, path.encode())
    assert route is not None
    assert route.dialect is dialect


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/chat/completions/", "//v1/chat/completions", "/v1//chat/completions", "/V1/chat/completions"),
        *("/v1/chat%2fcompletions", "/v1/chat/./completions", "/v1/x/../chat/completions", "/v1/chat/completions;a=b"),
        *("/v1/files", "/v1/fine_tuning/jobs", "/admin", "/", "", "/v1/models/../files", "/v1/models/..%2ffiles"),
        *(
            "/v1/chat/completions\x00",
            "/v1/chat/completions ",
            "/v1/chat\\completions",
            "/v1/models/a/b/c",
            "/v1/models/",
        ),
    ],
)
def test_nothing_else_does(path: str) -> None:
    assert route_of("POST", path.encode()) is None
    assert route_of("GET", path.encode()) is None


def test_a_method_that_is_not_the_routes_does_not_pass() -> None:
    assert route_of("GET", b"/v1/messages") is None
    assert route_of("TRACE", b"/v1/models") is None
