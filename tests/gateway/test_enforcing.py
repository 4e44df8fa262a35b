"""The callback by itself: a gateway that is gone, whose call it is, what of an answer is shown."""

import asyncio
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from spiritsafe.ingest.readers.litellm import organisation
from tests.gateway.process import Gateway

litellm = pytest.importorskip("spiritsafe.gateway.litellm")
GONE = "http://127.0.0.1:9"
USER = SimpleNamespace(api_key="88dc28d0", user_id="u", team_id=None, org_id=None)


@pytest.fixture(scope="module")
def deciding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    limits = '[limits]\naccount_tokens = "100k/d"\n[capture]\nfile_seconds = 1\n'
    with Gateway(tmp_path_factory.mktemp("deciding"), None, limits) as gateway:
        yield gateway


def decide(enforcing: Any, times: int = 1, call_type: str = "acompletion", user: Any = USER) -> dict[str, Any]:
    """Have calls decided, and return the last one's data."""

    async def decided() -> dict[str, Any]:
        data: dict[str, Any] = {}
        try:
            for _ in range(times):
                data = {"model": "m", "messages": [{"role": "user", "content": "a" * 40}], "max_tokens": 7}
                data = await enforcing.async_pre_call_hook(
                    user_api_key_dict=user, cache=None, data=data, call_type=call_type
                )
        finally:
            await enforcing.close()
        return data

    return asyncio.run(decided())


def test_calls_pass_undecided_while_the_gateway_is_gone_and_nobody_waits_for_it() -> None:
    enforcing = litellm.Enforcing(GONE)
    held = decide(enforcing, times=9)["metadata"]["spiritsafe"]
    assert "decision_id" not in held
    assert enforcing._asking.losses == 1
    assert enforcing._asking._failures == 3  # the other six were not even tried


def test_calls_are_refused_instead_where_the_operator_says_so() -> None:
    with pytest.raises(litellm.ProxyException) as caught:
        decide(litellm.Enforcing.of({"SPIRITSAFE_LITELLM_URL": GONE, "SPIRITSAFE_LITELLM_ON_LOSS": "closed"}))
    assert (caught.value.code, caught.value.headers["retry-after"]) == ("503", "1")


def test_a_gateway_that_comes_back_is_found_again(deciding: Gateway) -> None:
    enforcing = litellm.Enforcing(GONE)
    decide(enforcing, times=3)
    enforcing._asking._url, enforcing._asking._again = deciding.url, 0.0
    assert len(decide(enforcing)["metadata"]["spiritsafe"]["decision_id"]) == 24
    assert enforcing._asking._failures == 0


@pytest.mark.parametrize(
    ("org", "team", "user"),
    [("o", "t", "u"), (None, "t", "u"), (None, None, "u"), (None, None, "default_user_id"), (None, None, None)],
)
def test_whose_a_call_is_agrees_with_what_is_read_from_litellms_logs(
    deciding: Gateway, org: str | None, team: str | None, user: str | None
) -> None:
    person = SimpleNamespace(api_key="88dc28d0", user_id=user, team_id=team, org_id=org)
    held = decide(litellm.Enforcing(deciding.url, timeout_s=30.0), user=person)["metadata"]["spiritsafe"]
    logged = {"user_api_key_org_id": org, "user_api_key_team_id": team, "user_api_key_user_id": user}
    assert held["organization_id"] == organisation(logged)
    assert held["account_id"] == held["key_id"] == "88dc28d0"


def test_what_asks_no_model_is_not_decided(deciding: Gateway) -> None:
    assert "spiritsafe" not in decide(litellm.Enforcing(deciding.url), call_type="acreate_file")["metadata"]


def test_a_call_that_is_told_is_captured_and_nonsense_is_not(deciding: Gateway) -> None:
    told = {
        "account_id": "a",
        "path": "/v1/chat/completions",
        "status": 200,
        "started_at": 1_796_000_000_000_000,
        "request": {"model": "m-1", "messages": [{"role": "user", "content": "Describe a spirit safe."}]},
        "response": {"id": "r-77", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
    }
    assert deciding.call("POST", "/v1/captured", told) == (200, {"captured": True})
    content = b"".join(file.read_bytes() for file in (deciding.store / "captured").iterdir())
    row = next(row for row in map(json.loads, content.splitlines()) if row["exchange_id"] == "r-77")
    assert (row["input_tokens"], row["output_tokens"], row["account_id"]) == (3, 4, "a")
    assert b"spirit safe" not in content
    for change in ({"status": 9}, {"account_id": ""}, {"started_at": -1}, {"request": 7}, {"more": 1}):
        assert deciding.call("POST", "/v1/captured", told | change)[0] == 422
    assert deciding.call("POST", "/v1/captured", told, {"x-forwarded-for": "192.0.2.1"})[0] == 403
