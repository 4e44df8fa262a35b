"""What an investigator asks of a store: an identifier's pseudonyms, who has them, and the vault.

Both directions need the store's key and neither makes one: a missing key is an error here, since a new
one would answer every question with 'not seen'.
"""

import os
from pathlib import Path

import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from spiritsafe.engine.snapshot import Snapshot
from spiritsafe.engine.store import Store
from spiritsafe.engine.tables import CARRIED
from spiritsafe.model.epochs import Epochs
from spiritsafe.model.errors import InputError, StoreError
from spiritsafe.model.findings import timestamp
from spiritsafe.model.settings import PrivacySettings, Settings
from spiritsafe.model.words import TraitKind
from spiritsafe.pipeline.keyring import key_path, vault_folder
from spiritsafe.privacy.keys import KEY_NOTE, MasterKey, load_master_key
from spiritsafe.privacy.pseudonyms import Pseudonym, Pseudonymiser
from spiritsafe.privacy.vault import Vault

__all__ = ["Sighting", "look_up", "open_vault", "sightings"]

_SIGHTING = ("kind", "account", "value", "first_us", "last_us")


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """One pseudonym of the identifier and where it was seen.

    Attributes:
        kind: as which trait.
        epoch: number of the epoch in which the pseudonym is in force.
        pseudonym: its value in the stored tables, as text because JSON numbers end at 2**53.
        label: what reports show of it: the last eight hexadecimal digits.
        accounts: who was seen with it, sorted.
        first_seen: UTC, None if it was not seen.
        last_seen: likewise.
    """

    kind: TraitKind
    epoch: int
    pseudonym: str
    label: str
    accounts: list[str]
    first_seen: str | None
    last_seen: str | None


def look_up(raw: str, root: Path, settings: Settings, kinds: frozenset[TraitKind]) -> list[Sighting]:
    """Return every pseudonym that ``raw`` has in the time that the store covers, seen or not.

    Args:
        raw: the identifier as a person knows it.
        root: the store's folder.
        settings: where the key lies and how long epochs are.
        kinds: the traits to look under; empty for all that the identifier could be.

    Raises:
        InputError: it is no identifier of these kinds.
        StoreError: there is no store, it holds nothing, or its key is missing or another.
    """
    with Store.open(root, read_only=True) as store, store.snapshot(settings.engine) as snapshot:
        pseudonymiser = Pseudonymiser(
            _key(store, settings.privacy),
            Epochs(settings.privacy.epoch_days, settings.privacy.overlap_days),
        )
        names = [p for p in pseudonymiser.lookup(raw, *_span(snapshot)) if not kinds or p.kind in kinds]
        if not names:
            wanted = ", ".join(sorted(kinds)) or "any kind"
            raise InputError(f"not an identifier of {wanted}", hint="Give it as it is in the logs, as 192.0.2.7.")
        seen = _seen(snapshot, names)
    return [_sighting(name, seen) for name in names]


def open_vault(root: Path, settings: Settings) -> Vault:
    """Return the vault of a store; what it holds stays sealed.

    Raises:
        StoreError: there is no store, or its key is missing or another.
    """
    with Store.open(root, read_only=True) as store:
        return Vault(vault_folder(root), _key(store, settings.privacy))


def _key(store: Store, settings: PrivacySettings) -> MasterKey:
    expected = store.note(KEY_NOTE)
    if expected is None:
        raise StoreError(f"{store.root}: the store holds no pseudonyms yet", hint="Scan into it first, with --store.")
    return load_master_key(key_path(store.root, settings), expected=expected, environ=os.environ)


def sightings(snapshot: Snapshot) -> ir.Table:
    """Return the expression of every trait that was seen: kind, account, value, first_us, last_us; not merged."""
    rows = [snapshot.ibis().table("traits").select(*_SIGHTING)]
    for name, columns in CARRIED.items():
        table = snapshot.ibis().table(name)
        for column, kind in columns.items():
            told = table.filter(table[column] != 0).mutate(kind=ibis.literal(str(kind)), value=table[column])
            rows.append(told.select(*_SIGHTING))
    return ibis.union(*rows)


def _span(snapshot: Snapshot) -> tuple[int, int]:
    """First and last event of the store; sign-ups count, since their traits carry pseudonyms as well."""
    traits = sightings(snapshot)
    times = snapshot.ibis().to_pyarrow(traits.aggregate(low=traits.first_us.min(), high=traits.last_us.max()))
    low, high = times["low"][0].as_py(), times["high"][0].as_py()
    if low is None:
        raise StoreError("the store holds no traits yet", hint="Scan exchanges into it first, with --store.")
    return low, high


def _seen(snapshot: Snapshot, names: list[Pseudonym]) -> pa.Table:
    """Return kind, value, account_id, first_us, last_us of the accounts that have one of the pseudonyms."""
    traits, identities = sightings(snapshot), snapshot.merged("identities")
    wanted = ibis.or_(*((traits.kind == str(name.kind)) & (traits.value == name.value) for name in names))
    rows = traits.filter(wanted).group_by(["kind", "value", "account"])
    spans = rows.aggregate(first_us=traits.first_us.min(), last_us=traits.last_us.max())
    named = spans.inner_join(identities.select("account", "account_id"), "account")
    return snapshot.ibis().to_pyarrow(named)


def _sighting(name: Pseudonym, seen: pa.Table) -> Sighting:
    mine = seen.filter(pc.and_(pc.equal(seen["kind"], str(name.kind)), pc.equal(seen["value"], name.value)))
    first, last = pc.min(mine["first_us"]).as_py(), pc.max(mine["last_us"]).as_py()
    return Sighting(
        kind=name.kind,
        epoch=name.epoch,
        pseudonym=str(name.value),
        label=f"{name.value & 0xFFFFFFFF:08x}",
        accounts=sorted(mine["account_id"].to_pylist()),
        first_seen=None if first is None else timestamp(first),
        last_seen=None if last is None else timestamp(last),
    )
