"""One gateway that only decides, which trusts the Envoys before it; each test has accounts of its own."""

import json
from collections.abc import Iterator
from hashlib import sha256

import pytest

from spiritsafe.model.words import Step, Subject
from spiritsafe.policy.file import encode
from spiritsafe.policy.lines import Rows
from tests.gateway.envoy.servers import free_port
from tests.gateway.process import Gateway

GRPC = free_port()
NAMES = (
    *("free", "blocked", "spoofer", "models", "streams", "asked", "left", "withheld"),
    *("limited-http", "limited-grpc", "capped-http", "capped-grpc"),
)
KEYS = {name: f"sk-{name}-0123456789abcdef" for name in NAMES}
SETTINGS = """
[gateway]
appeal = "https://example.com/appeal"
keys = "{keys}"
trusted_peers = ["127.0.0.1"]
grpc_port = {grpc}

[limits]
account_tokens = "1000k/d"
"""


@pytest.fixture(scope="module")
def decider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    place = tmp_path_factory.mktemp("decider")
    rows = [{"key_sha256": sha256(key.encode()).hexdigest(), "account_id": name} for name, key in KEYS.items()]
    (place / "keys.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with Gateway(place, None, SETTINGS.format(keys=place / "keys.jsonl", grpc=GRPC)) as gateway:
        steps = {"blocked": Step.STEP_UP, "withheld": Step.WITHHOLD}
        steps |= dict.fromkeys(NAMES[-4:], Step.RATE_LIMIT)
        told = [(Subject.ACCOUNT, name, step) for name, step in steps.items()]
        told.append((Subject.PREFIX, "127.0.0.66/32", Step.STEP_UP))
        lines = [
            Rows(
                subject=subject,
                ids=(name,),
                step=step,
                requests="2/d" if name.startswith("limited") else None,
                tokens="8000/d" if name.startswith("capped") else None,
                reason="a test",
                case="case-7",
                version=1,
                expires_at="2036-01-01T00:00:00Z",
            )
            for subject, name, step in told
        ]
        policy = encode(lines, version=1, created_at="2026-01-01T00:00:00Z")
        status, said = gateway.call("POST", "/admin/policy", policy)
        assert status == 200, said
        yield gateway
