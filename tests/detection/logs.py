"""Small logs as the stored tables would hold them, and one town with a campaign in it.

What is hashed goes through a key, as in a store: a test can ask whether findings depend on the key.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spiritsafe.detection.loading import load
from spiritsafe.detection.population import Float, Int, Population, tally
from spiritsafe.engine.tables import DAY_US, FEATURE_DIM, FEATURE_SCALE, HOUR_US, SHAPE_BINS, TABLES
from spiritsafe.model.words import Capability, Elicitation, TraitKind, Verification

FIRST_DAY = 20_000
"""Day of the epoch on which every log here begins."""
DAYS = 10
NO_TEMPLATE = ""
_NOISE = 0.1 * np.random.default_rng(0).normal(size=(4_093, FEATURE_DIM))
"""How each of many bodies departs from its topic."""


@dataclass(frozen=True)
class Account:
    """One account and what the provider knows about it."""

    name: str
    organisation: str | None = None
    programme: str = "none"
    verification: str = "none"
    created_us: int = 0
    traits: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Sent:
    """Exchanges of one account under one template, arrays of one length; hours count from the log's begin."""

    account: str
    template: str
    hour: Int
    body: Int
    topic: str
    single: bool = True
    asks: Elicitation = Elicitation.NONE
    size: int = 5


@dataclass(frozen=True)
class Log:
    """Accounts and what they sent."""

    accounts: list[Account]
    sent: list[Sent]
    labels: dict[tuple[str, str], str] = field(default_factory=dict)

    def tables(self, key: bytes = b"key") -> dict[str, pa.Table]:
        """The stored tables, every identifier hashed under ``key``."""
        hasher = _Hasher(key)
        out = {name: table.schema.empty_table() for name, table in TABLES.items()}
        names = [account.name for account in self.accounts]
        who = hasher.all(names)
        out["identities"] = table("identities", account=who, account_id=names, last_us=[0] * len(names))
        out["profiles"] = table(
            "profiles",
            account=who,
            created_us=[account.created_us for account in self.accounts],
            organization_id=[account.organisation for account in self.accounts],
            programme=[account.programme for account in self.accounts],
            verification=[account.verification for account in self.accounts],
        )
        traits = [(who[i], kind, hasher(value)) for i, a in enumerate(self.accounts) for kind, value in a.traits]
        out["traits"] = table(
            "traits",
            account=[row[0] for row in traits],
            kind=[row[1] for row in traits],
            value=[row[2] for row in traits],
            day=[FIRST_DAY] * len(traits),
            n=[1] * len(traits),
        )
        out["labels"] = table(
            "labels",
            kind=[kind for kind, _ in self.labels],
            value=[hasher(value) for _, value in self.labels],
            label=list(self.labels.values()),
        )
        if self.sent:
            out |= _exchanges(self.sent, hasher)
        return out

    def population(self, key: bytes = b"key") -> Population:
        return load(self.tables(key))

    def index(self, names: Iterable[str]) -> Int:
        """Positions of accounts in the population, which orders them by name."""
        ordered = sorted(account.name for account in self.accounts)
        return np.array(sorted(ordered.index(name) for name in names), np.int64)

    def named(self, prefix: str) -> list[str]:
        return [account.name for account in self.accounts if account.name.startswith(prefix)]

    def with_accounts(self, **changes: Mapping[str, Any]) -> "Log":
        """The same log with other facts about some accounts."""
        return replace(self, accounts=[replace(a, **changes.get(a.name, {})) for a in self.accounts])


class _Hasher:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, value: str) -> int:
        if not value:
            return 0
        digest = hashlib.blake2b(value.encode(), key=self._key, digest_size=8).digest()
        return int.from_bytes(digest, "little", signed=True)

    def all(self, values: Sequence[str]) -> Int:
        return np.array([self(value) for value in values], np.int64)


def table(name: str, **columns: Sequence[object] | NDArray[np.generic]) -> pa.Table:
    """Make rows of a stored table; columns that are not given are null, zero or empty."""
    schema = TABLES[name].schema
    size = len(next(iter(columns.values())))
    blank: dict[str, Sequence[object] | NDArray[np.generic]] = {
        f.name: [([] if pa.types.is_list(f.type) else None if f.nullable else 0)] * size for f in schema
    }
    return pa.table({**blank, **columns}, schema=schema)


def features(topic: str, body: Int) -> Float:
    """A unit vector per body about the topic's centre, float [n, FEATURE_DIM]."""
    centre = np.random.default_rng(_Hasher(b"topic")(topic) & 0xFFFFFFFF).normal(size=FEATURE_DIM)
    vectors = centre / np.linalg.norm(centre) + _NOISE[body % len(_NOISE)]
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _exchanges(sent: list[Sent], hasher: _Hasher) -> dict[str, pa.Table]:
    lengths = [len(part.hour) for part in sent]
    account = np.repeat(hasher.all([part.account for part in sent]), lengths)
    template = np.repeat(hasher.all([part.template for part in sent]), lengths)
    hour = np.concatenate([part.hour for part in sent]) + FIRST_DAY * 24
    single = np.repeat([int(part.single) for part in sent], lengths)
    hourly, at = _unique(account, hour)
    activity = table(
        "activity",
        account=hourly[:, 0],
        hour=hourly[:, 1],
        n=_sums(at),
        output_tokens=_sums(at) * 100,
        single_turn=_sums(at, single),
        first_us=hourly[:, 1] * HOUR_US,
        last_us=hourly[:, 1] * HOUR_US + 1_000,
    )
    rows, at = _unique(account, template, hour)
    content = table(
        "content", account=rows[:, 0], template=rows[:, 1], hour=rows[:, 2], n=_sums(at), single_turn=_sums(at, single)
    )
    return {"activity": activity, "content": content, "pools": _pools(sent, hasher, account, template, hour // 24)}


def _pools(sent: list[Sent], hasher: _Hasher, account: Int, template: Int, day: Int) -> pa.Table:
    lengths = [len(part.hour) for part in sent]
    rows, at = _unique(account, template, day)
    single = np.repeat([int(part.single) for part in sent], lengths)
    asks = np.repeat([list(Elicitation).index(part.asks) for part in sent], lengths)
    size = np.repeat([part.size for part in sent], lengths)
    sums = np.zeros((len(rows), FEATURE_DIM))
    np.add.at(sums, at, np.concatenate([features(part.topic, part.body) for part in sent]))
    body = hasher.all([str(item) for part in sent for item in part.body.tolist()])
    pairs, where = _unique(at, body)
    counts = _sums(where)
    cuts = np.searchsorted(pairs[:, 0], np.arange(1, len(rows)))
    shape = _table_of(at, size, SHAPE_BINS, len(rows)) + _table_of(at, size + SHAPE_BINS // 2, SHAPE_BINS, len(rows))
    return table(
        "pools",
        account=rows[:, 0],
        template=rows[:, 1],
        day=rows[:, 2],
        n=_sums(at),
        single_turn=_sums(at, single),
        output_tokens=_sums(at) * 100,
        features=list(np.round(sums * FEATURE_SCALE).astype(np.int64)),
        shape=list(shape),
        capabilities=list(_table_of(at, 0 * size, len(Capability), len(rows))),
        elicitations=list(_table_of(at, asks, len(Elicitation), len(rows))),
        bodies=np.split(pairs[:, 1], cuts),
        body_n=np.split(counts, cuts),
    )


def _unique(*columns: Int) -> tuple[Int, Int]:
    rows, inverse = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    return rows, np.ravel(inverse)


def _sums(at: Int, weights: NDArray[np.generic] | None = None) -> Int:
    size = int(at.max()) + 1
    return tally(at, np.ones(len(at)) if weights is None else weights, size).astype(np.int64)


def _table_of(at: Int, column: Int, width: int, rows: int) -> Int:
    return np.bincount(at * width + column, minlength=rows * width).reshape(rows, width).astype(np.int64)


# --- one town -------------------------------------------------------------------------------------------------

HARVEST = "harvest"
"""The campaign's template."""


def town(
    seed: int = 1, *, honest: int = 216, harvesters: int = 24, template: str = HARVEST, shared: bool = True
) -> Log:
    """People with hours and subjects of their own on a dozen common templates, and one campaign.

    Args:
        seed: of everything that is drawn.
        honest: accounts named ``h...``; four verified organisations of six, ``o...``, come on top.
        harvesters: accounts named ``c...`` that one dispatcher feeds from one corpus.
        template: the campaign's template; the empty one is none.
        shared: whether the campaign shares cards and networks.
    """
    rng = np.random.default_rng(seed)
    accounts, sent = [], []
    for number in range(honest):
        name = f"h{number:03d}"
        accounts.append(Account(name, traits=own_traits(name)))
        hours = _own_hours(rng, 8.0 * rng.lognormal(-0.3, 0.8))
        sent += _person(rng, name, f"common-{number % 12}", hours)
    for number in range(24):
        name, organisation = f"o{number:02d}", f"firm-{number // 6}"
        accounts.append(
            Account(
                name,
                organisation,
                verification=str(Verification.ORGANISATION),
                created_us=(FIRST_DAY - 400) * DAY_US,
                traits=own_traits(name),
            )
        )
        sent += _person(rng, name, organisation, _own_hours(rng, 8.0))
    pulse = rng.gamma(0.5, 1.0, DAYS * 4).repeat(6) + 0.02
    for number in range(harvesters):
        name = f"c{number:02d}"
        cards = ((str(TraitKind.PAYMENT), f"card-{number // 6}"), (str(TraitKind.PREFIX), f"net-{number % 6}"))
        accounts.append(Account(name, traits=cards if shared else own_traits(name)))
        hours = _draw(rng, pulse, 10.0 * DAYS)
        corpus = rng.integers(10**6, 10**6 + 5_000, len(hours))
        sent.append(Sent(name, template, hours, corpus, "corpus", asks=Elicitation.CHAIN_OF_THOUGHT, size=9))
        sent += _person(rng, name, f"common-{number % 12}", _own_hours(rng, 3.0))
    return Log(accounts, sent)


def own_traits(name: str) -> tuple[tuple[str, str], ...]:
    return (str(TraitKind.PAYMENT), f"card of {name}"), (str(TraitKind.PREFIX), f"net of {name}")


def _own_hours(rng: np.random.Generator, daily: float) -> Int:
    hours = np.arange(DAYS * 24)
    day = np.exp(1.5 * np.cos((hours - rng.uniform(0, 24)) * 2 * np.pi / 24))
    return _draw(rng, day * (rng.random(DAYS) < 0.8).repeat(24) + 1e-3, daily * DAYS)


def _draw(rng: np.random.Generator, profile: Float, total: float) -> Int:
    counts = rng.poisson(total * profile / profile.sum())
    return np.repeat(np.arange(len(profile)), counts)


def _person(rng: np.random.Generator, name: str, template: str, hours: Int) -> list[Sent]:
    """Four fifths of a person's exchanges carry the template; the subject and the items are the person's own."""
    own = _Hasher(b"items")(name) & 0x7FFFFFFF
    items = own + rng.integers(0, 60, len(hours))
    chosen = rng.random(len(hours)) < 0.8
    size = own % 12
    return [
        Sent(name, template, hours[chosen], items[chosen], name, single=False, size=size),
        Sent(name, NO_TEMPLATE, hours[~chosen], items[~chosen], name, single=False, size=size),
    ]
