"""Builds the background: one part of a world per look-alike cohort.

Each cohort draws from a stream of its own name, so that asking for more of one leaves the others, and
every campaign, exactly as they were.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from spiritsafe.simulation.authors import deal, listed, lives, own_work
from spiritsafe.simulation.cohorts import COHORTS, Cohort, Corpus, Scope
from spiritsafe.simulation.mixing import Ints, mix, stream
from spiritsafe.simulation.prose import Prose, scatter
from spiritsafe.simulation.rhythm import Beats, live, select
from spiritsafe.simulation.roster import Roster, enrol
from spiritsafe.simulation.spec import WorldSpec
from spiritsafe.simulation.templates import draw_family
from spiritsafe.simulation.traffic import Lane, Models, Style, tabulate

__all__ = ["GRADERS", "OUTPUT", "Part", "Setting", "groups", "settle", "style_of", "thinning"]

OUTPUT = {
    "chain_of_thought": (700.0, 0.5),
    "trace_reconstruction": (1_200.0, 0.4),
    "rubric_grading": (12.0, 0.5),
    "agentic": (600.0, 0.6),
    "coding_data": (800.0, 0.5),
    "extraction": (90.0, 0.5),
    "translation": (40.0, 0.5),
    "rag": (220.0, 0.5),
}
GRADERS = frozenset({"rubric_grading"})


@dataclass(frozen=True, slots=True)
class Setting:
    """What all parts of one world have in common."""

    spec: WorldSpec
    prose: Prose
    models: Models
    start_us: int
    thin: float


@dataclass(frozen=True, slots=True)
class Part:
    """One cohort or campaign: its accounts, their exchanges, and the label they carry."""

    roster: Roster
    exchanges: pa.Table
    campaign: str | None


def groups(rng: np.random.Generator, accounts: int, bounds: tuple[int, int]) -> Ints:
    """Return the group of each account, groups being as large as ``bounds`` allow."""
    size = rng.integers(bounds[0], bounds[1] + 1, accounts)
    return np.repeat(np.arange(accounts), size)[:accounts]


def thinning(wanted: dict[str, int], spec: WorldSpec) -> float:
    """Return the factor on honest rates that brings the background near ``exchanges_target``."""
    if spec.exchanges_target is None:
        return 1.0
    mean = {name: c.volume[0] * np.exp(c.volume[1] ** 2 / 2) * 0.85 for name, c in COHORTS.items()}
    expected = sum(count * mean[name] for name, count in wanted.items()) * spec.days
    return float(min(1.0, spec.exchanges_target / max(expected, 1.0)))


def settle(name: str, accounts: int, setting: Setting) -> Part:
    """Return ``accounts`` accounts of a look-alike cohort with their exchanges."""
    cohort, spec = COHORTS[name], setting.spec
    rng = stream(spec.seed, "cohort", name)
    group = groups(rng, accounts, cohort.groups)
    roster = enrol(rng, name, group, cohort.makeup, setting.start_us)
    median, sigma = cohort.volume
    rate = np.minimum(median * rng.lognormal(0, sigma, accounts), spec.daily_cap) * setting.thin
    beats = live(rng, cohort.rhythm, rate, roster.zone, group, spec.days, cohort.length)
    author = mix(spec.seed, int(rng.integers(1 << 40)), np.arange(accounts)).astype(np.int64)
    through = np.asarray(rng.random(int(beats.train.max(initial=-1)) + 1) < cohort.focal)[beats.train]
    lanes = [
        *_focal(rng, cohort, select(beats, through), group, author, setting),
        _plain(rng, cohort, select(beats, ~through), author, setting),
    ]
    return Part(roster, tabulate(rng, roster, lanes, setting.models, setting.start_us), None)


def _plain(rng: np.random.Generator, cohort: Cohort, beats: Beats, author: Ints, setting: Setting) -> Lane:
    prose = setting.prose
    topics = lives(prose, cohort.work, cohort.topics, author)
    bodies = own_work(prose, rng, beats, topics, author, cohort.extra, cohort.repeat)
    return Lane(beats, bodies, pa.nulls(len(beats), pa.string()), style_of("", cohort))


def _focal(
    rng: np.random.Generator, cohort: Cohort, beats: Beats, group: Ints, author: Ints, setting: Setting
) -> list[Lane]:
    """Return the templated exchanges, a lane per template that the cohort uses."""
    bodies = _bodies(rng, cohort, beats, group, author, setting)
    if cohort.scope is Scope.NOBODY:
        return [Lane(beats, bodies, pa.nulls(len(beats), pa.string()), style_of("", cohort))]
    owner = {
        Scope.ACCOUNT: np.arange(len(group)),
        Scope.GROUP: group,
        Scope.COHORT: (mix(author, 51) % np.uint64(cohort.popular)).astype(np.int64),
    }[cohort.scope]
    lanes: dict[str, list[tuple[Ints, pa.Array, pa.Array]]] = {}
    used = owner[beats.member]
    order = np.argsort(used, kind="stable")
    edges = np.searchsorted(used[order], np.arange(int(owner.max(initial=-1)) + 2))
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        family = draw_family(rng, str(rng.choice(cohort.templates)), setting.spec.families)
        rows = order[low:high]
        if len(rows):
            prompt, system = family.dress(bodies.take(pa.array(rows)), np.zeros(len(rows), np.int64))
            lanes.setdefault(family.kind, []).append((rows, prompt, system))
    return [_merge(beats, pieces, style_of(kind, cohort)) for kind, pieces in lanes.items()]


def _merge(beats: Beats, pieces: list[tuple[Ints, pa.Array, pa.Array]], style: Style) -> Lane:
    rows = np.concatenate([piece[0] for piece in pieces])
    keep = np.zeros(len(beats), bool)
    keep[rows] = True
    rank = np.cumsum(keep) - 1
    places = [rank[piece[0]] for piece in pieces]
    prompt, system = (scatter([piece[i] for piece in pieces], places) for i in (1, 2))
    return Lane(select(beats, keep), prompt, system, style)


def _bodies(
    rng: np.random.Generator, cohort: Cohort, beats: Beats, group: Ints, author: Ints, setting: Setting
) -> pa.Array:
    prose, key = setting.prose, int(rng.integers(1 << 40))
    owner = {
        Corpus.ITEMS: np.arange(len(group)),
        Corpus.GROUP_ITEMS: group,
        Corpus.BENCHMARK: (mix(author, 52) % np.uint64(3)).astype(np.int64),
    }.get(cohort.corpus)
    if owner is not None:
        lists = mix(key, np.arange(int(owner.max(initial=-1)) + 1)).astype(np.int64)
        topics = lives(prose, cohort.work, cohort.topics, lists)
        return listed(prose, rng, beats, owner, topics, cohort.items, key)
    if cohort.corpus is Corpus.DEALT:
        return _dealt(rng, cohort, beats, group, setting)
    topics = lives(prose, cohort.work, cohort.topics, author)
    return own_work(prose, rng, beats, topics, author, cohort.extra, cohort.repeat)


def _dealt(rng: np.random.Generator, cohort: Cohort, beats: Beats, group: Ints, setting: Setting) -> pa.Array:
    pieces, places = [], []
    for number in range(int(group.max(initial=-1)) + 1):
        rows = np.flatnonzero(group[beats.member] == number)
        topics = setting.prose.topics_of(cohort.work)
        pool = setting.prose.bodies(rng, np.sort(rng.choice(topics, max(1, len(rows)))), None, cohort.extra)
        chosen = np.zeros(len(beats), bool)
        chosen[rows] = True
        pieces.append(deal(rng, select(beats, chosen), pool, 0.0, True, len(group)))
        places.append(rows)
    return scatter(pieces, places)


def style_of(kind: str, cohort: Cohort) -> Style:
    """Return the style of a cohort's traffic through templates of ``kind`` ('' for plain work)."""
    return Style(
        output=OUTPUT.get(kind, (260.0, 0.8)),
        tools=cohort.tools if kind else 0,
        thinking=0.3 if kind == "chain_of_thought" else 0.0,
        grader=kind in GRADERS,
        end_users=cohort.end_users,
        batch=cohort.batch,
        early=cohort.early,
    )
