"""A key is told by its hash and shown nowhere; what is no lasting key tells nobody apart."""

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.ingest.readers.apikeys import hashed, key_hash, opaque, without_keys

KEY = "sk-proj-0123456789abcdefABCDEF"
HASH = hashlib.sha256(KEY.encode()).hexdigest()


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {KEY} "},
        {"authorization": KEY},
        {"x-api-key": KEY},
        {"api-key": KEY},
        {"authorization": "Bearer ***", "x-api-key": KEY},
    ],
)
def test_one_key_has_one_hash_in_every_header(headers: dict[str, str]) -> None:
    assert key_hash(headers) == HASH


@pytest.mark.parametrize(
    "value",
    [
        "Bearer ***",
        "Bearer ****************abcd",
        "Bearer sk-...wxyz0123456789",
        "Bearer sk-proj-0123\u2026cdef0123",
        "Bearer [REDACTED_BY_LOGGER]",
        "Bearer <your-api-key-goes-here>",
        "REDACTED-REDACTED-REDACTED",
        "Bearer XXXXXXXXXXXXXXXXXXXXXXXX",
        "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
        "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/bedrock/aws4_request, Signature=0f",
        "Bearer short",
        "",
        7,
        None,
    ],
)
def test_what_is_no_lasting_key_gives_no_account(value: object) -> None:
    assert key_hash({"authorization": value}) is None


def test_a_key_given_as_an_id_is_hashed_too() -> None:
    assert opaque(KEY) == opaque(f"Bearer {KEY}") == HASH == hashed(KEY)
    assert opaque("org-1") == "org-1"
    assert opaque(7) == 7


RECORDS: list[dict[str, object]] = [
    {"request": {"headers": {"Authorization": f"Bearer {KEY}", "X-Api-Key": "another-secret-value"}}},
    {"request": {"headers": [{"name": "x-api-key", "value": "another-secret-value"}]}},
    {"request": {"headers": [{"value": "another-secret-value", "name": "API-Key"}]}},
    {"headers": json.dumps({"authorization": "another-secret-value", "cookie": f"a={KEY}"})},
    {"api_key": "another-secret-value", "note": f"sent with {KEY}"},
    {"message": "POST / HTTP/1.1\r\nAuthorization: Basic another-secret-value\r\n\r\n"},
    {"headers": [["X-API-Key", "another-secret-value"]], "api_key": None},
    {"headers": {"Authorization": ["another-secret-value"]}},
    {"attributes": [{"key": "http.request.header.authorization", "value": {"stringValue": "another-secret-value"}}]},
    {
        "a": [
            {
                "key": "http.request.header.x-api-key",
                "value": {"arrayValue": {"values": [{"stringValue": "another-secret-value"}]}},
            }
        ]
    },
    {"a": [{"value": {"stringValue": "another-secret-value"}, "key": "http.request.header.api-key"}]},
    {"attributes": {"http.request.header.authorization": ["another-secret-value"]}},
    {"headers": json.dumps({"inner": json.dumps({"x-api-key": "another-secret-value"})})},
]


@pytest.mark.parametrize("record", RECORDS, ids=range(len(RECORDS)))
@pytest.mark.parametrize("cut", [False, True])
def test_no_key_is_left_in_a_record_that_is_set_aside(record: dict[str, object], cut: bool) -> None:
    text = json.dumps({"before": 1, **record, "after": "kept"})
    told = without_keys(text[:-3] if cut else text)
    slashed = without_keys(text.replace("another-secret", "other\\\\/\\\\u00e9another-secret"))
    assert "another-secret" not in slashed
    assert "another-secret" not in told
    assert "0123456789" not in told
    assert '"before": 1' in told
    assert "kep" in told
    if not cut:
        assert json.loads(told).keys() == json.loads(text).keys()


NAMES = st.sampled_from(["authorization", "api_key", "cookie", "name", "value", "x"])
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
)


@settings(deadline=None)
@given(JSON, st.integers(0, 2))
def test_what_was_json_stays_json(record: object, wrapped: int) -> None:
    for _ in range(wrapped):
        record = {"value": json.dumps(record)}
    told = json.loads(without_keys(json.dumps(record)))
    assert type(told) is type(record)


@pytest.mark.parametrize("name", ["value", "authorization", "cookie"])
@pytest.mark.parametrize("inside", ["a", "\\\\a", "a "])
def test_a_long_value_takes_no_time_to_speak_of(name: str, inside: str) -> None:
    """Were a pattern to try every way to divide a value, the end of the test would not be seen."""
    for around in ('"%s": "%s"', '"%s": "%s', "%s: %s", '["%s", "%s", "name"'):
        told = without_keys(around % (name, inside * 3_000))
        assert (inside * 99 in told) == (name == "value")
