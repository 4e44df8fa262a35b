"""Small populations made of numbers, for every signal's examples and calibration tests.

They skip text and ingest on purpose: a signal's null is a statement about counts, and a test of it must
draw those counts from the stated null and nothing else.
"""

from dataclasses import dataclass, field

import numpy as np

from spiritsafe.detection.focus import Focus, cut
from spiritsafe.detection.population import (
    Accounts,
    Content,
    Float,
    Int,
    ModelDays,
    Pools,
    Population,
    Traits,
    unit_degree,
)
from spiritsafe.engine.tables import FEATURE_DIM, SHAPE_BINS
from spiritsafe.model.words import Capability, Elicitation, Family, Programme, TraitKind

__all__ = ["Sheet", "assemble", "cards", "clockwork", "customer", "pivoting", "signups", "standing", "subjects"]

MEMBERS, OTHERS, DAYS = 40, 60, 10
_SINGLE_IN_ALL = 0.6
"""Share of single turns in everything that an account sends, beyond what a focus looks at."""
_CONFIG = {
    Family.PAYMENT: TraitKind.PAYMENT,
    Family.NETWORK: TraitKind.PREFIX,
    Family.DEVICE: TraitKind.DEVICE,
    Family.SIGNUP: TraitKind.SIGNUP_IP,
    Family.CONTENT: TraitKind.CONFIG,
}


@dataclass
class Sheet:
    """What the accounts did: ``counts`` int [accounts, hours]; the rest per exchange or per account.

    Attributes:
        counts: exchanges per account and hour.
        topics: unit-norm feature vector index per exchange, drawn by ``draw``; None = all alike.
        single, elicited, graded: share of exchanges with the property.
        traits: (kind, value, account) rows.
        verified: bool [accounts].
        models: model -> exchanges int [accounts, days].
        created_us: sign-up times int [accounts], unknown by default.
    """

    counts: Int
    features: list[Float] | None = None
    bodies: list[Int] | None = None
    sizes: Int | None = None
    single: float = 1.0
    elicited: float = 0.0
    graded: float = 0.0
    traits: list[tuple[str, int, int]] = field(default_factory=list)
    verified: Int | None = None
    models: dict[str, Int] = field(default_factory=dict)
    created_us: Int | None = None


def assemble(sheet: Sheet, members: int = MEMBERS) -> Focus:
    """Make a population of the sheet (one template) and cut the first ``members`` accounts as the focus."""
    population = _population(sheet)
    return cut(population, np.arange(members), np.array([1]))


def _population(sheet: Sheet) -> Population:
    count, hours = sheet.counts.shape
    account, hour = np.nonzero(sheet.counts)
    n = sheet.counts[account, hour].astype(np.int64)
    ones = np.ones(len(n), np.int64)
    total = sheet.counts.sum(axis=1).astype(np.int64)
    zeros = np.zeros(count, np.int64)
    accounts = Accounts(
        ids=[f"a{i:04d}" for i in range(count)],
        organisation=[None] * count,
        unit=np.arange(count),
        verified=np.zeros(count, np.bool_) if sheet.verified is None else sheet.verified.astype(np.bool_),
        aged=np.ones(count, np.bool_),
        programme=[str(Programme.NONE)] * count,
        created_us=zeros if sheet.created_us is None else sheet.created_us,
        first_us=zeros,
        last_us=zeros + hours * 3_600_000_000,
        n=total,
        output_tokens=total * 100,
        single_turn=(total * _SINGLE_IN_ALL).astype(np.int64),
        end_users=zeros,
    )
    content = Content(
        ones, account.astype(np.int64), hour.astype(np.int64), n, np.round(n * sheet.single).astype(np.int64)
    )
    return Population(
        accounts=accounts,
        content=content,
        pools=_pools(sheet, total),
        traits=_traits(sheet.traits),
        activity_account=content.account,
        activity_hour=content.hour,
        activity_n=n,
        activity_size=np.zeros(len(n), np.uint8),
        model_days=_model_days(sheet.models),
        templates=np.array([0, 1]),
        sentences=[np.zeros(0, np.int64)] * 2,
        labels={},
        words={},
        released_us={},
    )


def _pools(sheet: Sheet, total: Int) -> Pools:
    """One pool row per account and half of the log, so that growth has an early and a late part."""
    count = len(total)
    account, half = np.repeat(np.arange(count), 2), np.tile([0, 1], count)
    n = np.where(half == 0, total[account] - total[account] // 2, total[account] // 2)
    features = np.zeros((2 * count, FEATURE_DIM), np.float32)
    bodies: list[Int] = [np.zeros(0, np.int64)] * (2 * count)
    for a in range(count):
        parts = np.array_split(np.arange(total[a]), [int(total[a] - total[a] // 2)])
        for h in (0, 1):
            if sheet.features is not None:
                features[2 * a + h] = sheet.features[a][parts[h]].sum(axis=0)
            if sheet.bodies is not None:
                bodies[2 * a + h] = sheet.bodies[a][parts[h]]
    distinct = [np.unique(part, return_counts=True) for part in bodies]
    elicitations = np.zeros((2 * count, len(Elicitation)), np.int64)
    elicitations[:, 0] = np.round(n * sheet.elicited)
    elicitations[:, -1] = n - elicitations[:, 0]
    shape = np.zeros((2 * count, SHAPE_BINS), np.int64)
    size = np.zeros(count, np.int64) if sheet.sizes is None else sheet.sizes
    shape[np.arange(2 * count), size[account]] += n
    shape[np.arange(2 * count), SHAPE_BINS // 2 + size[account]] += n
    return Pools(
        template=np.ones(2 * count, np.int64),
        account=account,
        day=half,
        n=n,
        single_turn=np.round(n * sheet.single).astype(np.int64),
        grader=np.round(n * sheet.graded).astype(np.int64),
        output_tokens=n * 100,
        features=features,
        shape=shape,
        capabilities=np.zeros((2 * count, len(Capability)), np.int64),
        elicitations=elicitations,
        offsets=np.concatenate(([0], np.cumsum([len(body) for body, _ in distinct]))).astype(np.int64),
        bodies=np.concatenate([body for body, _ in distinct]),
        body_n=np.concatenate([times for _, times in distinct]),
    )


def _traits(rows: list[tuple[str, int, int]]) -> Traits:
    rows = sorted(rows)
    kinds = tuple(sorted({kind for kind, _, _ in rows}))
    code = np.array([kinds.index(row[0]) for row in rows], np.int64)
    value = np.array([row[1] for row in rows], np.int64)
    account = np.array([row[2] for row in rows], np.int64)
    ones, starts = np.ones(len(rows), np.int64), np.searchsorted(code, np.arange(len(kinds) + 1))
    return Traits(kinds, starts, value, account, ones, unit_degree(code, value, account), 0 * ones)


def _model_days(models: dict[str, Int]) -> dict[str, ModelDays]:
    out = {}
    for model, table in models.items():
        account, day = np.nonzero(table)
        n = table[account, day].astype(np.int64)
        out[model] = ModelDays(account, day, n, int(day.min()) * 86_400_000_000 if len(day) else 0)
    return out


def clockwork(seed: int, shared: float, *, single: float = 1.0, elicited: float = 0.0, graded: float = 0.0) -> Focus:
    """Forty members among a hundred accounts; ``shared`` = 1: one bursty dispatcher, 0: own hours and volumes."""
    rng = np.random.default_rng(seed)
    hours = DAYS * 24
    common = rng.gamma(0.5, 1.0, hours // 6).repeat(6) + 0.02
    rows = []
    for account in range(MEMBERS + OTHERS):
        central = account < MEMBERS and shared > 0
        rate = 12.0 if central else 12.0 * rng.lognormal(-0.5, 1.0)
        own = np.exp(1.5 * np.cos((np.arange(hours) - rng.uniform(0, 24)) * 2 * np.pi / 24))
        profile = common if central else own * (rng.random(DAYS) < 0.7).repeat(24) + 1e-3
        rows.append(rng.poisson(rate * DAYS * profile / profile.sum()))
    return assemble(Sheet(np.array(rows), single=single, elicited=elicited, graded=graded))


def subjects(seed: int, *, own: bool, items: int = 2_000) -> Focus:
    """Forty members whose bodies come from one pool of ``items`` or, each, from a subject of their own."""
    rng = np.random.default_rng(seed)
    count, each = MEMBERS + OTHERS, 60
    centres = _unit(rng.normal(size=(count, FEATURE_DIM)))
    counts = np.zeros((count, DAYS * 24), np.int64)
    counts[:, ::8] = 2
    features, bodies = [], []
    for account in range(count):
        private = own or account >= MEMBERS
        centre = centres[account] if private else centres[0]
        features.append(_unit(centre + 0.12 * rng.normal(size=(each, FEATURE_DIM))))
        low, high = (account * 10**6, account * 10**6 + 80) if private else (0, items)
        bodies.append(rng.integers(low, high, each))
    sizes = rng.integers(0, SHAPE_BINS // 2, count)
    if not own:
        sizes[:MEMBERS] = sizes[0]
    return assemble(Sheet(counts, features=features, bodies=bodies, sizes=sizes))


def _unit(vectors: Float) -> Float:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def cards(family: Family, per_value: int) -> Focus:
    """Forty members with ``per_value`` accounts to a trait value of ``family``; everybody else has their own."""
    counts = np.ones((MEMBERS + OTHERS, 48), np.int64)
    kind = str(_CONFIG[family])
    rows = [(kind, a // per_value if a < MEMBERS else 10**6 + a, a) for a in range(MEMBERS + OTHERS)]
    return assemble(Sheet(counts, traits=rows))


def customer(per_value: int) -> Focus:
    """Forty members, ``per_value`` to a card and to a network."""
    counts = np.ones((MEMBERS + OTHERS, 48), np.int64)
    kinds = (str(TraitKind.PAYMENT), str(TraitKind.PREFIX))
    rows = [(k, a // per_value if a < MEMBERS else 10**6 + a, a) for k in kinds for a in range(MEMBERS + OTHERS)]
    return assemble(Sheet(counts, traits=rows))


def pivoting(seed: int, share: float) -> Focus:
    """A model launched on day 4; ``share`` of the members' exchanges move at once, a tenth of everybody's."""
    rng = np.random.default_rng(seed)
    counts = np.ones((MEMBERS + OTHERS, DAYS * 24), np.int64)
    adoption = np.where(np.arange(MEMBERS + OTHERS) < MEMBERS, share, 0.1)
    table = rng.binomial(24, adoption[:, None], size=(MEMBERS + OTHERS, DAYS))
    table[:, :4] = 0
    return assemble(Sheet(counts, models={"new": table}))


def signups(seed: int, days: int) -> Focus:
    """Forty members who signed up within ``days`` days, sixty others within four hundred."""
    rng = np.random.default_rng(seed)
    span = np.where(np.arange(MEMBERS + OTHERS) < MEMBERS, days, 400)
    created = ((1_000 + rng.random(MEMBERS + OTHERS) * span) * 86_400_000_000).astype(np.int64)
    return assemble(Sheet(np.ones((MEMBERS + OTHERS, 48), np.int64), created_us=created))


def standing(share: float) -> Focus:
    """``share`` of the members and a fifth of the others are verified."""
    verified = np.zeros(MEMBERS + OTHERS, np.int64)
    verified[: int(share * MEMBERS)] = 1
    verified[MEMBERS::5] = 1
    return assemble(Sheet(np.ones((MEMBERS + OTHERS, 48), np.int64), verified=verified))
