"""Findings as OCSF events, one per campaign and one per account that stands alone, for a SIEM.

Detection Finding of OCSF 1.5.0 and nothing of a later version: consumers refuse what they do not know. The event
holds what ``findings.json`` holds and no more; what OCSF has no word for - tier, bits, q, each piece of evidence -
stands under ``unmapped`` in the contract's own words. No clock is read: an event's time is the end of what was
scanned, and the same findings give the same bytes.

Source: https://schema.ocsf.io/1.5.0/classes/detection_finding
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any

import msgspec

from spiritsafe.casework.words import counted, signed
from spiritsafe.model.findings import AccountFinding, Campaign, Evidence, Findings
from spiritsafe.model.words import Tier

__all__ = ["OCSF_VERSION", "events"]

OCSF_VERSION = "1.5.0"
_CATEGORY, _CLASS, _CREATE = 2, 2004, 1
_TOLD = 3

Event = dict[str, Any]


class _Severity(IntEnum):
    INFORMATIONAL = 1
    MEDIUM = 3
    HIGH = 4


class _Confidence(IntEnum):
    LOW = 1
    MEDIUM = 2
    HIGH = 3


_SEVERITY = {
    Tier.LINKED: _Severity.INFORMATIONAL,
    Tier.SUSPECTED: _Severity.MEDIUM,
    Tier.CONFIRMED: _Severity.HIGH,
}
_CONFIDENCE = {Tier.LINKED: _Confidence.LOW, Tier.SUSPECTED: _Confidence.MEDIUM, Tier.CONFIRMED: _Confidence.HIGH}


def events(findings: Findings) -> Iterator[Event]:
    """Yield an event per campaign, then one per account that is in none, in the order of the findings.

    A linked group is an event too: informational, and no alert.
    """
    members = {item.account_id: item for item in findings.accounts if item.campaign is not None}
    for campaign in findings.campaigns:
        yield _campaign(findings, campaign, members)
    for account in findings.accounts:
        if account.campaign is None:
            yield _account(findings, account)


def _campaign(findings: Findings, campaign: Campaign, members: dict[str, AccountFinding]) -> Event:
    first, last = _millis(campaign.first_seen), _millis(campaign.last_seen)
    size, exchanges = counted(len(campaign.accounts), "account"), counted(campaign.exchanges, "exchange")
    event = _event(findings, campaign, campaign.id, campaign.accounts, "campaign")
    event["message"] = f"{campaign.tier.capitalize()} campaign of {size}, {exchanges}: {_bits(campaign.score_bits)}"
    event |= {"start_time": first, "end_time": last, "confidence_score": round(100 * (1 - campaign.q_value))}
    if campaign.models:
        event["resources"] = [{"name": model, "type": "model"} for model in campaign.models]
    event["finding_info"] |= {
        "title": f"Coordinated distillation: {size}",
        "types": ["Coordinated distillation campaign"],
        "first_seen_time": first,
        "last_seen_time": last,
        "related_events_count": campaign.exchanges,
    }
    for evidence in event["evidences"]:
        own = members.get(evidence["actor"]["user"]["uid"])
        if own is not None:
            evidence["data"] = {"score_bits": own.score_bits, "evidence": _listed(own.evidence)}
    event["unmapped"] |= {
        "q_value": campaign.q_value,
        "output_tokens": campaign.output_tokens,
        "capabilities": campaign.capabilities,
        "elicitation": campaign.elicitation,
    }
    return event


def _account(findings: Findings, account: AccountFinding) -> Event:
    event = _event(findings, account, f"account:{account.account_id}", [account.account_id], "account")
    event["message"] = f"{account.tier.capitalize()} account on its own: {_bits(account.score_bits)}"
    event["finding_info"] |= {"title": "Distillation by one account", "types": ["Distillation by one account"]}
    return event


def _event(
    findings: Findings, finding: Campaign | AccountFinding, uid: str, accounts: Sequence[str], code: str
) -> Event:
    """Return what the events of both kinds have in common."""
    severity, confidence = _SEVERITY[finding.tier], _CONFIDENCE[finding.tier]
    until = findings.scanned.to or (finding.last_seen if isinstance(finding, Campaign) else None)
    return {
        "metadata": {
            "version": OCSF_VERSION,
            "uid": _uid(findings, uid),
            "event_code": code,
            "product": {"name": "spiritsafe", "vendor_name": "spiritsafe", "version": findings.version},
        },
        "category_uid": _CATEGORY,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "activity_id": _CREATE,
        "activity_name": "Create",
        "type_uid": 100 * _CLASS + _CREATE,
        "type_name": "Detection Finding: Create",
        "time": _millis(until) if until else 0,
        "severity_id": int(severity),
        "severity": severity.name.capitalize(),
        "confidence_id": int(confidence),
        "confidence": confidence.name.capitalize(),
        "status_id": 1,
        "status": "New",
        "is_alert": finding.tier is not Tier.LINKED,
        "finding_info": {
            "uid": uid,
            "desc": _description(finding.evidence),
            "analytic": {"name": "spiritsafe", "type_id": 3, "type": "Statistical", "version": findings.version},
            "related_analytics": [
                {"name": item.signal, "category": str(item.family), "type_id": 3, "type": "Statistical"}
                for item in finding.evidence
            ],
            "data_sources": ["model API exchange logs"],
        },
        "evidences": [
            {"actor": {"user": {"uid": account, "type_id": 99, "type": "API account"}}} for account in accounts
        ],
        "observables": [
            {"name": "evidences.actor.user.uid", "type_id": 31, "type": "User Object: uid", "value": account}
            for account in accounts
        ],
        "unmapped": {
            "tier": str(finding.tier),
            "score_bits": finding.score_bits,
            "evidence": _listed(finding.evidence),
            "schema": findings.schema,
            "config_digest": findings.config_digest,
        },
    }


def _uid(findings: Findings, uid: str) -> str:
    """Return 32 hex digits that name this finding of this scan: sent twice, the event is the same."""
    told = (uid, findings.config_digest, findings.scanned.from_, findings.scanned.to, findings.scanned.exchanges)
    return hashlib.blake2b(msgspec.json.encode(told), digest_size=16).hexdigest()


def _description(evidence: Sequence[Evidence]) -> str:
    """Say the strongest pieces of evidence that speak for the finding, a sentence each."""
    told = sorted((item for item in evidence if item.weight_bits > 0), key=lambda item: -item.weight_bits)[:_TOLD]
    return " ".join(f"{item.signal} ({_bits(item.weight_bits)}): {item.detail.rstrip('.')}." for item in told)


def _bits(bits: float) -> str:
    return f"{signed(bits)} bits"


def _listed(evidence: Sequence[Evidence]) -> list[Event]:
    listed: list[Event] = msgspec.to_builtins(list(evidence))
    return listed


def _millis(timestamp: str) -> int:
    """Return milliseconds since the epoch, OCSF's ``timestamp_t``, of the contract's UTC text.

    >>> _millis("1970-01-01T00:00:01.500000Z")
    1500
    """
    moment = datetime.fromisoformat(timestamp)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000
