"""What an account can have in common with another, as rows of ``traits`` and the labels that may be shown.

Identifiers go through the pseudonymiser and never past it; values that are no secret (a model, a TLS
fingerprint, a country) keep a label so that a person can read the evidence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.engine.tables import CARRIED, DAY_US, TABLES, TRAIT_DAYS
from spiritsafe.ingest.chunk import Chunk
from spiritsafe.ingest.entities import Entities, Places
from spiritsafe.ingest.hashes import combined, hash_column, hash_numbers, hash_strings
from spiritsafe.ingest.rollups import table_of
from spiritsafe.ingest.runs import Runs, runs_of
from spiritsafe.ingest.told import Veiled, veiled
from spiritsafe.model.words import SHARED_EXIT, EntityKind, TraitKind, link_kind
from spiritsafe.privacy.pseudonyms import Pseudonyms
from spiritsafe.sketch.language import LANGUAGES

__all__ = ["Traits"]

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

_HABITS = {name: kind for name, kind in CARRIED["habits"].items() if kind is not TraitKind.CONFIG}
_WIDE = {TraitKind.PREFIX, TraitKind.SIGNUP_PREFIX}
_CONFIG = ("temperature", "max_tokens", "n", "stream", "logprobs", "thinking_budget", "tool_count")
_SECRET = {"end_user_id": TraitKind.END_USER}
_ACCOUNT_SECRETS = {
    "payment_fingerprint": TraitKind.PAYMENT,
    "device_id": TraitKind.DEVICE,
    "email": TraitKind.EMAIL,
    "phone": TraitKind.PHONE,
}
_ACCOUNT_OPEN = {"email_domain": TraitKind.EMAIL_DOMAIN, "referral": TraitKind.REFERRAL}


class _Rows:
    """Collects trait rows, counted by account, kind, value and bucket of days.

    Attributes:
        runs: the rows account by account.
        parts: lanes of values by kind.
        carried: values per row, 0 for none, by table that carries several traits in a row, and its column.
        labels: what may be shown, by kind and value.
    """

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.parts: dict[TraitKind, list[Int]] = {}
        self.carried: dict[str, dict[str, Int]] = {}
        self.labels: dict[tuple[str, int], str] = {}

    def add(self, kind: TraitKind, value: Int) -> None:
        """Take a value per row, 0 for none."""
        self.parts.setdefault(kind, []).append(value)

    def add_at(self, kind: TraitKind, at: Int, value: Int) -> None:
        """Take the values of some rows; a row may be there several times, once in each pass through the rows."""
        for lane in self.lanes(at, value):
            self.add(kind, lane)

    def carry(self, table: str, column: str, value: Int) -> None:
        """Take a value per row, 0 for none, that is told together with others."""
        self.carried.setdefault(table, {})[column] = value

    def lanes(self, at: Int, value: Int) -> list[Int]:
        """Return the values of some rows as a value per row, one lane for each pass through the rows."""
        turn = np.flatnonzero(np.diff(at) <= 0) + 1
        out = []
        for rows, values in zip(np.split(at, turn), np.split(value, turn), strict=True):
            out.append(np.zeros(len(self.runs.us), np.int64))
            out[-1][rows] = values
        return out

    def tell(self, kind: TraitKind, labels: Iterable[str | None], values: Iterable[int]) -> None:
        self.labels.update({(str(kind), v): t for t, v in zip(labels, values, strict=True) if t})

    def tables(self) -> dict[str, pa.Table]:
        """Return rows of the stored tables by name."""
        carried = {name: self._carrying(name, columns) for name, columns in self.carried.items()}
        return {"traits": self._traits(), **carried, "labels": self._labels()}

    def _traits(self) -> pa.Table:
        kinds = sorted(self.parts)
        found = [
            self.runs.distinct(*self.parts[kind], days=1 if kind is TraitKind.MODEL else TRAIT_DAYS) for kind in kinds
        ]
        codes = np.repeat(np.arange(len(kinds)), [len(part.value) for part in found])

        def column(name: str) -> Int:
            parts = [getattr(part, name) for part in found]
            if len(parts) == 1:
                return np.asarray(parts[0])
            return np.concatenate(parts) if parts else np.zeros(0, np.int64)

        return table_of(
            "traits",
            {
                "kind": pa.DictionaryArray.from_arrays(
                    pa.array(codes, pa.int32()), pa.array([str(kind) for kind in kinds], pa.string())
                ).cast(pa.string()),
                **{name: column(name) for name in ("account", "value", "day", "n", "first_us", "last_us")},
            },
        )

    def _carrying(self, name: str, told: Mapping[str, Int]) -> pa.Table:
        none = np.zeros(len(self.runs.us), np.int64)
        columns = {column: told.get(column, none) for column in CARRIED[name]}
        found = self.runs.distinct(combined(list(columns.values())), days=TRAIT_DAYS)
        kept = found._asdict()
        row = kept.pop("row")
        kept[TABLES[name].keys[1]] = kept.pop("value")
        return table_of(name, {**kept, **{column: value[row] for column, value in columns.items()}})

    def _labels(self) -> pa.Table:
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

    def of_exchanges(self, chunk: Chunk, language: Int) -> dict[str, pa.Table]:
        """Return rows of ``traits``, of the tables that carry several traits in a row, and of ``labels``, by table.

        Args:
            chunk: the exchanges.
            language: of each, as an index into ``LANGUAGES``; -1 unknown.
        """
        rows = _Rows(chunk.runs)
        self._language(rows, language)
        hidden = pa.array(chunk.flags("pseudonymised").astype(np.bool_))
        bare, told = self._bare(chunk, "client_ip", hidden)
        places = self._entities.places(bare, chunk.column("asn"))
        if places:
            chunk = _located(chunk, places)
            self._tagged(rows, places.rows, places.tags)
        if told:
            self._tagged(rows, *told.tags_beside(places.rows, places.tags) if places else (told.rows, told.tags))
        for name, habit in _HABITS.items():
            if chunk.has(name):
                rows.carry("habits", name, self._open(rows, habit, chunk.column(name)))
        if chunk.has("model"):
            rows.add(TraitKind.MODEL, self._open(rows, TraitKind.MODEL, chunk.column("model")))
        self._secrets(rows, chunk, hidden)
        if chunk.has("client_ip"):
            self._addresses(rows, bare, told, _exits(places, told))
        if chunk.has("system_prompt"):
            rows.add(TraitKind.SYSTEM, hash_column(chunk.column("system_prompt"), self._key)[0])
        self._configuration(rows, chunk)
        if chunk.has("ja4"):
            self._tagged(rows, *self._entities.tags(EntityKind.JA4, chunk.column("ja4")))
        return rows.tables()

    def of_accounts(self, accounts: pa.Table, us: Int) -> dict[str, pa.Table]:
        """Return rows of ``traits`` and ``labels`` for the accounts table, by table; ``us`` is when they signed up.

        The table says what is so now, however long ago an account signed up: all rows take the pseudonym
        epoch of the youngest account, else a card could not link an old account to a new one.
        """
        account = hash_strings(accounts.column("account_id"))
        rows = _Rows(runs_of(account, np.full(len(us), us.max(initial=0))))
        for name, kind in _ACCOUNT_SECRETS.items():
            self._secret(rows, kind, accounts.column(name))
        for name, kind in _ACCOUNT_OPEN.items():
            rows.add(kind, self._open(rows, kind, accounts.column(name)))
        ips = accounts.column("signup_ip")
        places = self._entities.places(ips, pa.nulls(len(ips), pa.int64()))
        if places:
            self._tagged(rows, places.rows, places.tags)
        kinds = (TraitKind.SIGNUP_IP, TraitKind.SIGNUP_PREFIX)
        for kind, seen in zip(kinds, self._pseudonyms.addresses(kinds, ips, rows.runs.us), strict=True):
            rows.add_at(kind, *self._linking(rows, kind, *seen, _exits(places, None)))
        self._tagged(rows, *self._entities.tags(EntityKind.DOMAIN, accounts.column("email_domain")))
        return rows.tables()

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

    @staticmethod
    def _bare(chunk: Chunk, name: str, hidden: pa.Array) -> tuple[pa.ChunkedArray, Veiled | None]:
        """Return a column's identifiers, and what it says of those that are pseudonyms already; None if none are."""
        values = chunk.column(name).cast(pa.string())
        if not pc.any(hidden).as_py():
            return values, None
        return pc.if_else(hidden, None, values), veiled(pc.if_else(hidden, values, None))

    def _language(self, rows: _Rows, language: Int) -> None:
        hashes = hash_strings(pa.array(LANGUAGES))
        rows.add(TraitKind.LANGUAGE, np.append(hashes, 0)[language])
        spoken = np.unique(language[language >= 0]).tolist()
        rows.tell(TraitKind.LANGUAGE, [LANGUAGES[code] for code in spoken], hashes[spoken].tolist())

    def _open(self, rows: _Rows, kind: TraitKind, values: pa.Array | pa.ChunkedArray) -> Int:
        """Return the values of a column that is no secret, and tell what they stand for."""
        if pa.types.is_integer(values.type):  # an ASN: few distinct, and dearer as texts than as numbers
            coded = values.combine_chunks().dictionary_encode()
            values = pa.DictionaryArray.from_arrays(coded.indices, coded.dictionary.cast(pa.string()))
        value, names, hashes = hash_column(values)
        rows.tell(kind, names.to_pylist(), hashes.tolist())
        return value

    def _secrets(self, rows: _Rows, chunk: Chunk, hidden: pa.Array) -> None:
        for name, kind in _SECRET.items():
            if chunk.has(name):
                bare, told = self._bare(chunk, name, hidden)
                if told:
                    rows.add_at(kind, *told.single)
                self._secret(rows, kind, bare)

    def _secret(self, rows: _Rows, kind: TraitKind, values: pa.ChunkedArray) -> None:
        rows.add_at(kind, *self._pseudonyms.values(kind, values, rows.runs.us))

    def _addresses(self, rows: _Rows, values: pa.ChunkedArray, told: Veiled | None, exits: "_Exits | None") -> None:
        """Carry each exchange's address and network, in every epoch in force; ``told`` are pseudonyms already."""
        kinds = (TraitKind.IP, TraitKind.PREFIX)
        found = self._pseudonyms.addresses(kinds, values, rows.runs.us)
        none = np.zeros(len(rows.runs.us), np.int64)
        for kind, seen, said in zip(kinds, found, (told.single, told.wide) if told else (None, None), strict=True):
            lanes = rows.lanes(*self._linking(rows, kind, *seen, exits))
            if said:
                more = rows.lanes(*self._linking(rows, kind, *said, exits))
                lanes = [
                    sum(each, none) for each in zip_longest(lanes, more, fillvalue=none)
                ]  # a row is in one of them
            for column, lane in zip((str(kind), f"{kind}_before"), lanes, strict=False):
                rows.carry("addresses", column, lane)

    @staticmethod
    def _linking(rows: _Rows, kind: TraitKind, at: Int, value: Int, exits: "_Exits | None") -> tuple[Int, Int]:
        """Return (row, pseudonym) of addresses or of networks, without those that say nothing of their neighbours.

        A shared exit is no link: it is marked, so that detection only stratifies by it. So is its network, if all of
        that is one; else the network is not told for who came by the exit: strangers behind it have no more in
        common, and one exit among them must not hide the others in its network.
        """
        if not exits:
            return at, value
        shared = exits.shared
        if kind in _WIDE:
            told = ~shared[at] | exits.whole[at]
            at, value, shared = at[told], value[told], exits.whole
        marked = np.unique(value[shared[at]])
        rows.tell(kind, [SHARED_EXIT] * len(marked), marked.tolist())
        return at, value

    @staticmethod
    def _configuration(rows: _Rows, chunk: Chunk) -> None:
        """How the API was called: one hash of all parameters that the log tells, absent ones included."""
        told = [name for name in _CONFIG if chunk.has(name)]
        if told:
            rows.carry("habits", "config", hash_numbers([chunk.column(name) for name in told]))

    @staticmethod
    def _tagged(rows: _Rows, at: Int, tags: pa.Array) -> None:
        if len(at):
            value, distinct, hashes = hash_column(tags)
            rows.add_at(TraitKind.ENTITY, at, value)
            rows.tell(TraitKind.ENTITY, distinct.to_pylist(), hashes.tolist())


class _Exits(NamedTuple):
    """Which rows came by an exit that unrelated people share, and of which all of the network is one, bool [n]."""

    shared: Bool
    whole: Bool


def _exits(places: Places | None, told: Veiled | None) -> _Exits | None:
    """Join what intelligence says of addresses with what was said where they were veiled; None where neither does."""
    known = [_Exits(places.shared, places.whole)] if places else []
    if told and told.shared.any():
        known.append(_Exits(told.shared, told.shared))
    return _Exits(*(np.logical_or.reduce(parts) for parts in zip(*known, strict=True))) if known else None


def _located(chunk: Chunk, places: Places) -> Chunk:
    """Return the exchanges with the ASN and country that the log left out."""
    table = chunk.table
    said = pc.coalesce(chunk.column("country").cast(pa.string()), places.country)
    for name, column in (("asn", places.asn), ("country", said)):
        at = table.column_names.index(name) if name in table.column_names else None
        table = table.append_column(name, column) if at is None else table.set_column(at, name, column)
    return replace(chunk, table=table)
