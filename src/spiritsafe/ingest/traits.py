"""What an account can have in common with another, as rows of ``traits`` and the labels that may be shown.

Identifiers go through the pseudonymiser and never past it; values that are no secret (a model, a TLS
fingerprint, a country) keep a label so that a person can read the evidence.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.engine.tables import DAY_US, TRAIT_DAYS
from spiritsafe.ingest.chunk import Chunk
from spiritsafe.ingest.entities import Entities, Places
from spiritsafe.ingest.hashes import hash_column, hash_numbers, hash_strings
from spiritsafe.ingest.rollups import table_of
from spiritsafe.ingest.runs import Distinct, Runs, runs_of
from spiritsafe.ingest.told import told_pseudonyms
from spiritsafe.model.words import SHARED_EXIT, EntityKind, TraitKind, link_kind
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

    def addresses(
        self, kinds: tuple[TraitKind, TraitKind], ips: pa.Array | pa.ChunkedArray, us: Int
    ) -> tuple[tuple[Int, Int], tuple[Int, Int]]:
        """Pseudonyms of addresses, and of their /24 and /48 networks."""
        ...


class _Rows:
    """Collects trait rows, counted by account, kind, value and bucket of days."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.parts: dict[TraitKind, list[Int]] = {}
        self.labels: dict[tuple[str, int], str] = {}

    def add(self, kind: TraitKind, value: Int) -> None:
        """Take a value per row, 0 for none."""
        self.parts.setdefault(kind, []).append(value)

    def add_at(self, kind: TraitKind, at: Int, value: Int) -> None:
        """Take the values of some rows; a row may be there twice, once in each half of the list."""
        turn = np.flatnonzero(np.diff(at) <= 0) + 1
        for rows, values in zip(np.split(at, turn), np.split(value, turn), strict=True):
            lane = np.zeros(len(self.runs.us), np.int64)
            lane[rows] = values
            self.add(kind, lane)

    def tell(self, kind: TraitKind, labels: Iterable[str | None], values: Iterable[int]) -> None:
        self.labels.update({(str(kind), v): t for t, v in zip(labels, values, strict=True) if t})

    def table(self) -> pa.Table:
        kinds = sorted(self.parts)
        found = [
            self.runs.distinct(*self.parts[kind], days=1 if kind is TraitKind.MODEL else TRAIT_DAYS) for kind in kinds
        ]
        codes = np.repeat(np.arange(len(kinds)), [len(part.value) for part in found])

        def column(name: str) -> Int:
            parts = [getattr(part, name) for part in found]
            return np.concatenate(parts) if parts else np.zeros(0, np.int64)

        return table_of(
            "traits",
            {
                "kind": pa.DictionaryArray.from_arrays(
                    pa.array(codes, pa.int32()), pa.array([str(kind) for kind in kinds], pa.string())
                ).cast(pa.string()),
                **{name: column(name) for name in Distinct._fields},
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
        rows = _Rows(chunk.runs)
        self._language(rows, language)
        veiled = pa.array(chunk.flags("pseudonymised").astype(np.bool_))
        bare = self._bare(rows, TraitKind.IP, chunk, "client_ip", veiled)
        places = self._entities.places(bare, chunk.column("asn"))
        if places:
            chunk = _located(chunk, places)
            self._tagged(rows, places.rows, places.tags)
        for name, kind in _OPEN.items():
            if chunk.has(name):
                self._open(rows, kind, chunk.column(name))
        for name, kind in _SECRET.items():
            if chunk.has(name):
                self._secret(rows, kind, self._bare(rows, kind, chunk, name, veiled))
        if chunk.has("client_ip"):
            self._address(rows, (TraitKind.IP, TraitKind.PREFIX), bare, places)
        if chunk.has("system_prompt"):
            rows.add(TraitKind.SYSTEM, hash_column(chunk.column("system_prompt"), self._key)[0])
        self._configuration(rows, chunk)
        if chunk.has("ja4"):
            self._tagged(rows, *self._entities.tags(EntityKind.JA4, chunk.column("ja4")))
        return rows.table(), rows.label_table()

    def of_accounts(self, accounts: pa.Table, us: Int) -> tuple[pa.Table, pa.Table]:
        """Return rows of ``traits`` and ``labels`` for the accounts table; ``us`` is when they signed up.

        The table says what is so now, however long ago an account signed up: all rows take the pseudonym
        epoch of the youngest account, else a card could not link an old account to a new one.
        """
        account = hash_strings(accounts.column("account_id"))
        rows = _Rows(runs_of(account, np.full(len(us), us.max(initial=0))))
        for name, kind in _ACCOUNT_SECRETS.items():
            self._secret(rows, kind, accounts.column(name))
        for name, kind in _ACCOUNT_OPEN.items():
            self._open(rows, kind, accounts.column(name))
        ips = accounts.column("signup_ip")
        places = self._entities.places(ips, pa.nulls(len(ips), pa.int64()))
        if places:
            self._tagged(rows, places.rows, places.tags)
        self._address(rows, (TraitKind.SIGNUP_IP, TraitKind.SIGNUP_PREFIX), ips, places)
        self._tagged(rows, *self._entities.tags(EntityKind.DOMAIN, accounts.column("email_domain")))
        return rows.table(), rows.label_table()

    def of_links(self, links: pa.Table, first_us: Int, last_us: Int) -> pa.Table:
        """Return rows of ``traits`` for a links table; a family of the provider's own has a kind of its own."""
        account = hash_strings(links.column("account_id"))
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
                "day": first_us // (TRAIT_DAYS * DAY_US) * TRAIT_DAYS,
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
        rows.add_at(kind, *told_pseudonyms(pc.if_else(veiled, values, None)))
        return pc.if_else(veiled, None, values)

    def _language(self, rows: _Rows, language: Int) -> None:
        hashes = hash_strings(pa.array(LANGUAGES))
        rows.add(TraitKind.LANGUAGE, np.append(hashes, 0)[language])
        spoken = np.unique(language[language >= 0]).tolist()
        rows.tell(TraitKind.LANGUAGE, [LANGUAGES[code] for code in spoken], hashes[spoken].tolist())

    def _open(self, rows: _Rows, kind: TraitKind, values: pa.Array | pa.ChunkedArray) -> None:
        if pa.types.is_integer(values.type):  # an ASN: few distinct, and dearer as texts than as numbers
            coded = values.combine_chunks().dictionary_encode()
            values = pa.DictionaryArray.from_arrays(coded.indices, coded.dictionary.cast(pa.string()))
        value, names, hashes = hash_column(values)
        rows.add(kind, value)
        rows.tell(kind, names.to_pylist(), hashes.tolist())

    def _secret(self, rows: _Rows, kind: TraitKind, values: pa.ChunkedArray) -> None:
        rows.add_at(kind, *self._pseudonyms.values(kind, values, rows.runs.us))

    def _address(
        self, rows: _Rows, kinds: tuple[TraitKind, TraitKind], values: pa.ChunkedArray, places: Places | None
    ) -> None:
        single, wide = self._pseudonyms.addresses(kinds, values, rows.runs.us)
        rows.add_at(kinds[0], *single)
        rows.add_at(kinds[1], *wide)
        if not places:
            return
        # a shared exit is no link: mark the address and its network, so that detection only stratifies by them
        shared = places.shared
        for kind, (at, value) in zip(kinds, (single, wide), strict=True):
            marked = np.unique(value[shared[at]])
            rows.tell(kind, [SHARED_EXIT] * len(marked), marked.tolist())

    def _configuration(self, rows: _Rows, chunk: Chunk) -> None:
        """How the API was called: one hash of all parameters that the log tells, absent ones included."""
        told = [name for name in _CONFIG if chunk.has(name)]
        if told:
            rows.add(TraitKind.CONFIG, hash_numbers([chunk.column(name) for name in told]))

    @staticmethod
    def _tagged(rows: _Rows, at: Int, tags: pa.Array) -> None:
        if len(at):
            value, distinct, hashes = hash_column(tags)
            rows.add_at(TraitKind.ENTITY, at, value)
            rows.tell(TraitKind.ENTITY, distinct.to_pylist(), hashes.tolist())


def _located(chunk: Chunk, places: Places) -> Chunk:
    """Return the exchanges with the ASN and country that the log left out."""
    table = chunk.table
    said = pc.coalesce(chunk.column("country").cast(pa.string()), places.country)
    for name, column in (("asn", places.asn), ("country", said)):
        at = table.column_names.index(name) if name in table.column_names else None
        table = table.append_column(name, column) if at is None else table.set_column(at, name, column)
    return replace(chunk, table=table)
