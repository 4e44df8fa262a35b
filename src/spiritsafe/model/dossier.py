"""What the report shows of a campaign beside its evidence: counts, never raw text or identifiers.

A dossier is computed once by detection from the stored tables and only drawn later, so that a chart
cannot disagree with a finding.
"""

import msgspec

from spiritsafe.model.findings import Evidence, Findings
from spiritsafe.model.words import Family

__all__ = [
    "Attribution",
    "Clearance",
    "DailyCount",
    "Dossier",
    "Exemplar",
    "ScanResult",
    "SharedTrait",
    "Spread",
]


class DailyCount(msgspec.Struct, frozen=True, kw_only=True):
    """Traffic of the group's members on one day with one model; ``day`` is ISO 8601, UTC."""

    day: str
    model: str
    exchanges: int
    focal_exchanges: int
    output_tokens: int


class SharedTrait(msgspec.Struct, frozen=True, kw_only=True):
    """A trait that members share: one hyperedge of the campaign's graph and why it counts.

    Attributes:
        kind: the trait's kind (``payment``, ``prefix``, ``template`` ...).
        label: what may be shown: a pseudonym's first digits, a model's name.
        members: indices into the campaign's ``accounts``.
        outside: accounts outside the group that have the same trait.
        bits: log2 rarity of the trait, the weight of each of its edges.
    """

    kind: str
    family: Family
    label: str
    members: list[int]
    outside: int
    bits: float


class Exemplar(msgspec.Struct, frozen=True, kw_only=True):
    """A template sentence that at least k organisations have sent (k-anonymous)."""

    words: str
    exchanges: int
    accounts: int
    senders: int


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """A hypothesis about who is behind a group; never a ground for action."""

    entity: str
    weight_bits: float
    detail: str


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Where a signal's value lies between what honest groups and campaigns show; for the null picture."""

    signal: str
    value: float
    standard_error: float
    null_mean: float
    null_sd: float
    alternative_mean: float


class Dossier(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the report draws for one campaign besides the finding itself.

    Attributes:
        id: the campaign's id.
        door: how the group was found (``template``, ``network``, ``rhythm``, ``corpus``).
        daily: per day and model.
        heat: 7 x 24 focal exchanges by weekday (Monday first) and hour, UTC.
        account_hours: up to 60 members x up to 336 hours, focal exchanges; rows follow ``accounts``.
        first_hour: ISO 8601 start of ``account_hours``.
        capability_mix: exchanges per capability, focal only.
        elicitation_mix: exchanges per elicitation class, focal only.
        not_concluded: sentences on what was considered and not concluded, and why.
    """

    id: str
    door: str
    daily: list[DailyCount]
    heat: list[list[int]]
    account_hours: list[list[int]]
    first_hour: str
    shared: list[SharedTrait]
    capability_mix: dict[str, int]
    elicitation_mix: dict[str, int]
    exemplars: list[Exemplar]
    attributions: list[Attribution]
    spreads: list[Spread]
    trimmed: list[str]
    not_concluded: list[str]


class Clearance(msgspec.Struct, frozen=True, kw_only=True):
    """A group that was tested and not reported as suspected, with the evidence that cleared it."""

    accounts: int
    organisations: int
    door: str
    score_bits: float
    reason: str
    evidence: list[Evidence]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration asked of a group.

    Attributes:
        fdr: false-discovery rate of confirmed campaigns.
        suspect_fdr: of suspected ones.
        min_group: organisations that a group must have.
    """

    fdr: float
    suspect_fdr: float
    min_group: int


class ScanResult(msgspec.Struct, frozen=True, kw_only=True):
    """Findings plus what the report needs to explain them.

    Attributes:
        releases: model name to release time (contract's timestamp text), where known.
        cleared: the strongest tested groups that were *not* concluded, and why.
        rule: what the configuration asked of a group.
        tested: how many candidate groups were tested (the multiplicity of the FDR).
        notes: sentences on the scan as a whole (missing tables, fallbacks used).
    """

    findings: Findings
    dossiers: list[Dossier]
    releases: dict[str, str]
    cleared: list[Clearance]
    rule: Rule
    tested: int
    notes: list[str]
