"""What an account can have in common with another, as rows of ``traits`` and the labels that may be shown.

Identifiers go through the pseudonymiser and never past it; values that are no secret (a model, a TLS
fingerprint, a country) keep a label so that a person can read the evidence.
"""

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.engine.tables import DAY_US
from spiritsafe.ingest.chunk import Chunk
from spiritsafe.ingest.entities import Entities
from spiritsafe.ingest.hashes import hash_column
from spiritsafe.ingest.rollups import table_of
from spiritsafe.ingest.told import told_pseudonyms
from spiritsafe.model.words import SHARED_EXIT, TraitKind, link_kind
from spiritsafe.sketch.language import LANGUAGES

__all__ = ["Pseudonyms", "Traits"]

Int = NDArray[np.int64]

_OPEN = {
    "ja4": TraitKind.JA4,
    "user_agent": TraitKind.USER_AGENT,
    "country": TraitKind.COUNTRY,
    "channel": TraitKind.CHANNEL,
    "model": TraitKind.MODEL,
    "asn": TraitKind.ASN,
}
_CONFIG = ("temperature", "max_tokens", "n", "stream", "logprobs", "thinking_budget", "tool_count")
_SECRET = {"end_user_id": TraitKind.END_USER}
_ACCOUNT_SECRETS = {
    "payment_fingerprint": TraitKind.PAYMENT,
    "device_id": TraitKind.DEVICE,
    "email": TraitKind.EMAIL,
    "phone": TraitKind.PHONE,
}
_ACCOUNT_OPEN = {"email_domain": TraitKind.EMAIL_DOMAIN, "referral": TraitKind.REFERRAL}


class Pseudonyms(Protocol):
    """Turns identifiers into 64-bit pseudonyms; see ``privacy.pseudonyms``.

    Both methods return (row, pseudonym): a row appears once per epoch in force, and not at all where the
    identifier is null or unreadable.
    """

    def values(self, kind: TraitKind, values: pa.Array | pa.ChunkedArray, us: Int) -> tuple[Int, Int]:
        """Pseudonyms of identifiers."""
        ...

    def prefixes(self, kind: TraitKind, ips: pa.Array | pa.ChunkedArray, us: Int) -> tuple[Int, Int]:
        """Pseudonyms of the addresses' /24 and /48 networks."""
        ...


class _Rows:
    """Collects trait rows; they need not be merged."""

    def __init__(self) -> None:
        self.parts: list[tuple[TraitKind, Int, Int, Int]] = []
        self.labels: dict[tuple[str, int], str] = {}

    def add(self, kind: TraitKind, account: Int, value: Int, us: Int) -> None:
        self.parts.append((kind, account, value, us))

    def tell(self, kind: TraitKind, labels: Iterable[str | None], values: Iterable[int]) -> None:
        self.labels.update({(str(kind), v): t for t, v in zip(labels, values, strict=True) if t})

    def table(self) -> pa.Table:
        kinds = [kind for kind, account, _, _ in self.parts for _ in range(1) if len(account)]
        sizes = [len(account) for _, account, _, _ in self.parts if len(account)]
        parts = [part for part in self.parts if len(part[1])]
        us = np.concatenate([part[3] for part in parts]) if parts else np.zeros(0, np.int64)
        codes = np.repeat(np.arange(len(kinds)), sizes)
        return table_of(
            "traits",
            {
                "account": np.concatenate([p[1] for p in parts]) if parts else us,
                "kind": pa.DictionaryArray.from_arrays(
                    pa.array(codes, pa.int32()), pa.array([str(kind) for kind in kinds], pa.string())
                ).cast(pa.string()),
                "value": np.concatenate([p[2] for p in parts]) if parts else us,
                "day": us // DAY_US,
                "n": np.ones(len(us), np.int64),
                "first_us": us,
                "last_us": us,
            },
        )

    def label_table(self) -> pa.Table:
        keys = sorted(self.labels)
        return table_of(
            "labels",
            {"kind": [k for k, _ in keys], "value": [v for _, v in keys], "label": [self.labels[k] for k in keys]},
        )


class Traits:
    """Makes trait rows of exchanges, accounts and links.

    Args:
        pseudonyms: for everything private.
        text_key: secret under which system prompts are hashed.
        entities: the provider's intelligence about networks, domains and fingerprints.
    """

    def __init__(self, pseudonyms: Pseudonyms, text_key: bytes, entities: Entities) -> None:
        self._pseudonyms, self._key, self._entities = pseudonyms, text_key, entities

    def of_exchanges(self, chunk: Chunk, language: Int) -> tuple[pa.Table, pa.Table]:
        """Return rows of ``traits`` and ``labels``; ``language`` indexes ``LANGUAGES``, -1 unknown."""
        rows = _Rows()
        spoken = np.flatnonzero(language >= 0)
        names = pa.array(LANGUAGES).take(pa.array(language[spoken]))
        self._open(rows, TraitKind.LANGUAGE, names, chunk.account[spoken], chunk.us[spoken])
        for name, kind in _OPEN.items():
            if chunk.has(name):
                self._open(rows, kind, chunk.column(name).cast(pa.string()), chunk.account, chunk.us)
        veiled = pa.array(chunk.flags("pseudonymised").astype(np.bool_))
        for name, kind in _SECRET.items():
            if chunk.has(name):
                bare = self._bare(rows, kind, chunk, name, veiled)
                self._secret(rows, kind, bare, chunk.account, chunk.us)
        if chunk.has("client_ip"):
            bare = self._bare(rows, TraitKind.IP, chunk, "client_ip", veiled)
            self._address(rows, (TraitKind.IP, TraitKind.PREFIX), bare, chunk.account, chunk.us)
        if chunk.has("system_prompt"):
            value, _, _ = hash_column(chunk.column("system_prompt"), self._key)
            said = value != 0
            rows.add(TraitKind.SYSTEM, chunk.account[said], value[said], chunk.us[said])
        self._configuration(rows, chunk)
        self._enrich(rows, "asn", TraitKind.ASN, chunk)
        self._enrich(rows, "ja4", TraitKind.JA4, chunk)
        return rows.table(), rows.label_table()

    def of_accounts(self, accounts: pa.Table, us: Int) -> tuple[pa.Table, pa.Table]:
        """Return rows of ``traits`` and ``labels`` for the accounts table; ``us`` is when they signed up.

        The table says what is so now, however long ago an account signed up: all rows take the pseudonym
        epoch of the youngest account, else a card could not link an old account to a new one.
        """
        rows = _Rows()
        account, _, _ = hash_column(accounts.column("account_id"))
        us = np.full(len(us), us.max(initial=0))
        for name, kind in _ACCOUNT_SECRETS.items():
            self._secret(rows, kind, accounts.column(name), account, us)
        for name, kind in _ACCOUNT_OPEN.items():
            self._open(rows, kind, accounts.column(name), account, us)
        self._address(rows, (TraitKind.SIGNUP_IP, TraitKind.SIGNUP_PREFIX), accounts.column("signup_ip"), account, us)
        self._tag(rows, accounts.column("email_domain"), "domain", account, us)
        return rows.table(), rows.label_table()

    def of_links(self, links: pa.Table, first_us: Int, last_us: Int) -> pa.Table:
        """Return rows of ``traits`` for a links table; a family of the provider's own has a kind of its own."""
        account, _, _ = hash_column(links.column("account_id"))
        joined = pc.binary_join_element_wise(links.column("family"), links.column("value"), "\x1f")
        value, _, _ = hash_column(joined, self._key)
        family = links.column("family").combine_chunks().dictionary_encode()
        kinds = pa.array([link_kind(name) for name in family.dictionary.to_pylist()], pa.string())
        return table_of(
            "traits",
            {
                "account": account,
                "kind": pa.DictionaryArray.from_arrays(family.indices, kinds).cast(pa.string()),
                "value": value,
                "day": first_us // DAY_US,
                "n": pc.fill_null(links.column("n"), 1).combine_chunks(),
                "first_us": first_us,
                "last_us": last_us,
            },
        )

    def _bare(self, rows: _Rows, kind: TraitKind, chunk: Chunk, name: str, veiled: pa.Array) -> pa.ChunkedArray:
        """Take the pseudonyms among a column's identifiers as they are; return the rest."""
        values = chunk.column(name).cast(pa.string())
        if not pc.any(veiled).as_py():
            return values
        at, value = told_pseudonyms(pc.if_else(veiled, values, None))
        rows.add(kind, chunk.account[at], value, chunk.us[at])
        return pc.if_else(veiled, None, values)

    def _open(self, rows: _Rows, kind: TraitKind, values: pa.ChunkedArray, account: Int, us: Int) -> None:
        value, names, hashes = hash_column(values)
        known = value != 0
        rows.add(kind, account[known], value[known], us[known])
        rows.tell(kind, names.to_pylist(), hashes.tolist())

    def _secret(self, rows: _Rows, kind: TraitKind, values: pa.ChunkedArray, account: Int, us: Int) -> None:
        at, value = self._pseudonyms.values(kind, values, us)
        rows.add(kind, account[at], value, us[at])

    def _address(
        self, rows: _Rows, kinds: tuple[TraitKind, TraitKind], values: pa.ChunkedArray, account: Int, us: Int
    ) -> None:
        self._secret(rows, kinds[0], values, account, us)
        at, value = self._pseudonyms.prefixes(kinds[1], values, us)
        rows.add(kinds[1], account[at], value, us[at])
        self._tag(rows, values, "cidr", account, us)
        # a shared exit is no link: mark the network, so that detection only stratifies by it
        shared = self._entities.shared_exits(values)
        out = np.isin(at, np.flatnonzero(shared))
        marked = np.unique(value[out])
        rows.tell(kinds[1], [SHARED_EXIT] * len(marked), marked.tolist())
        ip_at, ip_value = self._pseudonyms.values(kinds[0], values, us)
        marked = np.unique(ip_value[np.isin(ip_at, np.flatnonzero(shared))])
        rows.tell(kinds[0], [SHARED_EXIT] * len(marked), marked.tolist())

    def _configuration(self, rows: _Rows, chunk: Chunk) -> None:
        told = [name for name in _CONFIG if chunk.has(name)]
        if not told:
            return
        parts = [pc.fill_null(chunk.column(name).cast(pa.string()), "-") for name in told]
        value, _, _ = hash_column(pc.binary_join_element_wise(*parts, "|"))
        rows.add(TraitKind.CONFIG, chunk.account, value, chunk.us)

    def _enrich(self, rows: _Rows, name: str, kind: TraitKind, chunk: Chunk) -> None:
        if chunk.has(name):
            self._tag(rows, chunk.column(name).cast(pa.string()), str(kind), chunk.account, chunk.us)

    def _tag(self, rows: _Rows, values: pa.ChunkedArray, kind: str, account: Int, us: Int) -> None:
        at, names = self._entities.tags(kind, values)
        if not len(at):
            return
        value, distinct, hashes = hash_column(names)
        rows.add(TraitKind.ENTITY, account[at], value, us[at])
        rows.tell(TraitKind.ENTITY, distinct.to_pylist(), hashes.tolist())
