"""One gateway, and one model behind it, for all tests of a process; each test has accounts of its own."""

import json
from collections.abc import Iterator
from hashlib import sha256

import pytest

from tests.gateway.model_server import ModelServer
from tests.gateway.process import KEYS, Gateway, answers

SETTINGS = """
[gateway]
appeal = "https://example.com/appeal"
keys = "{keys}"
silence_s = 2

[limits]
account_requests = "50/d"
account_tokens = "100k/d"

[capture]
file_seconds = 1
"""


@pytest.fixture(scope="session")
def model() -> Iterator[ModelServer]:
    with ModelServer() as model:
        yield model


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Gateway]:
    place = tmp_path_factory.mktemp("gateway")
    rows = [
        {"key_sha256": sha256(key.encode()).hexdigest(), "account_id": name, "organization_id": f"o-{name}"}
        for name, key in KEYS.items()
    ]
    (place / "keys.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with Gateway(place, model.url, SETTINGS.format(keys=place / "keys.jsonl")) as gateway:
        assert gateway.call("POST", "/admin/policy", answers(str))[0] == 200
        yield gateway
