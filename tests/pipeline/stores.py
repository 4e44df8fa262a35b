"""A store of 1,000 accounts, the first twenty of which are a campaign that shares what it is told to share."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from spiritsafe.engine.store import Store
from spiritsafe.engine.tables import TABLES
from spiritsafe.model.words import TraitKind

ACCOUNTS, MEMBERS = 1_000, 20
Told = Mapping[tuple[TraitKind, int], Iterable[int]]
"""(kind, pseudonym) -> numbers of the accounts that have it."""


def account(number: int) -> str:
    return f"acct-{number}"


def _table(name: str, rows: Sequence[Mapping[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=TABLES[name].schema)


def store_with(folder: Path, told: Told, *, addresses: Told | None = None, exits: Iterable[int] = ()) -> None:
    """Write a store.

    Args:
        folder: where.
        told: traits that are rows of their own.
        addresses: traits that are columns of ``addresses``; of kind ``ip`` only.
        exits: pseudonyms of kind ``ip`` and ``signup_ip`` that are shared exits.
    """
    seen = {"n": 1, "first_us": 1, "last_us": 1}
    identities = [
        {"account": n, "account_id": account(n), "organization_id": None, "last_us": 1} for n in range(ACCOUNTS)
    ]
    traits = [
        {"kind": str(kind), "account": who, "value": value, "day": day, **seen}
        for (kind, value), accounts in told.items()
        for who in accounts
        for day in (0, 32)
    ]
    carried = [
        {
            "account": who,
            "address": value,
            "day": 0,
            "ip": value,
            "ip_before": 0,
            "prefix": 0,
            "prefix_before": 0,
            **seen,
        }
        for (_, value), accounts in (addresses or {}).items()
        for who in accounts
    ]
    labels = [
        {"kind": str(kind), "value": value, "label": "shared exit"}
        for value in exits
        for kind in (TraitKind.IP, TraitKind.SIGNUP_IP)
    ]
    tables: dict[str, Sequence[Mapping[str, object]]] = {
        "identities": identities,
        "traits": traits,
        "addresses": carried,
        "labels": labels,
    }
    with Store.open(folder) as store, store.batch() as batch:
        for name, rows in tables.items():
            batch.write(name, _table(name, rows))
        batch.commit()
