"""What every number of detection is worth: one turned at a time, on worlds whose campaigns lie near the margin.

A world is read once and judged again for every other value, in a process of the bench in which the number has
that value. A share of all values is one trial, so that a run that was cut goes on where it was.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from unittest.mock import patch

import msgspec
import numpy as np
import pyarrow as pa

from measure.examine import bench_digest
from measure.experiments import Experiment
from measure.knobs import Knob, knobs, turned
from measure.recording import acted, judge_again, undrawn
from measure.runs import Work
from measure.trial import Trial, identity, written
from spiritsafe.detection.loading import Parts, load
from spiritsafe.detection.lone import lone_extractors
from spiritsafe.detection.population import Population
from spiritsafe.model.settings import DetectionSettings, load_settings
from spiritsafe.model.words import Tier
from spiritsafe.pipeline import scan as pipeline
from spiritsafe.simulation.worlds import WorldSpec, parse_campaign

__all__ = ["SENSITIVE", "SENSITIVITY", "Effect", "Sensitivity", "Turn"]

_WORLDS = (
    (
        "C1:40:shared=cards,cover=.6,rate=5",
        "C3:40:shared=nothing,cover=.3,rate=8",
        "C5:20:shared=proxies,cover=.6,rate=5",
        "C6:50:shared=nothing,cover=.3,rate=8,ban=0",
        "C2:40:shared=cards,cover=.3,rate=8,jitter=1",
        "C1:1:shared=nothing,cover=.1,rate=300",
    ),
    (
        "C4:40:shared=nothing,cover=.3,rate=8",
        "C7:40:shared=proxies,cover=.6,rate=5",
        "C1:60:shared=nothing,template=none,cover=.3,rate=10",
        "C3:30:shared=cards,cover=.9,rate=1.5",
        "C5:40:shared=nothing,cover=.6,rate=5",
        "C4:1:shared=nothing,cover=.1,rate=300",
    ),
)
_HONEST, _TRAFFIC, _DAYS = 700, 24_000, 8
_SHARE = 48
"""Turns in one trial."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan comes to.

    Attributes:
        found: campaigns of which one group at `suspected` or above holds half.
        members: members named.
        honest: honest accounts named.
        false: groups at `suspected` or above of which less than half is of one campaign.
        lone: accounts named without a group, members first, honest ones second.
    """

    found: int
    members: int
    honest: int
    false: int
    lone: tuple[int, int]


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One number at another value; ``effect`` is None where detection cannot work with it."""

    label: str
    told: str
    was: float
    now: float
    effect: Effect | None


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """A share of all turns on one world, beside what it comes to as it is."""

    experiment: str
    name: str
    identity: str
    code: str
    campaigns: int
    members: int
    honest: int
    base: Effect
    turns: list[Turn]
    cpu_s: float


def _sensitive(number: int, base: WorldSpec) -> Iterator[Trial]:
    campaigns = tuple(replace(parse_campaign(words), name=words) for words in _WORLDS[number])
    spec = replace(
        base, seed=base.seed + number, accounts=_HONEST, days=_DAYS, campaigns=campaigns, exchanges_target=_TRAFFIC
    )
    every = knobs()
    for part, first in enumerate(range(0, len(every), _SHARE)):
        digest = hashlib.blake2b(repr(every[first : first + _SHARE]).encode(), digest_size=6).hexdigest()
        factors = {"": {"first": str(first), "last": str(first + _SHARE), "turns": digest}}
        yield Trial("sensitivity", f"{spec.seed}-{part:02}", spec, factors)


SENSITIVE = Experiment("Every number of detection turned", len(_WORLDS), 25_000, _sensitive)


def undertake(trial: Trial, folder: Path, code: str) -> Sensitivity:
    """Read one world, then judge it once per turn."""
    begun = process_time()
    kept: list[dict[str, Parts]] = []

    def loading(tables: Mapping[str, Parts]) -> Population:
        kept.append({name: part if isinstance(part, pa.Table) else list(part) for name, part in tables.items()})
        return load(kept[-1])

    kept_back = patch.object(pipeline, "load", loading)
    with TemporaryDirectory(dir=folder, prefix="world-") as scratch, undrawn(), kept_back:
        place = Path(scratch)
        world = written(trial, place / "world")
        pipeline.scan(pipeline.ScanRequest(logs=[place / "world"], out=place / "out"), load_settings(), lambda *_: None)
    labels = dict(zip(world.labels["account_id"].to_pylist(), world.labels["campaign"].to_pylist(), strict=True))
    chosen = knobs()[int(trial.factors[""]["first"]) : int(trial.factors[""]["last"])]
    tables = kept[0]
    population = load(tables)
    base = _effect(population, load_settings().detection, labels)
    sent = set(population.accounts.ids)
    return Sensitivity(
        experiment=trial.experiment,
        name=trial.name,
        identity=identity(trial),
        code=code,
        campaigns=len(trial.spec.campaigns),
        members=sum(campaign is not None for campaign in labels.values()),
        honest=sum(labels[account] is None for account in sent),
        base=base,
        turns=[_turn(knob, population, tables, labels, base) for knob in chosen],
        cpu_s=round(process_time() - begun, 1),
    )


def _turn(
    knob: Knob, population: Population, tables: Mapping[str, Parts], labels: dict[str, str | None], base: Effect
) -> Turn:
    """Judge once more; a fresh population has none of the old one's cached values."""
    with turned(knob) as settings:
        try:
            if knob.module == _LONE:
                effect: Effect | None = msgspec.structs.replace(base, lone=_lone(population, labels))
            else:
                again = load(tables) if knob.module in _LOADED else replace(population)
                effect = _effect(again, settings, labels)
        except (ArithmeticError, LookupError, ValueError):
            effect = None
    return Turn(label=knob.label, told=knob.told, was=knob.was, now=knob.now, effect=effect)


_LONE, _LOADED = "lone", {"large", "loading", "population"}
"""Modules that groups know nothing of, and those that are in force while a population is made."""


def _effect(population: Population, settings: DetectionSettings, labels: dict[str, str | None]) -> Effect:
    names = sorted({name for name in labels.values() if name is not None})
    of = np.array([names.index(name) if (name := labels[i]) is not None else -1 for i in population.accounts.ids])
    sizes = np.bincount(of[of >= 0], minlength=len(names))
    groups = [g.score.focus.members for g in judge_again(population, settings).groups if acted(g.tier)]
    held = [np.bincount(of[group][of[group] >= 0], minlength=len(names)) for group in groups]
    told = np.zeros(len(of), np.bool_)
    told[np.concatenate([*groups, np.zeros(0, np.int64)])] = True
    return Effect(
        found=int(sum(any(counts[at] >= size / 2 for counts in held) for at, size in enumerate(sizes))),
        members=int((told & (of >= 0)).sum()),
        honest=int((told & (of < 0)).sum()),
        false=sum(int(counts.max(initial=0)) < len(group) / 2 for counts, group in zip(held, groups, strict=True)),
        lone=_lone(population, labels),
    )


def _lone(population: Population, labels: dict[str, str | None]) -> tuple[int, int]:
    told = [labels[item.account_id] for item in lone_extractors(population) if item.tier is not Tier.LINKED]
    return sum(name is not None for name in told), sum(name is None for name in told)


def _code() -> str:
    return bench_digest("sensitivity", "knobs", "recording", "trial")


def _told(outcome: Sensitivity) -> str:
    changed = sum(turn.effect != outcome.base for turn in outcome.turns)
    return f"{changed} of {len(outcome.turns)} turns change anything, {outcome.cpu_s:.0f} CPU-seconds"


SENSITIVITY: Work[Trial, Sensitivity] = Work(Sensitivity, identity, undertake, _code, _told)
