"""One gateway, and one model behind it, for all tests of a process; each test has accounts of its own."""

import json
from collections.abc import Iterator
from hashlib import sha256

import pytest

from spiritsafe.model.words import Step, Subject
from spiritsafe.policy.file import encode
from spiritsafe.policy.lines import Rows
from tests.gateway.model_server import ModelServer
from tests.gateway.process import KEYS, Gateway

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
        steps = {
            "withheld": Step.WITHHOLD,
            "marked": Step.WATERMARK,
            "blocked": Step.STEP_UP,
            "limited": Step.RATE_LIMIT,
        }
        lines = [
            Rows(
                subject=Subject.ACCOUNT,
                ids=(name,),
                step=step,
                requests="2/d" if step is Step.RATE_LIMIT else None,
                reason="a test",
                case="case-7",
                version=1,
                expires_at="2036-01-01T00:00:00Z",
            )
            for name, step in steps.items()
        ]
        policy = encode(lines, version=1, created_at="2026-01-01T00:00:00Z")
        assert gateway.call("POST", "/admin/policy", policy)[0] == 200
        yield gateway
