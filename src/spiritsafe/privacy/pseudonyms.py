"""Identifiers -> keyed pseudonyms, one key per trait kind and epoch.

Keyed, because there are only 2**32 IPv4 addresses: an unkeyed hash is a table away from the address.
Work is done once per distinct value, since logs repeat addresses thousands of times.

A pseudonym is 56 bits of HMAC-SHA256 above 8 bits of epoch number, as a signed int64. Among n distinct
values of one kind and epoch the chance of any collision is at most n**2 / 2**57: 7e-6 for a million,
7e-4 for ten million.
"""

import hmac
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spiritsafe.model.epochs import EPOCH_MASK, PSEUDONYMISED, Epochs
from spiritsafe.model.words import TraitKind
from spiritsafe.privacy.bulk import heads, ipv4
from spiritsafe.privacy.keys import MasterKey, Purpose
from spiritsafe.privacy.normalise import NORMALISERS

__all__ = ["Pseudonym", "Pseudonymiser", "Pseudonyms"]

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """One pseudonym of a raw identifier, for an investigator who looks it up."""

    kind: TraitKind
    epoch: int
    value: int


class Pseudonyms(Protocol):
    """Turns identifiers into 64-bit pseudonyms: a pseudonymiser, or what is wrapped around one.

    Both methods return (row, pseudonym): a row appears once per epoch in force, and not at all where the
    identifier is null or unreadable.
    """

    def values(self, kind: TraitKind, values: pa.Array | pa.ChunkedArray, us: Int64s) -> tuple[Int64s, Int64s]:
        """Pseudonyms of identifiers."""
        ...

    def addresses(
        self, kinds: tuple[TraitKind, TraitKind], ips: pa.Array | pa.ChunkedArray, us: Int64s
    ) -> tuple[tuple[Int64s, Int64s], tuple[Int64s, Int64s]]:
        """Pseudonyms of addresses, and of their /24 and /48 networks."""
        ...


class Pseudonymiser:
    """Turns identifiers into pseudonyms under one master key.

    Args:
        master: the key.
        epochs: when pseudonyms change; a length of centuries turns rotation off.
    """

    def __init__(self, master: MasterKey, epochs: Epochs) -> None:
        self._master = master
        self._epochs = epochs
        self._keys: dict[tuple[TraitKind, int], bytes] = {}

    def values(self, kind: TraitKind, values: pa.Array | pa.ChunkedArray, us: Int64s) -> tuple[Int64s, Int64s]:
        """Return the pseudonyms of a column in every epoch in force when each row happened.

        Args:
            kind: a kind in ``PSEUDONYMISED``; prefix kinds take addresses and give their /24 or /48.
            values: (n,) strings, plain or dictionary-encoded.
            us: (n,) event times, microseconds since the epoch, UTC.

        Returns:
            Two arrays (m,): row index and pseudonym. A row appears once per epoch in force, and not at
            all if its text is null, blank or no identifier of that kind.

        Raises:
            ValueError: if ``kind`` is not pseudonymised.
        """
        codes, distinct = _encode(values)
        spelt = _spell(kind, distinct)
        usable = np.array([*(text is not None for text in spelt), False])[codes]
        newest = us // self._epochs.step_us
        in_overlap = us - newest * self._epochs.step_us < self._epochs.overlap_us
        late = self._column(kind, codes, spelt, usable, newest)
        early = self._column(kind, codes, spelt, usable & in_overlap, newest - 1)
        return np.concatenate([late[0], early[0]]), np.concatenate([late[1], early[1]])

    def addresses(
        self, kinds: tuple[TraitKind, TraitKind], ips: pa.Array | pa.ChunkedArray, us: Int64s
    ) -> tuple[tuple[Int64s, Int64s], tuple[Int64s, Int64s]]:
        """Return the pseudonyms of addresses and of their /24 and /48 networks; see :meth:`values`.

        Args:
            kinds: of the address and of the network.
            ips: (n,) addresses.
            us: (n,) event times.
        """
        return self.values(kinds[0], ips, us), self.values(kinds[1], ips, us)

    def at(self, kind: TraitKind, epoch: int, texts: pa.Array) -> Int64s:
        """Return the pseudonyms of texts in one epoch, (n,); 0 where a text is no identifier of that kind.

        Args:
            kind: a kind in ``PSEUDONYMISED``.
            epoch: its number.
            texts: (n,) strings without nulls.
        """
        out = np.zeros(len(texts), dtype=np.int64)
        plain = np.arange(len(texts))
        if kind in _ADDRESS_BYTES:
            bare = pc.cast(texts, pa.large_binary())
            _, bounds, data = bare.buffers()
            ends = np.frombuffer(bounds, np.int64)[bare.offset : bare.offset + len(bare) + 1]
            address = ipv4(np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8), ends)
            quads = np.flatnonzero(address >= 0)
            out[quads] = self._of_addresses(kind, epoch, address[quads])
            plain = np.flatnonzero(address < 0)
        if len(plain):
            spelt = _spell(kind, texts.take(pa.array(plain)).to_pylist())
            hashes = self._hashes(kind, epoch, [text or b"" for text in spelt])
            known = np.array([text is not None for text in spelt])
            out[plain] = np.where(known, np.array(hashes, np.int64), 0)
        return out

    def _of_addresses(self, kind: TraitKind, epoch: int, address: Int64s) -> Int64s:
        """Return the pseudonyms of IPv4 addresses given as numbers; the same as :meth:`_hashes` of their bytes."""
        width = _ADDRESS_BYTES[kind]
        # equal networks are hashed again: that is cheaper than to find them
        packed = address.astype(">u4").view(np.uint8).reshape(-1, 4)[:, :width]
        head = heads(self._key(kind, epoch), np.ascontiguousarray(packed), np.full(len(address), width))
        return ((head & ~np.uint64(EPOCH_MASK)) | np.uint64(epoch & EPOCH_MASK)).view(np.int64)

    @staticmethod
    def unreadable(kind: TraitKind, values: pa.Array | pa.ChunkedArray) -> Int64s:
        """Return the rows whose text is neither null nor blank nor an identifier of that kind."""
        codes, distinct = _encode(values)
        spelt = _spell(kind, distinct)
        wrong = [text is None and bool(raw.strip()) for raw, text in zip(distinct, spelt, strict=True)]
        return np.flatnonzero(np.array([*wrong, False])[codes])

    def lookup(self, raw: str, first_us: int, last_us: int) -> list[Pseudonym]:
        """Return the pseudonyms that ``raw`` has, or would have, under each kind that it could be.

        Args:
            raw: the identifier as a person knows it.
            first_us: start of the time of interest, microseconds since the epoch.
            last_us: its end.
        """
        spelt = {kind: NORMALISERS[kind](raw) for kind in sorted(PSEUDONYMISED)}
        return [
            Pseudonym(kind, epoch, self._hashes(kind, epoch, [text])[0])
            for kind, text in spelt.items()
            if text is not None
            for epoch in self._epochs.between(first_us, last_us)
        ]

    def _column(
        self,
        kind: TraitKind,
        codes: Int64s,
        spelt: list[bytes | None],
        wanted: npt.NDArray[np.bool_],
        epochs: Int64s,
    ) -> tuple[Int64s, Int64s]:
        rows = np.flatnonzero(wanted)
        values = np.zeros(len(rows), dtype=np.int64)
        for epoch in np.unique(epochs[rows]).tolist():
            at = np.flatnonzero(epochs[rows] == epoch)
            # Each distinct text once: hashing is the only slow step.
            used, back = np.unique(codes[rows[at]], return_inverse=True)
            hashes = self._hashes(kind, epoch, [spelt[code] or b"" for code in used.tolist()])
            values[at] = np.array(hashes, dtype=np.int64)[back]
        return rows, values

    def _hashes(self, kind: TraitKind, epoch: int, spelt: list[bytes]) -> list[int]:
        key, tail = self._key(kind, epoch), bytes([epoch & EPOCH_MASK])
        digests = [hmac.digest(key, text, "sha256") for text in spelt]
        return [int.from_bytes(digest[:7] + tail, "big", signed=True) for digest in digests]

    def _key(self, kind: TraitKind, epoch: int) -> bytes:
        if (kind, epoch) not in self._keys:
            self._keys[kind, epoch] = self._master.subkey(Purpose.PSEUDONYM, kind, str(epoch))
        return self._keys[kind, epoch]


_ADDRESS_BYTES = {
    TraitKind.IP: 4,
    TraitKind.SIGNUP_IP: 4,
    TraitKind.PREFIX: 3,
    TraitKind.SIGNUP_PREFIX: 3,
}
"""Leading bytes of an IPv4 address that are hashed; see ``normalise``."""


def _spell(kind: TraitKind, texts: list[str]) -> list[bytes | None]:
    if kind not in PSEUDONYMISED:
        raise ValueError(f"{kind} is not a pseudonymised trait")
    return [NORMALISERS[kind](text) for text in texts]


def _encode(texts: pa.Array | pa.ChunkedArray) -> tuple[Int64s, list[str]]:
    """Return a code per row into the list of distinct texts; -1, its end, for null."""
    array = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    if not pa.types.is_dictionary(array.type):
        array = pc.cast(array, pa.string()).dictionary_encode()
    codes = pc.fill_null(pc.cast(array.indices, pa.int64()), -1).to_numpy(zero_copy_only=False)
    return codes, ["" if text is None else text for text in array.dictionary.to_pylist()]
