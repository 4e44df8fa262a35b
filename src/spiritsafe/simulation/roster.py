"""Who the accounts are: sign-up facts, networks, clients and time zones.

One builder for honest cohorts and campaigns alike: they differ in what is shared within which group,
never in how an identifier looks, so that nothing but behaviour and sharing can tell them apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spiritsafe.model.words import Programme, Verification
from spiritsafe.simulation.mixing import Ints, hexes, mix

__all__ = ["CLIENTS", "Exit", "Makeup", "Roster", "addresses", "enrol"]

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
_NETS = [*((asn, land, 0.0) for asn, land in (*_CLOUD, *_VPN)), *_HOMES]
_FIRST_HOME = len(_CLOUD) + len(_VPN)
_OCTETS = [o for o in range(11, 220) if o not in {100, 127, 169, 172, 192, 198, 203}]

_PY = "t13d1812h1_85036bcba153_375ca2c5e164"
_NODE = "t13d1715h2_5b57614c22b0_3d5424432f57"
_CHROME = "t13d1516h2_8daaf6152771_02713d6af862"
_SAFARI = "t13d2014h2_a09f3c656075_14788d8d241b"
_GO = "t13d1312h2_f57a46bbacb6_ab7e3b40a677"
_JAVA = "t13d1715h2_002f_38c1a2b0d7ae"
CLIENTS: dict[str, tuple[tuple[str, str], ...]] = {
    "sdk": (
        ("aria-python/2.31.0", _PY), ("aria-python/2.30.1", _PY), ("aria-python/2.31.0", _PY),
        ("aria-node/5.8.2", _NODE), ("python-httpx/0.28.1", _PY),
    ),
    "browser": (
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/133.0", _CHROME),
        ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Safari/18.3", _SAFARI),
        ("AriaApp/4.2 (iPhone; iOS 18.3)", _SAFARI), ("AriaApp/4.2 (Android 15)", "t13d1517h2_8daaf6152771_b0da82dd1658"),
    ),
    "service": (
        ("aria-python/2.31.0", _PY), ("aria-python/2.19.4", _PY), ("aria-go/1.4.0", _GO), ("okhttp/4.12.0", _JAVA),
        ("Java-http-client/21.0.2", _JAVA), ("aria-node/5.8.2", _NODE), ("python-requests/2.32.3", "t13d1812h1_85036bcba153_b26ce05bbdd6"),
    ),
    "default": (("aria-python/2.31.0", _PY),),
    "editor": (("Quillon/1.17 (vscode 1.98)", _NODE), ("Tamarind/0.44 (JetBrains 2025.1)", _JAVA), ("Brindle/3.2", _CHROME)),
    "framework": (("aria-python/2.31.0 harbour/0.9", _PY), ("aria-node/5.8.2 crewline/1.2", _NODE)),
}  # fmt: skip


class Exit(StrEnum):
    """Where an account's requests come from."""

    HOME = "home"
    NAT = "nat"
    CGNAT = "cgnat"
    CLOUD = "cloud"
    VPN = "vpn"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Makeup:
    """What the accounts of a cohort have in common within their group.

    Attributes:
        exits: where requests come from; each account gets one of these.
        client: key of `CLIENTS`.
        one_client: the group's members all use one of them.
        card: 'own', 'group', or a number of accounts per card as text.
        devices: accounts per sign-up device, 0 for own.
        domain: 'free' mail, 'group' domain or 'own' domain.
        org: 'none', 'own', 'group' or 'mixed' (half none, half own).
        verified: probability that an organisation was verified.
        programme: programme of the group.
        burst: days within which a group signs up; 0 for spread over three years.
        per_exit: accounts per shared /24, for proxies.
        age: days before the world's start at which the last of them signed up.
    """

    exits: tuple[Exit, ...] = (Exit.HOME,)
    client: str = "sdk"
    one_client: bool = False
    card: str = "own"
    devices: int = 0
    domain: str = "free"
    org: str = "mixed"
    verified: float = 0.0
    programme: Programme = Programme.NONE
    burst: float = 0.0
    per_exit: int = 0
    age: float = 1.0


@dataclass(frozen=True, slots=True)
class Roster:
    """Accounts of one part of a world.

    Attributes:
        accounts: the contract's accounts table.
        cohort: label per account.
        group: group per account, from 0.
        zone: offset of local time in hours.
        prefix: /24 of each of an account's exits, as the upper 24 bits, shape (accounts, 3).
        net: index of each exit's network, shape (accounts, 3).
        host: seed of the last octet; equal seeds share an address, shape (accounts, 3).
        lease: days for which an address lasts, shape (accounts,).
        client: user agent and JA4 per account.
    """

    accounts: pa.Table
    cohort: list[str]
    group: Ints
    zone: NDArray[np.float64]
    prefix: Ints
    net: Ints
    host: Ints
    lease: Ints
    client: list[tuple[str, str]]

    def __len__(self) -> int:
        """Number of accounts."""
        return len(self.cohort)


def enrol(rng: np.random.Generator, cohort: str, group: Ints, makeup: Makeup, start_us: int) -> Roster:
    """Return accounts in groups, with everything that sign-up and network logs would know."""
    n = len(group)
    key = int(rng.integers(1 << 48))
    groups = int(group.max(initial=-1)) + 1
    home = rng.integers(_FIRST_HOME, len(_NETS), n)
    prefix, net, host = _exits(rng, makeup, group, home, key)
    created = _created(rng, makeup, group, groups, start_us)
    own = mix(key, 1, np.arange(n))
    shared = mix(key, 2, group)
    client = CLIENTS[makeup.client]
    pick = (mix(key, 3, group if makeup.one_client else np.arange(n)) % np.uint64(len(client))).astype(int)
    org = _organisation(rng, makeup, own, shared)
    country = [_NETS[i][1] for i in home]
    verification = _verification(rng, makeup, org, group, groups)
    accounts = pa.table(
        {
            "account_id": hexes("acct_", mix(key, 4, np.arange(n))),
            "created_at": pa.array(created, pa.timestamp("us", "UTC")),
            "organization_id": pa.array(org, pa.string()),
            "email_domain": pa.array(_domains(rng, makeup, own, shared), pa.string()),
            "email": hexes("m", mix(key, 5, np.arange(n))),
            "phone": hexes("+", mix(key, 6, np.arange(n))),
            "payment_fingerprint": hexes("card_", _shared(rng, makeup.card, own, shared, key, 7)),
            "device_id": hexes("dev_", _shared(rng, str(makeup.devices or "own"), own, shared, key, 8)),
            "signup_ip": pa.array(_dotted((prefix[:, 0] << 8) | (1 + host[:, 0] % 254)), pa.string()),
            "country": pa.array(country, pa.string()),
            "referral": pa.array([f"r{v % 40}" if v % 5 == 0 else None for v in own.tolist()], pa.string()),
            "programme": pa.array([str(makeup.programme)] * n),
            "verification": pa.array(verification),
        }
    )
    return Roster(
        accounts=accounts,
        cohort=[cohort] * n,
        group=group,
        zone=np.array([_NETS[i][2] for i in home], float),
        prefix=prefix,
        net=net,
        host=host,
        lease=np.where(np.isin(net[:, 0], range(_FIRST_HOME)), 3_650, rng.choice([1, 3, 30, 3_650], n)),
        client=[client[i] for i in pick],
    )


def _shared(
    rng: np.random.Generator, how: str, own: NDArray[np.uint64], shared: NDArray[np.uint64], key: int, salt: int
) -> NDArray[np.uint64]:
    """Return an identifier per account: its own, its group's, or one per so many accounts."""
    if how == "own" or how == "0":
        return mix(own, salt)
    if how == "group":
        return mix(shared, salt)
    return mix(key, salt, rng.permutation(len(own)) // int(how))


def _created(rng: np.random.Generator, makeup: Makeup, group: Ints, groups: int, start_us: int) -> Ints:
    if makeup.burst:
        before = makeup.age + rng.random(len(group)) * makeup.burst
        if not makeup.per_exit:
            before += rng.exponential(120, groups)[group]
    else:
        before = makeup.age + rng.exponential(300, len(group))
    return np.asarray(start_us - before * 86_400e6).astype(np.int64)


def _organisation(
    rng: np.random.Generator, makeup: Makeup, own: NDArray[np.uint64], shared: NDArray[np.uint64]
) -> list[str | None]:
    source = shared if makeup.org == "group" else own
    names = hexes("org_", source).to_pylist()
    if makeup.org == "none":
        return [None] * len(own)
    if makeup.org == "mixed":
        return [name if keep else None for name, keep in zip(names, rng.random(len(own)) < 0.45, strict=True)]
    return list(names)


def _verification(
    rng: np.random.Generator, makeup: Makeup, org: Sequence[str | None], group: Ints, groups: int
) -> list[str]:
    weak = rng.choice([Verification.EMAIL, Verification.PHONE, Verification.PAYMENT], len(org), p=[0.3, 0.2, 0.5])
    sure = rng.random(groups) < makeup.verified
    return [
        str(Verification.ORGANISATION) if name is not None and sure[g] else str(level)
        for name, g, level in zip(org, group, weak, strict=True)
    ]


def _domains(
    rng: np.random.Generator, makeup: Makeup, own: NDArray[np.uint64], shared: NDArray[np.uint64]
) -> list[str]:
    if makeup.domain == "free":
        return [str(x) for x in rng.choice(["gmail.com", "outlook.com", "qq.com", "proton.me", "yahoo.com"], len(own))]
    source = shared if makeup.domain == "group" else own
    return [f"{x:x}.example"[-18:] for x in mix(source, 9).tolist()]


def _exits(rng: np.random.Generator, makeup: Makeup, group: Ints, home: Ints, key: int) -> tuple[Ints, Ints, Ints]:
    """Return (/24, network, host seed) of every account's three exits, each of shape (accounts, 3)."""
    n = len(group)
    net = np.repeat(home[:, None], 3, axis=1)
    where = mix(key, 20, np.arange(3)[None, :], np.arange(n)[:, None]).astype(np.int64)
    host = where.copy()
    kind = rng.integers(0, len(makeup.exits), n)
    for number, choice in enumerate(makeup.exits):
        rows = kind == number
        group_net = rng.integers(0, 1 << 30, int(group.max(initial=-1)) + 1)
        if choice in {Exit.NAT, Exit.CGNAT}:
            shared = mix(key, 21, group, 0 if choice is Exit.NAT else np.arange(n) % 2).astype(np.int64)
            spread = _FIRST_HOME + group_net[group] % (len(_NETS) - _FIRST_HOME)
            net[rows] = spread[rows, None]
            where[rows, 0] = shared[rows]
            host[rows, 0] = shared[rows] if choice is Exit.NAT else (np.arange(n)[rows] // 3)
        elif choice in {Exit.CLOUD, Exit.VPN}:
            low, high = (0, len(_CLOUD)) if choice is Exit.CLOUD else (len(_CLOUD), _FIRST_HOME)
            net[rows] = rng.integers(low, high, n)[rows, None]
            where[rows] = rng.integers(0, 4_000 if choice is Exit.CLOUD else 40, (n, 3))[rows]
        elif choice is Exit.PROXY:
            pool = rng.permutation(n) // max(1, makeup.per_exit)
            fleet = rng.integers(0, len(_NETS), n)
            net[rows] = fleet[pool][rows, None]
            where[rows] = mix(key, 22, pool[:, None], np.arange(3)[None, :]).astype(np.int64)[rows]
    octet = np.array(_OCTETS)[net % len(_OCTETS)]
    prefix = (octet << 16) | (where & 0xFFFF)
    return prefix, net, host


def addresses(roster: Roster, member: Ints, train: Ints, day: Ints, seed: int) -> tuple[pa.Array, Ints, pa.Array]:
    """Return (client_ip, asn, country) per exchange; a conversation keeps its exit for a day."""
    draw = mix(seed, member, train) % np.uint64(100)
    column = np.where(draw < 78, 0, np.where(draw < 94, 1, 2))
    host = mix(roster.host[member, column], day // roster.lease[member]) % np.uint64(254)
    number = (roster.prefix[member, column] << 8) | (host.astype(np.int64) + 1)
    distinct, back = np.unique(number, return_inverse=True)
    net = roster.net[member, column]
    ips = pa.array(_dotted(distinct), pa.string()).take(pa.array(back))
    lands = pa.array([land for _, land, _ in _NETS]).take(pa.array(net))
    return ips, np.array([asn for asn, _, _ in _NETS])[net], lands


def _dotted(numbers: Ints) -> list[str]:
    return [f"{v >> 24}.{v >> 16 & 255}.{v >> 8 & 255}.{v & 255}" for v in np.asarray(numbers).tolist()]
