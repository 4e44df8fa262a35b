"""The contract's findings, checked to the letter: names, types, ranges and the sums that must agree."""

import re
from typing import Any

TIERS = ("linked", "suspected", "confirmed")
CAPABILITIES = {
    "reasoning", "agentic", "tool_use", "coding", "data_analysis", "computer_use", "vision", "writing", "translation",
    "other",
}  # fmt: skip
ELICITATION = {"chain_of_thought", "trace_reconstruction", "rubric_grading", "rewriting", "persona", "none"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")


def check_findings(findings: Any) -> None:
    """Fail with the first promise that ``findings`` breaks."""
    _names(findings, "schema version config_digest scanned campaigns accounts")
    assert findings["schema"] == "spiritsafe.findings/1"
    assert all(isinstance(findings[name], str) and findings[name] for name in ("version", "config_digest"))
    _scanned(findings["scanned"])
    for campaign in findings["campaigns"]:
        _campaign(campaign)
    ids = [campaign["id"] for campaign in findings["campaigns"]]
    assert len(set(ids)) == len(ids)
    for account in findings["accounts"]:
        _account(account, set(ids))
    _members_are_listed(findings)


def _scanned(scanned: Any) -> None:
    _names(scanned, "exchanges accounts from to quarantined")
    for name in ("exchanges", "accounts", "quarantined"):
        _count(scanned[name])
    _moment(scanned["from"])
    _moment(scanned["to"])
    assert scanned["from"] <= scanned["to"]


def _campaign(campaign: Any) -> None:
    _names(
        campaign,
        "id tier score_bits q_value accounts exchanges output_tokens first_seen last_seen models capabilities"
        " elicitation evidence",
    )
    assert campaign["tier"] in TIERS
    assert 0 <= campaign["q_value"] <= 1
    assert campaign["accounts"]
    for name in ("accounts", "models", "capabilities", "elicitation"):
        assert all(isinstance(item, str) for item in campaign[name])
        assert len(set(campaign[name])) == len(campaign[name])
    assert set(campaign["capabilities"]) <= CAPABILITIES
    assert set(campaign["elicitation"]) <= ELICITATION
    _count(campaign["exchanges"])
    _count(campaign["output_tokens"])
    _moment(campaign["first_seen"])
    _moment(campaign["last_seen"])
    assert campaign["first_seen"] <= campaign["last_seen"]
    _evidence(campaign)


def _account(account: Any, campaigns: set[str]) -> None:
    _names(account, "account_id tier score_bits campaign evidence")
    assert account["tier"] in TIERS
    assert account["campaign"] is None or account["campaign"] in campaigns
    _evidence(account)


def _evidence(finding: Any) -> None:
    assert finding["evidence"]
    for item in finding["evidence"]:
        _names(item, "signal family weight_bits p_value detail")
        assert all(isinstance(item[name], str) and item[name] for name in ("signal", "family", "detail"))
        assert isinstance(item["weight_bits"], float)
        assert 0 <= item["p_value"] <= 1
    assert finding["score_bits"] == round(sum(item["weight_bits"] for item in finding["evidence"]), 6)


def _members_are_listed(findings: Any) -> None:
    listed = {(account["account_id"], account["campaign"]) for account in findings["accounts"]}
    members = {(account, c["id"]) for c in findings["campaigns"] for account in c["accounts"]}
    assert members <= listed


def _names(value: Any, names: str) -> None:
    assert isinstance(value, dict)
    assert set(value) == set(names.split())


def _count(value: Any) -> None:
    assert isinstance(value, int)
    assert value >= 0


def _moment(value: Any) -> None:
    assert _MOMENT.fullmatch(value)
