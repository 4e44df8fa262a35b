"""The provider's intelligence, answering: which networks, domains and fingerprints belong to whom or serve as what.

Lists and tables are one search structure, databases are asked behind it: the smallest network of the lists names
an address's ASN and country, a database only where no list does, and tags of all of them apply. Each distinct
address of a batch is looked up once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.ingest.entities.facts import NOTHING, Answer
from spiritsafe.ingest.entities.mmdb import Mmdb
from spiritsafe.ingest.entities.networks import Networks, edges_of
from spiritsafe.ingest.passes import passes
from spiritsafe.model.words import EntityKind, NetworkTag
from spiritsafe.privacy.normalise import ip_address

__all__ = ["Entities", "Places"]

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

_SHARED = frozenset(tag for tag in NetworkTag if tag.is_shared)


@dataclass(frozen=True)
class Places:
    """What is known of a column of n addresses.

    Attributes:
        asn: where each is routed, int64 [n] with nulls.
        country: where each is, string [n] with nulls.
        rows, tags: a row of the column, and a tag that it has; a row appears once for each of its tags.
        whole: which addresses lie in a /24 or /48 that is such a network in full, bool [n]; a listed address is not
            its neighbours, else whoever names one hides all of them.
    """

    asn: pa.Array
    country: pa.Array
    rows: Int
    tags: pa.Array
    whole: Bool

    @property
    def shared(self) -> Bool:
        """Which addresses lie in a network behind which unrelated people stand, bool [n]."""
        out = np.zeros(len(self.asn), np.bool_)
        out[self.rows[_among(self.tags, _SHARED)]] = True
        return out


@dataclass(frozen=True)
class Entities:
    """Everything that the provider's intelligence says.

    Attributes:
        networks: of all lists and tables; None if they name none.
        names: tags by kind and value of ASNs, domains and fingerprints.
        databases: asked in this order for what the networks leave open.
    """

    networks: Networks | None = None
    names: Mapping[tuple[EntityKind, str], tuple[str, ...]] = field(default_factory=dict)
    databases: Sequence[Mmdb] = ()

    def tags(self, kind: EntityKind, values: pa.ChunkedArray | pa.Array) -> tuple[Int, pa.Array]:
        """Return (rows, their tags) of ASNs, domains or fingerprints; a row appears once for each of its tags."""
        if not self.names:
            return np.zeros(0, np.int64), pa.array([], pa.string())
        index, distinct = _coded(values)
        return _spread(index, [self.names.get((kind, value.lower()), ()) for value in distinct])

    def places(self, ips: pa.ChunkedArray | pa.Array, asn: pa.ChunkedArray | pa.Array) -> Places | None:
        """Look up addresses; None where there is nothing to look them up in.

        Args:
            ips: addresses as the log writes them, string [n]; what is none is known nowhere.
            asn: what the log says, int64 [n]; it stands, and nulls are filled.
        """
        if self.networks is None and not self.databases and not self.names:
            return None
        index, distinct = _coded(ips)
        addresses = [ip_address(text) for text in distinct]
        answers = self._answers(addresses)
        spoken = pc.cast(asn, pa.int64())
        known = pc.coalesce(_whole(spoken), _taken(index, pa.array([one.asn or None for one in answers], pa.int64())))
        rows, tags = _spread(index, [one.tags for one in answers])
        by_asn, of_asn = self.tags(EntityKind.ASN, known.cast(pa.string()))
        whole = np.append(self._whole(addresses), False)[index]
        whole[by_asn[_among(of_asn, _SHARED)]] = True  # what is routed is a /24 or more
        return Places(
            known,
            _taken(index, pa.array([one.country for one in answers], pa.string())),
            np.concatenate([rows, by_asn]),
            pa.concat_arrays([tags, of_asn]),
            whole,
        )

    def _whole(self, addresses: Sequence[bytes | None]) -> Bool:
        """Return of distinct addresses whether all of their /24 or /48 is a shared network, bool [n]."""
        real = [at for at, packed in enumerate(addresses) if packed is not None]
        packed = [one for one in addresses if one is not None]
        found = np.zeros(len(packed), np.bool_)
        if self.networks is not None:
            found |= self.networks.covered(packed, _SHARED)
        for database in self.databases:
            tagged = [not _SHARED.isdisjoint(answer.tags) for answer in database.answers(packed)]
            found |= database.whole(packed) & np.array(tagged, np.bool_)
        out = np.zeros(len(addresses), np.bool_)
        out[real] = found
        return out

    def _answers(self, addresses: Sequence[bytes | None]) -> list[Answer]:
        """Look up distinct addresses of 4 or 16 bytes; None is no address."""
        real = [at for at, packed in enumerate(addresses) if packed is not None]
        packed = [one for one in addresses if one is not None]
        found = self._listed(packed)
        for database in self.databases:
            found = [_both(first, then) for first, then in zip(found, database.answers(packed), strict=True)]
        out = [NOTHING] * len(addresses)
        for at, answer in zip(real, found, strict=True):
            out[at] = answer
        return out

    def _listed(self, packed: Sequence[bytes]) -> list[Answer]:
        if self.networks is None:
            return [NOTHING] * len(packed)
        stretch, which = np.unique(self.networks.find(edges_of(packed)), return_inverse=True)
        answers = [self.networks.answer(one) if one >= 0 else NOTHING for one in stretch.tolist()]
        return [answers[one] for one in which.tolist()]


def _both(first: Answer, then: Answer) -> Answer:
    if then is NOTHING:
        return first
    tags = tuple(dict.fromkeys((*first.tags, *then.tags))) if then.tags else first.tags
    return Answer(first.asn or then.asn, first.country or then.country, tags)


def _coded(values: pa.ChunkedArray | pa.Array) -> tuple[Int, list[str]]:
    """Return (index into the distinct strings per row, -1 for null; the distinct strings)."""
    coded = _whole(pc.cast(values, pa.string())).dictionary_encode()
    index = pc.fill_null(coded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return np.asarray(index, np.int64), coded.dictionary.to_pylist()


def _whole(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole


def _taken(index: Int, values: pa.Array) -> pa.Array:
    """Return the value of each row, null where ``index`` is -1."""
    return values.take(pa.array(index, mask=index < 0))


def _spread(index: Int, tags: Sequence[tuple[str, ...]]) -> tuple[Int, pa.Array]:
    """Return (row, tag) for each tag of each row, pass by pass; ``tags`` are those of each distinct value."""
    rows, at = passes(index, [len(some) for some in tags])
    return rows, pa.array([tag for some in tags for tag in some], pa.string()).take(pa.array(at))


def _among(tags: pa.Array, wanted: frozenset[NetworkTag]) -> Bool:
    return np.asarray(pc.is_in(tags, value_set=pa.array(sorted(wanted), pa.string())).to_numpy(zero_copy_only=False))
