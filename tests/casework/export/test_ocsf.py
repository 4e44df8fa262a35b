"""OCSF events: valid under the published schema, true to the findings, the same each time."""

import json
from functools import cache
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from spiritsafe.casework.export.ocsf import OCSF_VERSION, events
from spiritsafe.model.findings import AccountFinding, Findings, Scanned
from spiritsafe.model.words import Family, Tier
from tests.casework.scans import HOSTILE, campaign, strong_evidence, weigh

HARMLESS = HOSTILE.replace("\ud800", "")  # which JSON cannot hold


def findings(*, tier: Tier = Tier.CONFIRMED, name: str = "acct") -> Findings:
    evidence, accounts = strong_evidence(), [f"{name}-{n}" for n in range(12)]
    own = [weigh("own_hours", Family.TIMING, 2.0, 0.01, "Its hours on 4 of 4 days.")]
    members = [
        AccountFinding(account_id=account, tier=tier, score_bits=2.0, campaign="c-1", evidence=own)
        for account in accounts[:-1]
    ]
    loner = AccountFinding(account_id=f"{name}-alone", tier=Tier.SUSPECTED, score_bits=2.0, campaign=None, evidence=own)
    return Findings(
        version="0.1.0",
        config_digest="0123456789abcdef",
        scanned=Scanned(
            exchanges=10_000,
            accounts=500,
            from_="2025-05-01T00:00:00Z",
            to="2025-06-15T00:00:00.250000Z",
            quarantined=0,
        ),
        campaigns=[campaign("c-1", tier, accounts, evidence)],
        accounts=[*members, loner],
    )


def told(given: Findings) -> list[dict[str, Any]]:
    """The events as a consumer parses them."""
    return [json.loads(msgspec.json.encode(event)) for event in events(given)]


@cache
def schema() -> Draft202012Validator:
    """The published schema of the class, every object closed and every enumeration checked."""
    made = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=OCSF_VERSION))
    return Draft202012Validator(made.get_class_schema("detection_finding", profiles=[]))


@pytest.mark.parametrize("tier", list(Tier))
def test_events_are_valid(tier: Tier) -> None:
    for event in told(findings(tier=tier)):
        assert [f"{error.json_path}: {error.message}" for error in schema().iter_errors(event)] == []


def test_the_validator_can_tell() -> None:
    event = told(findings())[0]
    for broken in (event | {"severity_id": 7}, event | {"tier": "confirmed"}, event | {"time": "now"}):
        assert not schema().is_valid(broken)
    assert not schema().is_valid({name: value for name, value in event.items() if name != "finding_info"})


def test_captions_are_those_of_the_ids() -> None:
    """A sibling's text is the caption that the schema gives the number."""
    classes = get_ocsf_schema(version=OCSF_VERSION)["classes"]["detection_finding"]["attributes"]
    for tier in Tier:
        for event in told(findings(tier=tier)):
            for name in ("severity", "confidence", "status"):
                assert classes[f"{name}_id"]["enum"][str(event[f"{name}_id"])]["caption"] == event[name]


def test_an_event_per_campaign_and_per_account_alone() -> None:
    first, second = told(findings())
    assert [item["metadata"]["event_code"] for item in (first, second)] == ["campaign", "account"]
    assert first["finding_info"]["uid"] == "c-1"
    assert len(first["evidences"]) == len(first["observables"]) == 12
    assert [item["value"] for item in second["observables"]] == ["acct-alone"]
    assert [item["actor"]["user"]["uid"] for item in second["evidences"]] == ["acct-alone"]


def test_numbers_are_the_findings() -> None:
    given = findings()
    event = told(given)[0]
    unmapped = event["unmapped"]
    assert unmapped["score_bits"] == given.campaigns[0].score_bits
    assert round(sum(item["weight_bits"] for item in unmapped["evidence"]), 6) == unmapped["score_bits"]
    assert unmapped["evidence"] == msgspec.to_builtins(given.campaigns[0].evidence)
    assert event["evidences"][0]["data"]["score_bits"] == 2.0
    assert "data" not in event["evidences"][-1]  # the member of which the findings say nothing
    assert event["finding_info"]["related_events_count"] == given.campaigns[0].exchanges
    assert event["confidence_score"] == 100


def test_time_is_the_end_of_what_was_scanned() -> None:
    event = told(findings())[0]
    assert event["time"] == 1_749_945_600_250
    assert event["start_time"] <= event["end_time"]


@pytest.mark.parametrize(("tier", "alert"), [(Tier.LINKED, False), (Tier.SUSPECTED, True), (Tier.CONFIRMED, True)])
def test_a_linked_group_alerts_nobody(tier: Tier, alert: bool) -> None:
    event = told(findings(tier=tier))[0]
    assert event["is_alert"] is alert
    assert (event["severity"] == "Informational") is not alert


def test_the_same_findings_are_the_same_events_and_others_are_not() -> None:
    assert told(findings()) == told(findings())
    uids = [event["metadata"]["uid"] for event in told(findings())]
    later = msgspec.structs.replace(
        findings(), scanned=msgspec.structs.replace(findings().scanned, to="2025-06-16T00:00:00Z")
    )
    assert not set(uids) & {event["metadata"]["uid"] for event in told(later)}
    assert len(set(uids)) == len(uids)


def test_an_account_stands_where_accounts_stand_and_nowhere_else() -> None:
    given = findings(name="unheard-of")
    assert json.dumps(told(given)).count("unheard-of") == 2 * 12 + 3  # members twice; the loner in its id as well


def test_hostile_ids_stay_data() -> None:
    for event in told(findings(name=HARMLESS)):
        assert [error.message for error in schema().iter_errors(event)] == []
        assert event["observables"][0]["value"].startswith(HARMLESS)


def test_nothing_found_is_no_event() -> None:
    nothing = Scanned(exchanges=0, accounts=0, from_=None, to=None, quarantined=0)
    assert told(Findings(version="0", config_digest="0", scanned=nothing, campaigns=[], accounts=[])) == []
