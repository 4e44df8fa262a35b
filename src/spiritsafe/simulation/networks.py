"""Where requests come from: networks, exits shared or own, addresses that change hands.

An account has three exits with unequal use; an exit is a /24 and a seed for the last octet, so that
sharing a prefix, sharing an address and a lease that ends are one mechanism.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa

from spiritsafe.simulation.mixing import Ints, mix

__all__ = ["Exit", "Exits", "addresses", "dotted", "homes", "place"]

_CLOUD = (
    (16509, "US"), (14061, "US"), (24940, "DE"), (16276, "FR"), (396982, "US"), (8075, "US"), (63949, "US"),
    (45102, "SG"), (20473, "US"), (132203, "SG"),
)  # fmt: skip
_VPN = ((9009, "GB"), (212238, "NL"), (60068, "US"), (136787, "JP"))
_HOMES = (
    (7922, "US", -6), (7018, "US", -7), (20115, "US", -5), (3320, "DE", 1), (12322, "FR", 1), (2856, "GB", 0),
    (3352, "ES", 1), (28573, "BR", -3), (8151, "MX", -6), (4134, "CN", 8), (4837, "CN", 8), (9829, "IN", 5.5),
    (24560, "IN", 5.5), (17676, "JP", 9), (4766, "KR", 9), (12389, "RU", 3), (9121, "TR", 3), (7713, "ID", 7),
    (1221, "AU", 10), (5617, "PL", 1), (3269, "IT", 1), (45899, "VN", 7), (36992, "EG", 2), (577, "CA", -5),
)  # fmt: skip
_FIRST_HOME = len(_CLOUD) + len(_VPN)
_ASNS = np.array([net[0] for net in (*_CLOUD, *_VPN, *_HOMES)])
_LANDS = pa.array([net[1] for net in (*_CLOUD, *_VPN, *_HOMES)])
_ZONES = np.array([*(0.0 for _ in (*_CLOUD, *_VPN)), *(net[2] for net in _HOMES)])
_OCTETS = np.array([octet for octet in range(11, 190) if octet not in {100, 127, 169, 172}])[: len(_ASNS)]
_CLOUD_BLOCKS, _VPN_BLOCKS = 4_000, 40
_USE = (78, 94)  # the first exit carries 78 % of the traffic, the second 16 %


class Exit(StrEnum):
    """Where an account's requests come from."""

    HOME = "home"  # own line
    NAT = "nat"  # one address for the group
    CGNAT = "cgnat"  # a few addresses for the group
    CLOUD = "cloud"  # data centre, whose blocks strangers share by chance
    VPN = "vpn"  # commercial exits that many strangers share
    PROXY = "proxy"  # a /24 per so many accounts


@dataclass(frozen=True, slots=True)
class Exits:
    """The exits of some accounts.

    Attributes:
        prefix: /24 as the upper 24 bits of the address, shape (accounts, 3).
        net: index of each exit's network, shape (accounts, 3).
        host: seed of the last octet; equal seeds share an address, shape (accounts, 3).
        lease: days for which an address lasts, shape (accounts,).
    """

    prefix: Ints
    net: Ints
    host: Ints
    lease: Ints


def homes(rng: np.random.Generator, accounts: int) -> tuple[Ints, pa.Array, np.ndarray]:
    """Return (network, country, hours from UTC) of where each account's owner lives."""
    net = rng.integers(_FIRST_HOME, len(_ASNS), accounts)
    return net, _LANDS.take(pa.array(net)), _ZONES[net]


def place(
    rng: np.random.Generator, kinds: tuple[Exit, ...], *, group: Ints, home: Ints, per_exit: int, key: int
) -> Exits:
    """Return exits for accounts; each account gets one of ``kinds``.

    Args:
        rng: source of the choices.
        kinds: what to choose from, evenly.
        group: group of each account, which NATs follow, shape (accounts,).
        home: home network of each account, shape (accounts,).
        per_exit: accounts per proxy /24.
        key: fixes addresses.
    """
    n = len(group)
    account = np.arange(n)
    net = np.repeat(home[:, None], 3, axis=1)
    block = mix(key, 20, account[:, None], np.arange(3)[None, :]).astype(np.int64)
    host = block.copy()
    choice = rng.integers(0, len(kinds), n)
    for number, kind in enumerate(kinds):
        rows = choice == number
        if kind in {Exit.NAT, Exit.CGNAT}:
            few = np.zeros(n, np.int64) if kind is Exit.NAT else account % 3
            net[rows] = _FIRST_HOME + (mix(key, 21, group[rows]) % len(_HOMES)).astype(np.int64)[:, None]
            block[rows, 0] = mix(key, 22, group, few % 2)[rows].astype(np.int64)
            host[rows, 0] = mix(key, 23, group, few)[rows].astype(np.int64)
        elif kind is Exit.CLOUD:
            net[rows] = rng.integers(0, len(_CLOUD), n)[rows, None]
            block[rows] = rng.integers(0, _CLOUD_BLOCKS, (n, 3))[rows]
        elif kind is Exit.VPN:
            net[rows] = rng.integers(len(_CLOUD), _FIRST_HOME, n)[rows, None]
            block[rows] = rng.integers(0, _VPN_BLOCKS, (n, 3))[rows]
        elif kind is Exit.PROXY:
            fleet = rng.permutation(n) // max(1, per_exit)
            net[rows] = rng.integers(0, len(_ASNS), n)[fleet][rows, None]
            block[rows] = mix(key, 24, fleet[:, None], np.arange(3)[None, :]).astype(np.int64)[rows]
    fixed = np.isin(choice, [i for i, kind in enumerate(kinds) if kind is not Exit.HOME])
    lease = np.where(fixed, 3_650, rng.choice([1, 3, 30, 3_650], n))
    return Exits((_OCTETS[net] << 16) | (block & 0xFFFF), net, host, lease)


def addresses(exits: Exits, member: Ints, train: Ints, day: Ints, key: int) -> tuple[pa.Array, Ints, pa.Array]:
    """Return (client_ip, asn, country) per exchange; a conversation keeps its exit, a lease its address."""
    draw = (mix(key, member, train) % np.uint64(100)).astype(np.int64)
    column = np.searchsorted(_USE, draw, side="right")
    octet = 1 + (mix(exits.host[member, column], day // exits.lease[member]) % np.uint64(254)).astype(np.int64)
    distinct, back = np.unique((exits.prefix[member, column] << 8) | octet, return_inverse=True)
    net = exits.net[member, column]
    return dotted(distinct).take(pa.array(back)), _ASNS[net], _LANDS.take(pa.array(net))


def dotted(numbers: Ints) -> pa.Array:
    """Return IPv4 addresses as text.

    >>> dotted(np.array([0x0B000001])).to_pylist()
    ['11.0.0.1']
    """
    return pa.array([f"{v >> 24}.{v >> 16 & 255}.{v >> 8 & 255}.{v & 255}" for v in numbers.tolist()], pa.string())
