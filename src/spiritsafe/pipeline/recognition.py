"""What the members of a campaign share and hardly anybody else has, so that a sign-up by the same hands is known.

Pseudonyms only, and only of what sticks to a person who signs up: network, payment, device, contact. A value counts
once several members have it, and the more the rarer it is elsewhere; exits that unrelated people share never do.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import log2
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from spiritsafe.engine.snapshot import Snapshot
from spiritsafe.model.epochs import PSEUDONYMISED
from spiritsafe.model.words import SHARED_EXIT, TRAIT_FAMILY, TraitKind
from spiritsafe.pipeline.investigate import sightings
from spiritsafe.policy.lines import MOST_BITS, Trait

__all__ = ["shared_traits", "weight_bits"]

_SPOKEN = frozenset({TraitKind.EMAIL_DOMAIN, TraitKind.REFERRAL})
"""Kinds that many strangers share; they count only where hardly a stranger has the value."""
_KINDS = frozenset(kind for kind in PSEUDONYMISED if TRAIT_FAMILY[kind].is_infrastructure) | _SPOKEN
_LEAST_MEMBERS, _LEAST_BITS, _MOST = 3, 3.0, 200
_STRANGERS = 1 / 1_000
"""Share of the other accounts that may have a spoken value."""


def shared_traits(snapshot: Snapshot, members: Mapping[str, Sequence[str]]) -> list[Trait]:
    """Return at most 200 traits per campaign, the heaviest first.

    Args:
        snapshot: of the store that the campaigns were found in.
        members: campaign -> ids of its accounts.

    Raises:
        StoreError: a segment is not what was written.
    """
    identities = snapshot.merged("identities").select("account", "account_id")
    accounts = int(snapshot.ibis().to_pyarrow(identities.count()).as_py())
    table = snapshot.ibis().to_pyarrow(_counted(snapshot, identities, members))
    found: dict[str, list[Trait]] = {name: [] for name in members}
    for row in table.to_pylist():
        size = len(members[row["campaign"]])
        trait = _trait(row, size, accounts)
        if trait is not None:
            found[trait.campaign].append(trait)
    return [trait for traits in found.values() for trait in _heaviest(traits)]


def weight_bits(held: int, members: int, total: int, accounts: int) -> float:
    """Return log2 of how much more frequent a trait is among the members than among all accounts.

    Half a holder is added on either side, so that a share of nothing or of all says no more than was seen.

    Args:
        held: members that have it.
        members: all members.
        total: accounts that have it, members included.
        accounts: all accounts.

    >>> round(weight_bits(held=50, members=99, total=50, accounts=9_999), 2)
    6.64
    """
    return log2((held + 0.5) / (members + 1)) - log2((total + 0.5) / (accounts + 1))


def _counted(snapshot: Snapshot, identities: ir.Table, members: Mapping[str, Sequence[str]]) -> ir.Table:
    """Return the expression of campaign, kind, value, held and total of what enough members share."""
    told = sightings(snapshot)
    told = told.filter(told.kind.isin(sorted(_KINDS))).select("kind", "value", "account").distinct()
    labels = snapshot.merged("labels")
    told = told.anti_join(labels.filter(labels.label == SHARED_EXIT), ["kind", "value"])
    pairs = [(account, name) for name, accounts in members.items() for account in accounts]
    named = ibis.memtable(
        pa.table(
            {
                "account_id": pa.array([account for account, _ in pairs], pa.string()),
                "campaign": pa.array([name for _, name in pairs], pa.string()),
            }
        )
    )
    mine = identities.inner_join(named, "account_id").select("account", "campaign")
    shared = told.inner_join(mine, "account").group_by(["campaign", "kind", "value"]).aggregate(held=ibis._.count())
    shared = shared.filter(shared.held >= _LEAST_MEMBERS)
    all_holders = told.semi_join(shared, ["kind", "value"]).group_by(["kind", "value"]).aggregate(total=ibis._.count())
    return shared.inner_join(all_holders, ["kind", "value"])


def _trait(row: Mapping[str, Any], members: int, accounts: int) -> Trait | None:
    kind = TraitKind(row["kind"])
    bits = weight_bits(row["held"], members, row["total"], accounts)
    strangers = row["total"] - row["held"]
    if bits < _LEAST_BITS or (kind in _SPOKEN and strangers > _STRANGERS * accounts):
        return None
    value = f"{row['value'] & 0xFFFF_FFFF_FFFF_FFFF:016x}"
    return Trait(kind=kind, value=value, campaign=row["campaign"], weight_bits=min(round(bits, 3), MOST_BITS))


def _heaviest(traits: Iterable[Trait]) -> list[Trait]:
    return sorted(traits, key=lambda trait: (-trait.weight_bits, trait.kind, trait.value))[:_MOST]
