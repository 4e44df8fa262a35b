"""Many networks as one sorted table of stretches, in which a million addresses are found at once.

Networks of several lists overlap, so they are cut at every edge; each stretch then knows all the tags of the
networks over it, and ASN and country of the smallest that names one. A look-up is one binary search however
many lists there are. Edges are 17-byte strings, which numpy sorts and searches as they are: no integer of
numpy's holds an IPv6 address.
"""

from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spiritsafe.ingest.entities.facts import Answer, Network
from spiritsafe.privacy.normalise import PREFIX_BYTES

__all__ = ["EDGE", "Networks", "NetworksBuilder", "edges_of"]

EDGE = np.dtype("S17")
_WIDTH = EDGE.itemsize

Int = NDArray[np.int64]
Edges = NDArray[np.bytes_]


def edges_of(packed: Iterable[bytes]) -> Edges:
    """Return addresses, 4 or 16 bytes each, as edges [n]: comparable with any network's."""
    return np.array([(b"\x04" if len(one) == 4 else b"\x06") + one for one in packed], EDGE)


@dataclass(frozen=True)
class Networks:
    """Stretches of addresses, ascending and without a gap between the first and the last.

    Attributes:
        edges: where each of m stretches starts, [m]; the last one is empty.
        asn: int64 [m], 0 where no network over the stretch names one.
        country: index into ``countries``, int64 [m], -1 where none is named.
        offsets, tags: indices into ``words`` of stretch i are ``tags[offsets[i]:offsets[i + 1]]``, ascending.
        countries, words: what the indices mean.
    """

    edges: Edges
    asn: Int
    country: Int
    offsets: Int
    tags: Int
    countries: tuple[str, ...]
    words: tuple[str, ...]

    def find(self, addresses: Edges) -> Int:
        """Return the stretch in which each address lies, int64 [n]; -1 before the first."""
        return np.asarray(np.searchsorted(self.edges, addresses, side="right") - 1, np.int64)

    def covered(self, packed: Sequence[bytes], words: Collection[str]) -> NDArray[np.bool_]:
        """Return whether every address of each one's /24 or /48 has one of some tags, bool [n]."""
        wanted = [at for at, word in enumerate(self.words) if word in words]
        among = np.append(0, np.cumsum(np.isin(self.tags, wanted)))
        bare = among[self.offsets[1:]] == among[self.offsets[:-1]]
        gaps = np.append(0, np.cumsum(bare))
        first = self.find(edges_of(_filled(one, b"\x00") for one in packed))
        last = self.find(edges_of(_filled(one, b"\xff") for one in packed))
        return np.asarray((first >= 0) & (gaps[last + 1] == gaps[first]))

    def answer(self, stretch: int) -> Answer:
        """Return what is said of every address in a stretch."""
        country = int(self.country[stretch])
        tags = self.tags[self.offsets[stretch] : self.offsets[stretch + 1]].tolist()
        return Answer(
            int(self.asn[stretch]),
            self.countries[country] if country >= 0 else None,
            tuple(self.words[tag] for tag in tags),
        )


def _filled(address: bytes, byte: bytes) -> bytes:
    """Return the first or the last address of a /24 or /48."""
    kept = PREFIX_BYTES[len(address)]
    return address[:kept] + byte * (len(address) - kept)


class NetworksBuilder:
    """Collects networks, 66 bytes each, and cuts them into stretches."""

    def __init__(self) -> None:
        self._first, self._beyond = bytearray(), bytearray()
        self._size, self._facts = array("d"), array("q")
        self._words: dict[str, int] = {}
        self._countries: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._size)

    def add(self, network: Network) -> None:
        """Take a network; of two equally small ones that name an ASN or a country, the first taken wins."""
        self._first += network.first.to_bytes(_WIDTH)
        self._beyond += network.beyond.to_bytes(_WIDTH)
        self._size.append(float(network.beyond - network.first))
        tag = -1 if network.tag is None else self._words.setdefault(network.tag, len(self._words))
        country = -1 if network.country is None else self._countries.setdefault(network.country, len(self._countries))
        self._facts.extend((tag, network.asn, country))

    def build(self) -> Networks:
        """Return the stretches."""
        first, beyond = np.frombuffer(bytes(self._first), EDGE), np.frombuffer(bytes(self._beyond), EDGE)
        edges = np.unique(np.concatenate([first, beyond]))
        start, end = np.searchsorted(edges, first), np.searchsorted(edges, beyond)
        facts = np.frombuffer(self._facts, np.int64).reshape(-1, 3)
        # the smallest is painted last; among equals the first taken is
        order = np.lexsort((-np.arange(len(facts)), -np.frombuffer(self._size, np.float64)))
        offsets, tags = _tags(start, end, facts[:, 0], len(edges), len(self._words))
        return Networks(
            edges,
            _painted(start, end, facts[:, 1], order, len(edges), nothing=0),
            _painted(start, end, facts[:, 2], order, len(edges), nothing=-1),
            offsets,
            tags,
            tuple(self._countries),
            tuple(self._words),
        )


def _painted(start: Int, end: Int, value: Int, order: Int, stretches: int, *, nothing: int) -> Int:
    """Paint each network's value over its stretches, in ``order``."""
    out = np.full(stretches, nothing, np.int64)
    order = order[value[order] != nothing]
    for left, right, one in zip(start[order].tolist(), end[order].tolist(), value[order].tolist(), strict=True):
        out[left:right] = one
    return out


def _tags(start: Int, end: Int, tag: Int, stretches: int, words: int) -> tuple[Int, Int]:
    """Return (offsets, tags) of the stretches, each tag once, in the order in which the tags were first met."""
    tagged = tag >= 0
    start, length, tag = start[tagged], (end - start)[tagged], tag[tagged]
    before = np.cumsum(length) - length
    over = np.repeat(start - before, length) + np.arange(int(length.sum()))
    pairs = np.unique(over * words + np.repeat(tag, length))
    offsets = np.searchsorted(pairs, np.arange(stretches + 1) * words)
    return offsets, pairs % max(words, 1)
