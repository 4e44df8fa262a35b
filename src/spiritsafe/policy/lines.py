"""The lines of a policy file: rows, members of campaigns, traits for sign-ups, the signature.

A line names every subject that has the same terms, because a campaign's thousand accounts share all but their id:
a million accounts are two thousand lines, and load in a fifth of the time that a line each would take.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from spiritsafe.model.words import Step, Subject, TraitKind

__all__ = ["IDS_PER_LINE", "MOST_BITS", "SCHEMA", "Header", "Line", "Members", "Rows", "Signature", "Trait"]

SCHEMA = "spiritsafe.policy/1"
IDS_PER_LINE = 500
"""At most; of the longest ids they still make a line of half a megabyte."""
MOST_BITS = 64.0
_WEEK_S = 7 * 86_400

Id = Annotated[str, Meta(min_length=1, max_length=256)]
Ids = Annotated[tuple[Id, ...], Meta(min_length=1, max_length=IDS_PER_LINE)]
Text = Annotated[str, Meta(min_length=1, max_length=300)]
Time = Annotated[str, Meta(max_length=32)]
RateText = Annotated[str, Meta(max_length=24)]
Version = Annotated[int, Meta(ge=1, le=10**9)]
Hex32 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The first line; a signature signs it, and with its digest every line that follows.

    Attributes:
        schema: ``SCHEMA``.
        version: larger than that of the policy before.
        created_at: when it was written, UTC.
        lines: how many lines follow, the signature not counted.
        digest: BLAKE2b-256, in hex, of those lines' bytes, newlines included.
        signer: the Ed25519 public key, in hex, whose signature is the last line; None if there is none.
    """

    schema: Annotated[str, Meta(max_length=64)]
    version: Version
    created_at: Time
    lines: Annotated[int, Meta(ge=0, le=10**8)]
    digest: Hex32
    signer: Hex32 | None = None


class _Line(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"
):
    """What every line has."""


class Rows(_Line, frozen=True, kw_only=True, tag="rows"):
    """What is done about some subjects, on equal terms.

    Attributes:
        subject: what the ids name.
        ids: account, key, organisation or campaign ids, or networks as 192.0.2.0/24.
        step: the measure.
        requests: a rate such as 60/m; None is no bound.
        tokens: likewise.
        reason: a sentence that the customer may read.
        case: the case in which it was decided.
        version: of the policy in which the row came in; delays do not begin anew with every policy.
        expires_at: UTC; None only for ``observe``.
        shadow: measured and told, never done.
        delay_s: the row bites after a share of this that nobody outside can foretell, at most a week.
        from_at: when the row came in, UTC; None is the header's ``created_at``.
    """

    subject: Subject
    ids: Ids
    step: Step
    requests: RateText | None = None
    tokens: RateText | None = None
    reason: Text
    case: Id | None = None
    version: Version
    expires_at: Time | None = None
    shadow: bool = False
    delay_s: Annotated[int, Meta(ge=0, le=_WEEK_S)] = 0
    from_at: Time | None = None


class Members(_Line, frozen=True, kw_only=True, tag="members"):
    """Accounts of a campaign, which the campaign's rows reach."""

    campaign: Id
    accounts: Ids


class Trait(_Line, frozen=True, kw_only=True, tag="trait"):
    """What the members of a campaign share and hardly anybody else has: a new account is compared with it.

    Attributes:
        kind: of the trait.
        value: its pseudonym, 16 hex digits of the stored 64 bits.
        campaign: whose it is.
        weight_bits: log2 likelihood ratio of having it.
    """

    kind: TraitKind
    value: Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    campaign: Id
    weight_bits: Annotated[float, Meta(gt=0, le=MOST_BITS)]


class Signature(_Line, frozen=True, kw_only=True, tag="signature"):
    """The last line of a signed file: Ed25519 (RFC 8032) over the header's line, its newline included.

    In hex, because one signature has several spellings in base64.
    """

    signature: Annotated[str, Meta(pattern=r"\A[0-9a-f]{128}\Z")]


Line = Rows | Members | Trait
