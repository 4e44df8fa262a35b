"""The operator's routes: who may use them, what they take, what they say."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from spiritsafe.cli.main import main
from spiritsafe.model.epochs import Epochs
from spiritsafe.model.settings import PrivacySettings
from spiritsafe.model.words import Step, Subject, TraitKind
from spiritsafe.policy.file import encode
from spiritsafe.policy.lines import Rows, Trait
from spiritsafe.privacy.keys import MasterKey, Purpose
from spiritsafe.privacy.pseudonyms import Pseudonymiser
from tests.gateway.process import Gateway, eventually

GUARDED = [
    ("POST", "/v1/decide"),
    ("POST", "/v1/settle"),
    ("POST", "/v1/signup"),
    ("GET", "/admin/policy"),
    ("POST", "/admin/policy"),
    ("POST", "/admin/policy/undo"),
    ("GET", "/metrics"),
]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that only decides, with a token."""
    place = tmp_path_factory.mktemp("alone")
    (place / "token").write_text("s3cret-of-the-operator\n")
    (place / "token").chmod(0o600)
    lines = ("[gateway]", f'token_file = "{place / "token"}"', "head_s = 1")
    limits = ("[limits]", 'account_requests = "3/d"', 'account_tokens = "1000/d"')
    with Gateway(place, settings="\n".join([*lines, *limits])) as gateway:
        yield gateway


TOKEN = {"authorization": "Bearer s3cret-of-the-operator"}


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("shown", [{}, {"authorization": "Bearer other"}, {"authorization": "s3cret-of-the-operator"}])
def test_without_the_token_nobody_passes(alone: Gateway, method: str, path: str, shown: dict[str, str]) -> None:
    status, told = alone.call(method, path, {} if method == "POST" else None, shown)
    assert (status, told["title"]) == (401, "This route needs the operator's token.")


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
def test_what_a_proxy_passed_on_is_not_from_this_machine(gateway: Gateway, method: str, path: str, header: str) -> None:
    status, _ = gateway.call(method, path, {} if method == "POST" else None, {header: "127.0.0.1"})
    assert status == 403


def test_a_decision_and_its_settlement(alone: Gateway) -> None:
    asked = {"account_id": "a-1", "organization_id": "o-1", "input_tokens": 100, "max_tokens": 50}
    status, first = alone.call("POST", "/v1/decide", asked, TOKEN)
    assert (status, first["action"], first["retry_after"]) == (200, "allow", None)
    used = {"decision_id": first["decision_id"], "account_id": "a-1", "organization_id": "o-1", "input_tokens": 900}
    assert alone.call("POST", "/v1/settle", used, TOKEN) == (200, {"settled": True})
    assert alone.call("POST", "/v1/settle", used, TOKEN)[0] == 404
    status, second = alone.call("POST", "/v1/decide", {**asked, "input_tokens": 200}, TOKEN)
    assert second["action"] == "rate_limit"
    assert 1 <= second["retry_after"] <= 86_400
    eventually(lambda: any(one["decision_id"] == second["decision_id"] for one in alone.receipts()))


def test_a_request_that_never_reached_the_model_costs_nothing(alone: Gateway) -> None:
    for _ in range(9):
        told = alone.call("POST", "/v1/decide", {"account_id": "a-2", "input_tokens": 900}, TOKEN)[1]
        assert told["action"] == "allow"
        used = {"decision_id": told["decision_id"], "account_id": "a-2", "reached": False}
        assert alone.call("POST", "/v1/settle", used, TOKEN)[0] == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"account_id": 7}', b'{"account_id": ""}', b'{"account_id": "a", "input_tokens": -1}', b"\xff",
     b'{"account_id": "a", "max_tokens": 1e400}', b"[" * 9_000, b'{"account_id": "' + b"a" * 20_000 + b'"}'],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/decide", "/v1/settle", "/v1/signup"])
def test_what_is_no_question_is_refused(alone: Gateway, path: str, body: bytes) -> None:
    status, told = alone.call("POST", path, body, TOKEN)
    assert status in {413, 422} or (path == "/v1/signup" and status == 200)
    assert "aaaa" not in told.get("title", "")


def test_a_compressed_body_is_not_inflated(alone: Gateway) -> None:
    assert alone.call("POST", "/v1/decide", b"\x1f\x8b", {**TOKEN, "content-encoding": "gzip"})[0] == 415


def test_a_body_that_does_not_come_is_not_waited_for(alone: Gateway) -> None:
    host, port = alone.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.settimeout(30)
        lines = (
            "POST /v1/decide HTTP/1.1",
            "host: a",
            f"authorization: {TOKEN['authorization']}",
            "content-length: 9",
            "",
            "{",
        )
        client.sendall("\r\n".join(lines).encode())
        assert client.recv(65_536).startswith(b"HTTP/1.1 408 ")


def test_a_policy_is_pushed_shown_and_undone(alone: Gateway) -> None:
    row = Rows(
        subject=Subject.ACCOUNT,
        ids=("a-9",),
        step=Step.STEP_UP,
        reason="r",
        version=1,
        expires_at="2036-01-01T00:00:00Z",
    )
    for version in (1, 2):
        content = encode([row] if version == 1 else [], version=version, created_at="2026-01-01T00:00:00Z")
        assert alone.call("POST", "/admin/policy", content, TOKEN)[1]["version"] == version
        action = alone.call("POST", "/v1/decide", {"account_id": "a-9"}, TOKEN)[1]["action"]
        assert action == ("step_up" if version == 1 else "allow")
    assert alone.call("POST", "/admin/policy", content, TOKEN)[0] == 409
    assert alone.call("POST", "/admin/policy", b"{}\n", TOKEN)[0] == 422
    assert alone.call("POST", "/admin/policy/undo", {}, TOKEN)[0] == 422
    assert alone.call("POST", "/admin/policy/undo", {"reason": "too early"}, TOKEN)[1]["version"] == 1
    assert alone.call("POST", "/v1/decide", {"account_id": "a-9"}, TOKEN)[1]["action"] == "step_up"


def test_what_a_shadow_row_would_have_done_leaves_a_receipt(alone: Gateway) -> None:
    expiry = "2036-01-01T00:00:00Z"
    row = Rows(
        subject=Subject.ACCOUNT, ids=("a-7",), step=Step.STEP_UP, reason="r", version=3, expires_at=expiry, shadow=True
    )
    content = encode([row], version=3, created_at="2026-01-01T00:00:00Z")
    assert alone.call("POST", "/admin/policy", content, TOKEN)[0] == 200
    told = alone.call("POST", "/v1/decide", {"account_id": "a-7"}, TOKEN)[1]
    assert (told["action"], told["shadow"]) == ("allow", "step_up")
    eventually(lambda: any(one["decision_id"] == told["decision_id"] for one in alone.receipts()))


def test_a_suspension_needs_an_operators_signature(alone: Gateway) -> None:
    row = Rows(
        subject=Subject.ACCOUNT,
        ids=("a-8",),
        step=Step.SUSPEND,
        reason="r",
        version=9,
        expires_at="2036-01-01T00:00:00Z",
    )
    status, told = alone.call(
        "POST", "/admin/policy", encode([row], version=9, created_at="2026-01-01T00:00:00Z"), TOKEN
    )
    assert status == 422
    assert "suspend" in told["title"]


def test_a_new_account_that_shares_a_card_with_a_campaign_has_to_be_verified(alone: Gateway) -> None:
    master = MasterKey((alone.store / "keys" / "master.key").read_bytes())
    values = {
        kind: pseudonyms(master, kind, raw)
        for kind, raw in ((TraitKind.PAYMENT, "card-1"), (TraitKind.DEVICE, "dev-1"))
    }
    row = Rows(
        subject=Subject.CAMPAIGN,
        ids=("c-1",),
        step=Step.STEP_UP,
        reason="r",
        version=20,
        expires_at="2036-01-01T00:00:00Z",
    )
    traits = [
        Trait(kind=kind, value=value, campaign="c-1", weight_bits=6.0)
        for kind, found in values.items()
        for value in found
    ]
    content = encode([row, *traits], version=20, created_at="2026-01-01T00:00:00Z")
    assert alone.call("POST", "/admin/policy", content, TOKEN)[0] == 200

    def action(**told: str) -> str:
        return str(alone.call("POST", "/v1/signup", {"account_id": "new", **told}, TOKEN)[1]["action"])

    assert action() == "allow"
    assert action(payment_fingerprint="card-1") == "allow"  # one trait is no proof
    assert action(payment_fingerprint="card-1", device_id="dev-1") == "step_up"
    assert action(payment_fingerprint="card-2", device_id="dev-1") == "allow"


def pseudonyms(master: MasterKey, kind: TraitKind, raw: str) -> list[str]:
    told = PrivacySettings()
    made = Pseudonymiser(master, Epochs(told.epoch_days, told.overlap_days))
    _, values = made.values(kind, pa.array([raw]), np.array([time.time_ns() // 1_000]))
    return [value.to_bytes(8, "big", signed=True).hex() for value in values.tolist()]


def test_metrics_tell_what_was_decided(alone: Gateway) -> None:
    too_much = {"account_id": "a-6", "input_tokens": 5_000}
    assert alone.call("POST", "/v1/decide", too_much, TOKEN)[1]["action"] == "rate_limit"
    status, told = alone.call("GET", "/metrics", None, TOKEN)
    assert status == 200
    assert 'spiritsafe_decisions_total{route="decide",action="rate_limit"}' in told["text"]
    for line in told["text"].splitlines():
        assert line.startswith("#") or float(line.rpartition(" ")[2]) >= 0


def test_whoever_is_not_the_operator_sees_only_whether_it_lives(alone: Gateway) -> None:
    assert alone.call("GET", "/healthz") == (200, {"status": "ok"})
    assert alone.call("GET", "/readyz") == (200, {"ready": True})
    assert alone.call("GET", "/v1/chat/completions")[0] == 404
    assert alone.call("DELETE", "/v1/decide")[0] == 404


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('[gateway]\ntrusted_peers = ["10.0.0.0/99"]', "gateway.trusted_peers"),
        ('[limits]\naccount_tokens = "many"', "limits.account_tokens: 'many' is no rate"),
        ('[gateway]\ntoken_file = "nowhere"', "nowhere"),
        ('[gateway]\nkeys = "nowhere"', "nowhere"),
        ("[gateway]\nunknown = 1", "unknown key"),
    ],
)
def test_a_setting_that_is_off_ends_it_before_it_listens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: str, said: str
) -> None:
    (tmp_path / "s.toml").write_text(settings)
    words = ["gateway", "--store", str(tmp_path / "store"), "--port", "0", "--config", str(tmp_path / "s.toml")]
    assert main(words) in {1, 2}
    told = capsys.readouterr().err
    assert said in told
    assert "Listening" not in told


def test_keys_and_decisions_are_not_derived_from_the_same_secret() -> None:
    master = MasterKey(bytes(range(32)))
    assert len({master.subkey(purpose) for purpose in Purpose}) == len(Purpose)
