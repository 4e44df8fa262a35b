"""Exchanges become lines of the contract that hold no text and no identifier: sketches and pseudonyms stand for them.

A batch at a time, since a sketch of one text costs nearly as much as the sketches of twenty. Whatever a scan makes of
the raw exchange, it can make of its line: pseudonyms are told in every epoch in force, the network beside the address,
and what is known of an address is looked up here, for nobody can look up a pseudonym.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spiritsafe.gateway.capture.exchange import Captured
from spiritsafe.gateway.capture.exemplars import Exemplars
from spiritsafe.gateway.capture.mend import mended, text
from spiritsafe.model.words import TraitKind
from spiritsafe.privacy.pseudonyms import Pseudonyms
from spiritsafe.privacy.told import Told
from spiritsafe.sketch.codec import encode
from spiritsafe.sketch.sketches import sketch_texts

__all__ = ["Lookup", "Places", "Veil"]

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
Row = dict[str, Any]

_DAY_US = 86_400_000_000
_MOST = 50_000
"""Identifiers remembered, some 20 MB; beyond it, remembering starts afresh."""
_RAW = ("prompt", "system_prompt", "response", "client_ip", "end_user_id", "conversation_id")
"""Columns that no line holds as they are."""


class Places(Protocol):
    """What is known of a column of n addresses; see ``ingest.entities.Places``, which is one."""

    @property
    def asn(self) -> pa.Array:
        """Where each is routed, int64 [n] with nulls."""

    @property
    def country(self) -> pa.Array:
        """Where each is, string [n] with nulls."""

    @property
    def rows(self) -> Int:
        """A row of the column for each of its tags."""

    @property
    def tags(self) -> pa.Array:
        """The tags, a row each."""

    @property
    def shared(self) -> Bool:
        """Which addresses are exits that unrelated people share, bool [n]."""

    @property
    def whole(self) -> Bool:
        """Of which addresses all of the network is one, bool [n]."""


class Lookup(Protocol):
    """Who knows what stands behind addresses."""

    def places(self, ips: pa.Array, asn: pa.Array) -> Places | None:
        """Look up addresses; None where there is nothing to look them up in."""


class Veil:
    """Turns exchanges into lines of JSON.

    Args:
        pseudonyms: the store's, sealing identifiers if it keeps a vault.
        text_key: the store's, under which texts are hashed.
        lookup: the provider's intelligence about networks; without it, lines say nothing of what an address serves as.
        organisations: how many must have sent a sentence before its words are told.
    """

    def __init__(
        self, pseudonyms: Pseudonyms, text_key: bytes, lookup: Lookup | None = None, organisations: int = 5
    ) -> None:
        self._exemplars = Exemplars(organisations, text_key)
        self._pseudonyms, self._key, self._lookup = pseudonyms, text_key, lookup
        self._addresses: dict[_Seen, Row] = {}
        self._users: dict[_Seen, str] = {}

    def lines(self, batch: Sequence[Captured]) -> list[bytes]:
        r"""Return a line of the contract's ``exchanges``, ending in ``\n``, for each exchange.

        Args:
            batch: at least one exchange; hundreds cost far less than as many times one.

        Raises:
            StoreError: an identifier could not be sealed.
        """
        rows = [mended(exchange, without=_RAW) for exchange in batch]
        self._sketched(rows, batch)
        self._addressed(rows, batch)
        self._end_users(rows, batch)
        for row, exchange in zip(rows, batch, strict=True):
            if exchange.conversation_id:
                row["conversation_id"] = self._conversation(exchange.conversation_id)
            row["pseudonymised"] = True
        return [msgspec.json.encode(row) + b"\n" for row in rows]

    def warm(self) -> None:
        """Load the compiled kernels, so that the first exchange does not wait for them."""
        Veil(self._pseudonyms, self._key).lines([_EXAMPLE])  # another one: this one must count nobody

    def _sketched(self, rows: list[Row], batch: Sequence[Captured]) -> None:
        sketches = sketch_texts(
            [text(exchange.prompt) for exchange in batch],
            [text(exchange.system_prompt) for exchange in batch],
            [text(exchange.response) for exchange in batch],
            tool_count=[row.get("tool_count", 0) for row in rows],
            image_count=[row.get("image_count", 0) for row in rows],
            message_count=[row.get("message_count", 0) for row in rows],
            key=self._key,
        )
        records = encode(sketches, self._key).to_pylist()
        for at in np.flatnonzero(sketches.instance).tolist():
            rows[at]["sketch"] = records[at]
        for at, told in self._exemplars.told(batch, sketches).items():
            rows[at]["exemplars"] = told

    def _addressed(self, rows: list[Row], batch: Sequence[Captured]) -> None:
        keys = [
            _Seen(text(exchange.client_ip) or "", exchange.started_at // _DAY_US, row.get("asn"))
            for row, exchange in zip(rows, batch, strict=True)
        ]
        for row, told in zip(rows, _remembered(self._addresses, keys, self._told_of), strict=True):
            row |= {name: value for name, value in told.items() if name not in row}

    def _told_of(self, seen: list["_Seen"]) -> list[Row]:
        """Return the columns that tell of addresses: pseudonyms with network and tags, ASN and country."""
        ips = pa.array([one.identifier or None for one in seen], pa.string())
        us = np.array([one.day * _DAY_US for one in seen], np.int64)
        single, wide = self._pseudonyms.addresses((TraitKind.IP, TraitKind.PREFIX), ips, us)
        singles, wides = _by_row(len(seen), *single), _by_row(len(seen), *wide)
        tags: list[tuple[str, ...]] = [()] * len(seen)
        columns: list[Row] = [{} for _ in seen]
        places = self._lookup.places(ips, pa.array([one.asn for one in seen], pa.int64())) if self._lookup else None
        if places:
            tags = _by_row(len(seen), places.rows, places.tags.to_pylist())
            hidden = places.shared & ~places.whole
            wides = [() if hide else told for hide, told in zip(hidden.tolist(), wides, strict=True)]
            where = zip(places.asn.to_pylist(), places.country.to_pylist(), strict=True)
            columns = [{"asn": asn, "country": country} for asn, country in where]
        for row, *told in zip(columns, singles, wides, tags, strict=True):
            if told[0]:
                row["client_ip"] = str(Told(*told))
        return [{name: value for name, value in row.items() if value is not None} for row in columns]

    def _end_users(self, rows: list[Row], batch: Sequence[Captured]) -> None:
        at = [place for place, exchange in enumerate(batch) if exchange.end_user_id]
        keys = [_Seen(text(batch[place].end_user_id) or "", batch[place].started_at // _DAY_US) for place in at]
        for place, told in zip(at, _remembered(self._users, keys, self._told_of_users), strict=True):
            if told:
                rows[place]["end_user_id"] = told

    def _told_of_users(self, seen: list["_Seen"]) -> list[str]:
        names = pa.array([one.identifier for one in seen], pa.string())
        us = np.array([one.day * _DAY_US for one in seen], np.int64)
        found = _by_row(len(seen), *self._pseudonyms.values(TraitKind.END_USER, names, us))
        return [str(Told(values)) if values else "" for values in found]

    def _conversation(self, name: str) -> str:
        """Return a hash that only tells one conversation from another; nobody looks a conversation up."""
        raw = name.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(raw, key=self._key, digest_size=8, person=b"conversation").hexdigest()


class _Seen(NamedTuple):
    """An identifier on a day: what is told of it stays the same as long, for epochs begin and end with days."""

    identifier: str
    day: int
    asn: int | None = None


T = TypeVar("T")


def _remembered(known: dict[_Seen, T], keys: list[_Seen], make: Callable[[list[_Seen]], list[T]]) -> list[T]:
    """Return what is told of each identifier, made afresh only where it is not known: callers come again and again."""
    fresh = [key for key in dict.fromkeys(keys) if key not in known]
    if len(known) + len(fresh) > _MOST:
        known.clear()
        fresh = list(dict.fromkeys(keys))
    if fresh:
        known.update(zip(fresh, make(fresh), strict=True))
    return [known[key] for key in keys]


def _by_row(n: int, rows: Int, values: Any) -> list[tuple[Any, ...]]:
    """Return what each of n rows has, in the order in which it is told; see ``Pseudonyms``."""
    out: list[list[Any]] = [[] for _ in range(n)]
    for row, value in zip(rows.tolist(), values.tolist() if isinstance(values, np.ndarray) else values, strict=True):
        out[row].append(value)
    return [tuple(told) for told in out]


_EXAMPLE = Captured(
    exchange_id="warm",
    started_at=1_767_225_600_000_000,
    account_id="warm",
    model="warm",
    input_tokens=0,
    output_tokens=0,
    prompt="Translate: \u00c4rger. Then explain it step by step.",
    system_prompt="Score from 1 to 5.",
    response="4",
)
