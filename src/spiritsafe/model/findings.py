"""What a scan says: evidence, accounts and campaigns in the contract's shape.

These are msgspec structs because the same objects are computed, shown and written: a number in the
report is the number in ``findings.json``. A campaign's score is never stored beside its evidence, it
*is* the sum, so the two cannot disagree.
"""

from datetime import UTC, datetime

import msgspec

from spiritsafe.model.words import Family, Tier

__all__ = [
    "SCHEMA",
    "AccountFinding",
    "Campaign",
    "Evidence",
    "Findings",
    "Scanned",
    "timestamp",
    "total_bits",
]

SCHEMA = "spiritsafe.findings/1"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One named, signed weight that a person can check.

    Attributes:
        signal: the signal's name, the file that defines it.
        family: the family whose gain is capped together.
        weight_bits: log2 likelihood ratio; positive speaks for a campaign, negative against.
        p_value: probability of evidence at least this strong under the signal's stated null.
        detail: a sentence with the counts a person needs to check it.
    """

    signal: str
    family: Family
    weight_bits: float
    p_value: float
    detail: str


def total_bits(evidence: list[Evidence]) -> float:
    """Return the sum of the weights, in bits, as every table and chart shows it.

    >>> total_bits([])
    0.0
    """
    return round(sum((item.weight_bits for item in evidence), 0.0), 6)


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """A group of accounts that the evidence ties together.

    ``exchanges`` and ``output_tokens`` count everything that the members sent and received between
    ``first_seen`` and ``last_seen``; ``q_value`` is the false-discovery rate at which the group is reported.
    """

    id: str
    tier: Tier
    score_bits: float
    q_value: float
    accounts: list[str]
    exchanges: int
    output_tokens: int
    first_seen: str
    last_seen: str
    models: list[str]
    capabilities: list[str]
    elicitation: list[str]
    evidence: list[Evidence]


class AccountFinding(msgspec.Struct, frozen=True, kw_only=True):
    """An account in a campaign, or one above the account threshold on its own."""

    account_id: str
    tier: Tier
    score_bits: float
    campaign: str | None
    evidence: list[Evidence]


class Scanned(msgspec.Struct, frozen=True, kw_only=True):
    """What was read to reach the findings."""

    exchanges: int
    accounts: int
    from_: str | None = msgspec.field(name="from")
    to: str | None
    quarantined: int


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``findings.json``."""

    version: str
    config_digest: str
    scanned: Scanned
    campaigns: list[Campaign]
    accounts: list[AccountFinding]
    schema: str = SCHEMA


def timestamp(micros: int) -> str:
    """Render event time, microseconds since the epoch, as the contract's UTC text.

    >>> timestamp(0)
    '1970-01-01T00:00:00Z'
    """
    seconds, rest = divmod(micros, 1_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:06d}Z" if rest else f"{text}Z"
