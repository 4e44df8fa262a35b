"""Who the accounts are: sign-up facts, payment, devices, organisations, clients, exits.

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
from spiritsafe.simulation.networks import Exit, Exits, addresses, dotted, homes, place

__all__ = ["GROUP", "Client", "Makeup", "Own", "Roster", "enrol"]

GROUP = -1
"""In place of a number of accounts per card or device: one for the whole group."""
_DAY_US = 86_400_000_000

_PY = "t13d1812h1_85036bcba153_375ca2c5e164"
_REQUESTS = "t13d1812h1_85036bcba153_b26ce05bbdd6"
_NODE = "t13d1715h2_5b57614c22b0_3d5424432f57"
_CHROME = "t13d1516h2_8daaf6152771_02713d6af862"
_ANDROID = "t13d1517h2_8daaf6152771_b0da82dd1658"
_SAFARI = "t13d2014h2_a09f3c656075_14788d8d241b"
_GO = "t13d1312h2_f57a46bbacb6_ab7e3b40a677"
_JAVA = "t13d1715h2_002f38c1a2b0_d7ae4f6b0c11"


class Client(StrEnum):
    """Sets of programs that accounts call from; many strangers share each."""

    DEFAULT = "default"
    SDK = "sdk"
    BROWSER = "browser"
    SERVICE = "service"
    EDITOR = "editor"
    FRAMEWORK = "framework"

    @property
    def is_personal(self) -> bool:
        """True where a person types, not a program."""
        return self in {Client.BROWSER, Client.EDITOR}


_CLIENTS: dict[Client, tuple[tuple[str, str], ...]] = {
    Client.DEFAULT: (("aria-python/2.31.0", _PY),),
    Client.SDK: (
        ("aria-python/2.31.0", _PY),
        ("aria-python/2.30.1", _PY),
        ("aria-node/5.8.2", _NODE),
        ("python-httpx/0.28.1", _PY),
    ),
    Client.BROWSER: (
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/133.0", _CHROME),
        ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Safari/18.3", _SAFARI),
        ("AriaApp/4.2 (iPhone; iOS 18.3)", _SAFARI),
        ("AriaApp/4.2 (Android 15)", _ANDROID),
    ),
    Client.SERVICE: (
        ("aria-python/2.31.0", _PY),
        ("aria-python/2.19.4", _PY),
        ("aria-go/1.4.0", _GO),
        ("okhttp/4.12.0", _JAVA),
        ("Java-http-client/21.0.2", _JAVA),
        ("aria-node/5.8.2", _NODE),
        ("python-requests/2.32.3", _REQUESTS),
    ),
    Client.EDITOR: (
        ("Quillon/1.17 (vscode 1.98)", _NODE),
        ("Tamarind/0.44 (JetBrains 2025.1)", _JAVA),
        ("Brindle/3.2", _CHROME),
    ),
    Client.FRAMEWORK: (("aria-python/2.31.0 harbour/0.9", _PY), ("aria-node/5.8.2 crewline/1.2", _NODE)),
}


class Own(StrEnum):
    """Whose an organisation or a mail domain is."""

    NONE = "none"
    ACCOUNT = "account"
    GROUP = "group"
    MIXED = "mixed"  # some accounts have their own, some none


@dataclass(frozen=True, slots=True)
class Makeup:
    """What the accounts of a cohort have in common within their group.

    Attributes:
        exits: where requests come from; each account gets one of these.
        client: the set of programs; an account uses one of it.
        one_client: the group's members all use the same one.
        card: accounts per payment card, 0 for a card each, `GROUP` for one.
        device: accounts per sign-up device, likewise.
        per_exit: accounts per shared /24, for proxies.
        domain: whose the mail domain is; none is free mail.
        org: whose the organisation is.
        verified: probability that an organisation was verified.
        programme: programme of the accounts.
        burst: days within which a group signs up, 0 for sign-ups spread over the years.
        founded: mean days between a group's sign-up and the world's start, beyond ``age``.
        age: days before the world's start at which the last account signed up.
    """

    exits: tuple[Exit, ...] = (Exit.HOME,)
    client: Client = Client.SDK
    one_client: bool = False
    card: int = 0
    device: int = 0
    per_exit: int = 1
    domain: Own = Own.NONE
    org: Own = Own.MIXED
    verified: float = 0.0
    programme: Programme = Programme.NONE
    burst: float = 0.0
    founded: float = 150.0
    age: float = 1.0


@dataclass(frozen=True, slots=True)
class Roster:
    """Accounts of one part of a world.

    Attributes:
        accounts: the contract's accounts table.
        cohort: label of all of them.
        group: group per account, from 0.
        zone: offset of local time in hours.
        exits: where their requests come from.
        client: index into ``clients`` per account.
        clients: user agents and JA4s, two arrays.
    """

    accounts: pa.Table
    cohort: str
    group: Ints
    zone: NDArray[np.float64]
    exits: Exits
    client: Ints
    clients: tuple[pa.Array, pa.Array]

    def __len__(self) -> int:
        """Number of accounts."""
        return len(self.group)

    def created_s(self, start_us: int) -> NDArray[np.float64]:
        """Return the sign-up time of each account in seconds since the world's start."""
        return np.asarray((self.accounts["created_at"].cast(pa.int64()).to_numpy() - start_us) / 1e6)

    def column(self, name: str, member: Ints) -> pa.Array:
        """Return a column of the accounts table per exchange."""
        return self.accounts[name].combine_chunks().take(pa.array(member))

    def network(self, member: Ints, train: Ints, day: Ints, key: int) -> tuple[pa.Array, Ints, pa.Array]:
        """Return (client_ip, asn, country) per exchange."""
        return addresses(self.exits, member, train, day, key)


def enrol(rng: np.random.Generator, cohort: str, group: Ints, makeup: Makeup, start_us: int) -> Roster:
    """Return accounts in groups, with everything that sign-up and network logs would know.

    Args:
        rng: source of the choices.
        cohort: their label.
        group: group of each account, from 0, shape (accounts,).
        makeup: what groups share.
        start_us: moment before which they signed up, microseconds since the epoch.
    """
    n, key = len(group), int(rng.integers(1 << 48))
    account = np.arange(n)
    home, country, zone = homes(rng, n)
    exits = place(rng, makeup.exits, group=group, home=home, per_exit=makeup.per_exit, key=key)
    org = _owned(rng, makeup.org, group, key, "org_")
    programs = _CLIENTS[makeup.client]
    accounts = pa.table(
        {
            "account_id": hexes("acct_", mix(key, 4, account)),
            "created_at": pa.array(_created(rng, makeup, group, start_us), pa.timestamp("us", "UTC")),
            "organization_id": pa.array(org, pa.string()),
            "email_domain": pa.array(_domains(rng, makeup.domain, group, key), pa.string()),
            "email": hexes("mail_", mix(key, 5, account)),
            "phone": hexes("+", mix(key, 6, account)),
            "payment_fingerprint": hexes("card_", _shared(rng, makeup.card, group, key + 7)),
            "device_id": hexes("dev_", _shared(rng, makeup.device, group, key + 8)),
            "signup_ip": dotted((exits.prefix[:, 0] << 8) | (1 + exits.host[:, 0] % 254)),
            "country": country,
            "referral": pa.array(_referrals(mix(key, 9, account)), pa.string()),
            "programme": pa.array([str(makeup.programme)] * n, pa.string()),
            "verification": pa.array(_verification(rng, makeup.verified, org, group), pa.string()),
        }
    )
    return Roster(
        accounts=accounts,
        cohort=cohort,
        group=group,
        zone=zone,
        exits=exits,
        client=(mix(key, 3, group if makeup.one_client else account) % np.uint64(len(programs))).astype(np.int64),
        clients=(pa.array([name for name, _ in programs]), pa.array([ja4 for _, ja4 in programs])),
    )


def _referrals(draw: NDArray[np.uint64]) -> list[str | None]:
    """Return referral codes for one account in six, a few hundred of them known to everybody."""
    return [f"r{value % 397}" if value % 6 == 0 else None for value in draw.tolist()]


def _shared(rng: np.random.Generator, per: int, group: Ints, key: int) -> NDArray[np.uint64]:
    """Return an identifier per account: its group's, its own, or one per so many accounts."""
    if per == GROUP:
        return mix(key, 1, group)
    return mix(key, 2, rng.permutation(len(group)) // max(1, per))


def _created(rng: np.random.Generator, makeup: Makeup, group: Ints, start_us: int) -> Ints:
    n = len(group)
    if makeup.burst:
        since = rng.exponential(makeup.founded, int(group.max(initial=-1)) + 1)[group] + rng.random(n) * makeup.burst
    else:
        since = rng.exponential(300, n)
    return np.asarray(start_us - (makeup.age + since) * _DAY_US).astype(np.int64)


def _owned(rng: np.random.Generator, whose: Own, group: Ints, key: int, prefix: str) -> list[str | None]:
    n = len(group)
    names = hexes(prefix, mix(key, 10, group if whose is Own.GROUP else np.arange(n))).to_pylist()
    kept = {Own.NONE: 0.0, Own.MIXED: 0.45}.get(whose, 1.0)
    return [name if keep else None for name, keep in zip(names, rng.random(n) < kept, strict=True)]


def _verification(rng: np.random.Generator, verified: float, org: Sequence[str | None], group: Ints) -> list[str]:
    weak = rng.choice([Verification.EMAIL, Verification.PHONE, Verification.PAYMENT], len(org), p=[0.3, 0.2, 0.5])
    passed = rng.random(int(group.max(initial=-1)) + 1) < verified
    return [
        str(Verification.ORGANISATION) if name is not None and passed[number] else str(level)
        for name, number, level in zip(org, group, weak, strict=True)
    ]


def _domains(rng: np.random.Generator, whose: Own, group: Ints, key: int) -> list[str | None]:
    free = rng.choice(["gmail.com", "outlook.com", "qq.com", "proton.me", "yahoo.com"], len(group))
    own = _owned(rng, whose, group, key + 1, "")
    return [f"{name[:10]}.example" if name else str(other) for name, other in zip(own, free, strict=True)]
