"""Builds the background: one part of a world per look-alike cohort.

Each cohort draws from a stream of its own name, so that asking for more of one leaves the others, and
every campaign, exactly as they were.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from spiritsafe.simulation.authors import Work, answered, benchmark, dealt_by_group, lists, own_work
from spiritsafe.simulation.cohorts import COHORTS, Cohort, Corpus, Scope
from spiritsafe.simulation.mixing import Ints, mix, stream
from spiritsafe.simulation.prose import Prose, scatter
from spiritsafe.simulation.rhythm import Beats, Calendar, live, select
from spiritsafe.simulation.roster import Roster, enrol
from spiritsafe.simulation.spec import WorldSpec
from spiritsafe.simulation.templates import Family, draw_family
from spiritsafe.simulation.traces import Traces
from spiritsafe.simulation.traffic import Lane, Models, Style, tabulate

__all__ = ["LEADS", "Part", "Setting", "inhabit", "settle", "thinning"]

LEADS = {"rubric_grading": "\nResponse: ", "trace_reconstruction": "\nAnswer: "}
"""Kinds of template whose bodies carry an answer, and the words before it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all parts of one world have in common."""

    spec: WorldSpec
    prose: Prose
    models: Models
    calendar: Calendar
    start_us: int
    scale: float = 1.0
    traces: Traces | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One cohort or campaign.

    Attributes:
        roster: its accounts.
        exchanges: their exchanges, unsorted.
        campaign: the label they carry, None for honest ones.
        families: the templates in use, for whoever copies them.
    """

    roster: Roster
    exchanges: pa.Table
    campaign: str | None
    families: tuple[Family, ...] = ()


def thinning(wanted: dict[str, int], spec: WorldSpec) -> float:
    """Return the factor on honest rates that brings the background near ``exchanges_target``."""
    if spec.exchanges_target is None:
        return 1.0
    mean = {name: c.volume[0] * np.exp(c.volume[1] ** 2 / 2) * 0.85 for name, c in COHORTS.items()}
    expected = sum(count * mean[name] for name, count in wanted.items()) * spec.days
    return float(min(1.0, spec.exchanges_target / max(expected, 1.0)))


def settle(name: str, accounts: int, setting: Setting) -> Part:
    """Return ``accounts`` accounts of a look-alike cohort with their exchanges."""
    return inhabit(stream(setting.spec.seed, "cohort", name), name, COHORTS[name], accounts, setting)


def inhabit(rng: np.random.Generator, name: str, cohort: Cohort, accounts: int, setting: Setting) -> Part:
    """Return accounts with the habits of ``cohort``, labelled ``name``."""
    group = np.repeat(np.arange(accounts), rng.integers(cohort.groups[0], cohort.groups[1] + 1, accounts))[:accounts]
    roster = enrol(rng, name, group, cohort.makeup, setting.start_us)
    rate = _rates(rng, cohort, accounts, setting)
    beats = live(rng, cohort.rhythm, setting.calendar, rate=rate, zone=roster.zone, group=group, length=cohort.length)
    author = mix(setting.spec.seed, int(rng.integers(1 << 40)), np.arange(accounts)).astype(np.int64)
    through = np.asarray(rng.random(int(beats.train.max(initial=-1)) + 1) < cohort.focal)[beats.train]
    focal, plain = select(beats, through), select(beats, ~through)
    owner = _owners(cohort, group, author)
    families = [
        draw_family(rng, str(rng.choice(cohort.templates)), setting.spec.families)
        for _ in range(int(owner.max(initial=-1)) + 1)
    ]
    work = _work(rng, cohort, focal, group, author, setting=setting)
    idle = own_work(
        setting.prose, rng, plain, author, kinds=cohort.work, topics=cohort.topics, extra=cohort.extra,
        repeat=cohort.repeat,
    )  # fmt: skip
    lanes = _lanes(rng, cohort, focal, work, owner, families=families, prose=setting.prose)
    lanes.append(Lane(plain, idle.text, pa.nulls(len(plain), pa.string()), _style("", cohort)))
    exchanges = tabulate(rng, roster, lanes, setting.models, setting.start_us, quantiles=_quantiles(cohort, setting))
    return Part(roster, exchanges, None, tuple(families))


def _rates(rng: np.random.Generator, cohort: Cohort, accounts: int, setting: Setting) -> np.ndarray:
    median, sigma = cohort.volume
    factor = rng.lognormal(0, sigma, accounts)
    if setting.traces is not None and cohort.makeup.client.is_personal:
        factor = rng.choice(setting.traces.conversations, accounts)
    return np.asarray(np.minimum(median * factor, setting.spec.daily_cap) * setting.scale)


def _quantiles(cohort: Cohort, setting: Setting) -> np.ndarray | None:
    """Return real clients' output-token quantiles for API traffic, None for people and parametric worlds."""
    return None if setting.traces is None or cohort.makeup.client.is_personal else setting.traces.outputs


def _owners(cohort: Cohort, group: Ints, author: Ints) -> Ints:
    """Return which template each account uses, from 0; empty where nobody has one."""
    if cohort.scope is Scope.NOBODY:
        return np.zeros(0, np.int64)
    if cohort.scope is Scope.COHORT:
        return (mix(author, 51) % np.uint64(cohort.popular)).astype(np.int64)
    return group if cohort.scope is Scope.GROUP else np.arange(len(group))


def _work(
    rng: np.random.Generator, cohort: Cohort, beats: Beats, group: Ints, author: Ints, *, setting: Setting
) -> Work:
    prose, kinds = setting.prose, cohort.work
    if cohort.corpus is Corpus.BENCHMARK:
        return benchmark(prose, rng, beats, author, kinds=kinds, items=cohort.items)
    if cohort.corpus is Corpus.DEALT:
        return dealt_by_group(prose, rng, beats, group, kinds=kinds)
    if cohort.corpus is Corpus.OWN:
        return own_work(
            prose, rng, beats, author, kinds=kinds, topics=cohort.topics, extra=cohort.extra, repeat=cohort.repeat
        )
    owner = group if cohort.corpus is Corpus.GROUP_ITEMS else np.arange(len(group))
    return lists(prose, rng, beats, owner, kinds=kinds, items=cohort.items)


def _lanes(
    rng: np.random.Generator,
    cohort: Cohort,
    beats: Beats,
    work: Work,
    owner: Ints,
    *,
    families: list[Family],
    prose: Prose,
) -> list[Lane]:
    """Return a lane per kind of template in use."""
    if not families:
        return [Lane(beats, work.text, pa.nulls(len(beats), pa.string()), _style("", cohort))]
    used = owner[beats.member]
    order = np.argsort(used, kind="stable")
    edges = np.searchsorted(used[order], np.arange(len(families) + 1))
    worn: dict[str, list[tuple[Ints, pa.Array, pa.Array]]] = {}
    for family, (low, high) in zip(families, pairwise(edges), strict=True):
        rows = order[low:high]
        body = work.take(rows)
        if family.kind in LEADS:
            body = answered(prose, rng, body, LEADS[family.kind])
        worn.setdefault(family.kind, []).append((rows, *family.dress(body.text, np.zeros(len(rows), np.int64))))
    return [_merge(beats, pieces, _style(kind, cohort)) for kind, pieces in worn.items()]


def _merge(beats: Beats, pieces: list[tuple[Ints, pa.Array, pa.Array]], style: Style) -> Lane:
    keep = np.zeros(len(beats), bool)
    keep[np.concatenate([rows for rows, _, _ in pieces])] = True
    rank = np.cumsum(keep) - 1
    places = [rank[rows] for rows, _, _ in pieces]
    prompt, system = (scatter([piece[i] for piece in pieces], places) for i in (1, 2))
    return Lane(select(beats, keep), prompt, system, style)


def _style(kind: str, cohort: Cohort) -> Style:
    return Style(
        kind=kind,
        runs=cohort.rhythm.is_run,
        vision=cohort.vision,
        end_users=cohort.end_users,
        batch=cohort.batch,
        early=cohort.early,
    )
