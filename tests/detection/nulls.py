"""Honest groups drawn from generative nulls: one population of many groups, each with its own true value.

A draw takes the true value of every group (what the signal estimates) and produces the counts underneath,
so that a calibration test sees exactly the sampling noise that a signal's standard error speaks of.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spiritsafe.detection.calibration import Null
from spiritsafe.detection.focus import CELLS_PER_DAY, Focus, cut
from spiritsafe.detection.population import Float, Int, Population
from spiritsafe.detection.synthetic import Sheet, assemble
from spiritsafe.engine.tables import FEATURE_DIM, SHAPE_BINS
from spiritsafe.model.words import Elicitation, TraitKind

MEMBERS = 24
DAYS = 10
EACH = 16

Draw = Callable[[np.random.Generator, Float], Population]


@dataclass(frozen=True)
class Generative:
    """How to draw honest groups, and a location and scale inside the range that the unit allows."""

    draw: Draw
    null: Null

    def groups(self, seed: int, count: int) -> tuple[Float, list[Focus]]:
        """True values float [count] and the foci of the groups."""
        rng = np.random.default_rng(seed)
        truth = rng.normal(self.null.mean, self.null.sd, count)
        return truth, self.given(rng, truth)

    def given(self, rng: np.random.Generator, truth: Float) -> list[Focus]:
        population = self.draw(rng, truth)
        return [
            cut(population, np.arange(group * MEMBERS, (group + 1) * MEMBERS), np.array([1]))
            for group in range(len(truth))
        ]


def flat(accounts: int, each: int = EACH) -> Int:
    """``each`` exchanges per account, one an hour; at most 48."""
    counts = np.zeros((accounts, 48), np.int64)
    counts[:, :each] = 1
    return counts


def _cells(shares: Float, totals: Int, rng: np.random.Generator) -> Int:
    """Counts per account and hour from shares [accounts, blocks, cells] and totals [accounts, blocks]."""
    counts = rng.multinomial(totals, shares)
    hours = np.zeros((len(shares), DAYS * 24), np.int64)
    hours[:, :: 24 // CELLS_PER_DAY] = counts.reshape(len(shares), -1)
    return hours


def _dirichlet(alpha: Float, rng: np.random.Generator) -> Float:
    drawn = rng.gamma(alpha) + 1e-300
    return np.asarray(drawn / drawn.sum(axis=-1, keepdims=True))


def clock(rng: np.random.Generator, truth: Float) -> Population:
    """Dirichlet-multinomial days about a profile of the group, intra-class correlation ``truth``."""
    profile = _dirichlet(np.full((len(truth), 1, DAYS, CELLS_PER_DAY), 3.0), rng)
    weight = 1 / np.maximum(truth, 1e-3) - 1
    alpha = np.broadcast_to(profile * weight[:, None, None, None], (len(truth), MEMBERS, DAYS, CELLS_PER_DAY))
    shares = _dirichlet(alpha.reshape(-1, DAYS, CELLS_PER_DAY), rng)
    return assemble(Sheet(_cells(shares, rng.poisson(8, shares.shape[:2]), rng))).population


def rhythm(rng: np.random.Generator, truth: Float) -> Population:
    """A profile common to the group that leaves every time of day its share, and members' own departures.

    With relative departure d the common part of the irregularity is d^2 / (K - 1). A timetable of the
    member's own takes up one degree of freedom in K - 1 per time of day but one; the intra-class correlation
    of the members is what leaves the share ``truth`` to the common part.
    """
    cells, depart = DAYS * CELLS_PER_DAY, 0.8
    common, untaken = depart**2 / (cells - 1), (cells - CELLS_PER_DAY) / (cells - 1)
    own = (1 - truth) * common / (1 - (1 - truth) * untaken)
    signs = np.tile([1.0, -1.0], DAYS // 2)[:, None].repeat(CELLS_PER_DAY, axis=1)
    profile = (1 + depart * np.stack([rng.permuted(signs, axis=0).ravel() for _ in truth])) / cells
    alpha = np.repeat(profile * (1 / own - 1)[:, None], MEMBERS, axis=0)
    shares = _dirichlet(alpha, rng)[:, None, :]
    return assemble(Sheet(_cells(shares, rng.poisson(200, (len(shares), 1)), rng))).population


def balance(rng: np.random.Generator, truth: Float) -> Population:
    """Poisson counts with gamma rates of coefficient of variation ``truth``."""
    shape = np.repeat(1 / truth**2, MEMBERS)
    rate = np.maximum(rng.gamma(shape) / shape, 0.02) * 12
    return assemble(Sheet(rng.poisson(rate[:, None] / 24, (len(rate), DAYS * 24)))).population


def subject(rng: np.random.Generator, truth: Float) -> Population:
    """Unit features about member centres that share the part ``truth`` of their squared length."""
    common = np.repeat(_unit(rng.normal(size=(len(truth), FEATURE_DIM))), MEMBERS, axis=0)
    own = _unit(rng.normal(size=common.shape))
    weight = np.repeat(np.clip(truth, 0, 1), MEMBERS)[:, None]
    centre = np.sqrt(weight) * common + np.sqrt(1 - weight) * own
    noise = 0.08 * rng.normal(size=(len(centre), EACH, FEATURE_DIM))
    return assemble(Sheet(flat(len(centre)), features=list(_unit(centre[:, None, :] + noise)))).population


def shape(rng: np.random.Generator, truth: Float) -> Population:
    """Each member's sizes in the group's bin with probability root ``truth``, else in a bin of its own."""
    bins = SHAPE_BINS // 2
    count = len(truth) * MEMBERS
    follows = rng.random(count) < np.sqrt(np.repeat(truth, MEMBERS))
    common = np.repeat(rng.integers(0, bins, len(truth)), MEMBERS)
    sizes = np.where(follows, common, rng.integers(0, bins, count))
    return assemble(Sheet(flat(count), sizes=sizes)).population


def pool(rng: np.random.Generator, truth: Float) -> Population:
    """Bodies from a private or from the group's pool, repeat rates 10^``truth`` apart."""
    bodies: list[Int] = []
    items, each = 3_000, 48
    for group, value in enumerate(truth.tolist()):
        ratio = 10 ** max(value, 0.0) - 1
        private = max(round(items / max(ratio, 1e-9)), 1) if ratio > 0 else 1
        odds = np.sqrt(private * ratio / items)
        own = rng.random((MEMBERS, each)) < odds / (1 + odds)
        base = 10**9 + (group * MEMBERS + np.arange(MEMBERS)[:, None]) * 10**6
        bodies += list(
            np.where(own, base + rng.integers(0, private, own.shape), group * 10**5 + rng.integers(0, items, own.shape))
        )
    return assemble(Sheet(flat(len(bodies), each), bodies=bodies)).population


def coverage(rng: np.random.Generator, truth: Float) -> Population:
    """Every member does EACH different items of a list so long that two have the share ``truth`` in common."""
    bodies: list[Int] = []
    for group, value in enumerate(truth.tolist()):
        items = max(round(EACH / min(max(value, 0.01), 1.0)), EACH)
        bodies += [group * 10**5 + rng.permutation(items)[:EACH] for _ in range(MEMBERS)]
    return assemble(Sheet(flat(len(bodies)), bodies=bodies)).population


def growth(rng: np.random.Generator, truth: Float) -> Population:
    """Late bodies are new with probability ``truth``; early ones are all different."""
    bodies: list[Int] = []
    half = EACH // 2
    for group, value in enumerate(truth.tolist()):
        early = group * 10**6 + np.arange(MEMBERS * half)
        fresh = rng.random(len(early)) < value
        late = np.where(fresh, early + 500_000, rng.permutation(early))
        bodies += list(np.concatenate([early.reshape(MEMBERS, half), late.reshape(MEMBERS, half)], axis=1))
    return assemble(Sheet(flat(len(bodies)), bodies=bodies)).population


def sharded(rng: np.random.Generator, truth: Float) -> Population:
    """The members of `subject`, none of whose bodies ever comes again."""
    population = subject(rng, truth)
    pools = population.pools
    fresh = np.arange(int(pools.n.sum()))
    offsets = np.concatenate(([0], np.cumsum(pools.n)))
    return replace(population, pools=replace(pools, offsets=offsets, bodies=fresh, body_n=np.ones_like(fresh)))


def signups(rng: np.random.Generator, truth: Float) -> Population:
    """Members sign up uniformly in a window of width 1 - ``truth``, among many others.

    The mean distance of a uniform draw from its median is a quarter of the window. The others are so many
    because windows overlap in the middle more than at the edges: ranks among members alone are not uniform.
    """
    width = np.clip(1 - truth, 0.02, 1)
    start = rng.random(len(truth)) * (1 - width)
    draw = np.repeat(start, MEMBERS) + rng.random(len(truth) * MEMBERS) * np.repeat(width, MEMBERS)
    everyone = np.concatenate([draw, rng.random(8 * len(draw))])
    created = (1 + everyone * 1e15).astype(np.int64)
    return assemble(Sheet(np.ones((len(created), 2), np.int64), created_us=created)).population


def sharing(kind: TraitKind, cluster: int = 2) -> Draw:
    """Knots of ``cluster`` members have a value in common with probability ``truth``, else each its own."""

    def draw(rng: np.random.Generator, truth: Float) -> Population:
        count = len(truth) * MEMBERS
        knots = np.repeat(truth, MEMBERS // cluster)
        linked = np.repeat(rng.random(len(knots)) < knots, cluster)
        value = np.where(linked, np.arange(count) // cluster, 10**7 + np.arange(count))
        rows = [(str(kind), int(v), a) for a, v in enumerate(value.tolist())]
        return assemble(Sheet(flat(count), traits=rows)).population

    return draw


def configuration(rng: np.random.Generator, truth: Float) -> Population:
    """Each member uses the group's settings with probability ``truth``, else its own."""
    count = len(truth) * MEMBERS
    follows = rng.random(count) < np.repeat(truth, MEMBERS)
    value = np.where(follows, np.arange(count) // MEMBERS, 10**7 + np.arange(count))
    rows = [(str(TraitKind.CONFIG), int(v), a) for a, v in enumerate(value.tolist())]
    return assemble(Sheet(flat(count), traits=rows)).population


def customer(rng: np.random.Generator, truth: Float) -> Population:
    """Each member is behind the group's card and exit with probability ``truth``, else behind its own."""
    count = len(truth) * MEMBERS
    follows = rng.random(count) < np.repeat(truth, MEMBERS)
    value = np.where(follows, np.arange(count) // MEMBERS, 10**7 + np.arange(count)).tolist()
    rows = [(str(kind), int(v), a) for kind in (TraitKind.PAYMENT, TraitKind.PREFIX) for a, v in enumerate(value)]
    return assemble(Sheet(flat(count), traits=rows)).population


def _member_shares(rng: np.random.Generator, truth: Float) -> Float:
    """Each member's own share about the group's: beta with an intra-class correlation of a tenth."""
    mean = np.repeat(np.clip(truth, 0.01, 0.99), MEMBERS)
    return rng.beta(9 * mean, 9 * (1 - mean))


def elicited(rng: np.random.Generator, truth: Float) -> Population:
    share = _member_shares(rng, truth)
    population = assemble(Sheet(flat(len(share)))).population
    pools = population.pools
    asked = rng.binomial(pools.n, share[pools.account])
    table = np.zeros((len(asked), len(Elicitation)), np.int64)
    table[:, 0], table[:, -1] = asked, pools.n - asked
    return replace(population, pools=replace(pools, elicitations=table))


def graded(rng: np.random.Generator, truth: Float) -> Population:
    share = _member_shares(rng, truth)
    population = assemble(Sheet(flat(len(share)))).population
    pools = population.pools
    return replace(population, pools=replace(pools, grader=rng.binomial(pools.n, share[pools.account])))


def turns(rng: np.random.Generator, truth: Float) -> Population:
    share = _member_shares(rng, truth)
    population = assemble(Sheet(flat(len(share)))).population
    content = population.content
    single = rng.binomial(content.n, share[content.account])
    return replace(population, content=replace(content, single_turn=single))


def pivot(launches: int = 1) -> Draw:
    """Adoption of each new model is ``truth`` above what all accounts do, members differing like beta draws."""

    def draw(rng: np.random.Generator, truth: Float) -> Population:
        base = 0.4
        models = {}
        for number in range(launches):
            level = truth if number == 0 else rng.permutation(truth)
            share = _member_shares(rng, base + level)
            table = rng.binomial(12, share[:, None], (len(share), DAYS))
            table[:, : 2 + 3 * number] = 0
            models[f"new-{number}"] = table
        counts = np.zeros((len(truth) * MEMBERS, DAYS * 24), np.int64)
        counts[:, ::2] = 1
        return assemble(Sheet(counts, models=models)).population

    return draw


def standing(rng: np.random.Generator, truth: Float) -> Population:
    verified = (rng.random(len(truth) * MEMBERS) < np.repeat(truth, MEMBERS)).astype(np.int64)
    return assemble(Sheet(flat(len(verified)), verified=verified)).population


def _unit(vectors: NDArray[np.float64]) -> Float:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


NULLS: dict[str, Generative] = {
    "one_clock": Generative(clock, Null(0.30, 0.10)),
    "shared_rhythm": Generative(rhythm, Null(0.40, 0.15)),
    "load_balance": Generative(balance, Null(0.90, 0.25)),
    "one_subject": Generative(subject, Null(0.45, 0.15)),
    "one_pool": Generative(pool, Null(1.50, 0.40)),
    "split_corpus": Generative(sharded, Null(0.45, 0.15)),
    "joint_signup": Generative(signups, Null(0.55, 0.12)),
    "same_items": Generative(coverage, Null(0.50, 0.15)),
    "pooled_mmd": Generative(subject, Null(0.45, 0.15)),
    "one_shape": Generative(shape, Null(0.50, 0.15)),
    "coverage_growth": Generative(growth, Null(0.55, 0.15)),
    "shared_payment": Generative(sharing(TraitKind.PAYMENT), Null(0.45, 0.15)),
    "shared_network": Generative(sharing(TraitKind.PREFIX), Null(0.45, 0.15)),
    "shared_device": Generative(sharing(TraitKind.DEVICE), Null(0.45, 0.15)),
    "shared_signup": Generative(sharing(TraitKind.SIGNUP_IP), Null(0.45, 0.15)),
    "one_configuration": Generative(configuration, Null(0.50, 0.15)),
    "elicitation": Generative(elicited, Null(0.50, 0.15)),
    "grader_shape": Generative(graded, Null(0.60, 0.12)),
    "single_turn": Generative(turns, Null(0.50, 0.15)),
    "joint_pivot": Generative(pivot(), Null(0.0, 0.12)),
    "one_customer": Generative(customer, Null(0.50, 0.15)),
    "standing": Generative(standing, Null(0.50, 0.15)),
}
"""Generative null of every signal: location and scale lie well inside the range of its unit."""
