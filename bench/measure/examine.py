"""One designed world: scanned, compared with its labels, ablated, and every campaign that was missed explained.

What is kept of a world is enough to draw every curve again: a rank per account under each ablation, a rank
per group that stood, and no identifier.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import msgspec
import numpy as np

from measure.ablation import ABLATIONS, only
from measure.missed import Missed, explain
from measure.recording import Recording, holding, judge_again, listening, rank_of, ranks, undrawn
from measure.runs import Work
from measure.trial import Trial, active, code_digest, identity, written
from spiritsafe.detection.campaigns import Group
from spiritsafe.detection.population import Float, Int
from spiritsafe.model.settings import Settings, load_settings
from spiritsafe.model.words import Tier
from spiritsafe.pipeline.scan import ScanRequest, scan
from spiritsafe.simulation.evaluation import SHELL, Evaluation, evaluate
from spiritsafe.simulation.worlds import World

__all__ = ["EXAMINATIONS", "FULL", "Accounts", "Examined", "Standing", "accounts_of", "bench_digest", "examined_code"]

FULL = "all families"
_ABLATED = 40
"""Worlds of each experiment that are ablated: the first ones, which the order keeps balanced."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A group that stood, reported or not.

    Attributes:
        rank: its place in the order of naming.
        tier: as reported, None if not.
        accounts: how many.
        campaign: index of the campaign most of whose labels it carries, -1 for none.
        purity: share of its accounts that carry that label.
        share: share of that campaign's members that it holds.
        door: which door proposed it.
        mixed: True if strangers were left in it.
    """

    rank: float
    tier: Tier | None
    accounts: int
    campaign: int
    purity: float
    share: float
    door: str
    mixed: bool


class Accounts(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts that count, in one order: silent honest ones are left out.

    Attributes:
        campaigns: labels.
        cohorts: names.
        campaign: index into campaigns, -1 for honest accounts.
        cohort: index into cohorts.
    """

    campaigns: list[str]
    cohorts: list[str]
    campaign: list[int]
    cohort: list[int]


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """What a designed world came to.

    Attributes:
        identity, code, experiment, name, seed, factors, exchanges, evaluation: as in ``trial.Outcome``.
        cpu_s: CPU seconds of simulating, scanning, ablating and explaining.
        accounts: who counts.
        ranks: by ablation (``FULL`` for none), a rank per account of ``accounts``.
        standing: groups of the full scan.
        missed: the campaigns that were not found.
        tested: candidates that were judged.
    """

    experiment: str
    name: str
    seed: int
    identity: str
    code: str
    factors: dict[str, dict[str, str]]
    exchanges: int
    cpu_s: dict[str, float]
    evaluation: Evaluation
    accounts: Accounts
    ranks: dict[str, list[float]]
    standing: list[Standing]
    missed: list[Missed]
    tested: int


def bench_digest(*modules: str) -> str:
    """Return 12 hex digits over modules of the bench that decide an outcome, beside the package itself.

    Args:
        modules: file names within ``bench/measure`` without suffix.
    """
    digest = hashlib.blake2b(code_digest().encode(), digest_size=6)
    for name in sorted(modules):
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()


def examined_code() -> str:
    """Return the digest of all that decides an examined world."""
    return bench_digest("examine", "ablation", "missed", "recording", "trial")


def undertake(trial: Trial, folder: Path, code: str) -> Examined:
    """Build, scan, ablate and explain one world; ``folder`` holds it meanwhile."""
    settings, spent = load_settings(), {}
    with TemporaryDirectory(dir=folder, prefix="world-") as scratch, undrawn(), holding():
        place, begun = Path(scratch), process_time()
        world = written(trial, place / "world")
        spent["simulate"], begun = process_time() - begun, process_time()
        with listening() as heard:
            result = scan(ScanRequest(logs=[place / "world"], out=place / "out"), settings, lambda *_: None)
        spent["scan"], begun = process_time() - begun, process_time()
        labels = active(world)
        evaluation = evaluate(msgspec.to_builtins(result.findings), labels, world.exchanges)
        accounts, ids = accounts_of(world)
        where = _places(heard, ids)
        found = {FULL: _ranked(ranks(heard.judgement, heard.population.size), where)}
        if trial.spec.seed % 1_000 < _ABLATED:
            found |= _ablated(heard, settings, where)
        spent["ablate"], begun = process_time() - begun, process_time()
        missed = [
            explain(score.campaign, where[_members(accounts, score.campaign)], heard, settings.detection, score.recall)
            for score in evaluation.campaigns
            if not score.found
        ]
        spent["explain"] = process_time() - begun
    return Examined(
        experiment=trial.experiment,
        name=trial.name,
        seed=trial.spec.seed,
        identity=identity(trial),
        code=code,
        factors={campaign: dict(values) for campaign, values in trial.factors.items()},
        exchanges=world.exchanges.num_rows,
        cpu_s={name: round(seconds, 2) for name, seconds in spent.items()},
        evaluation=evaluation,
        accounts=accounts,
        ranks=found,
        standing=[_standing(group, accounts, where) for group in heard.judgement.groups],
        missed=missed,
        tested=heard.judgement.tested,
    )


def accounts_of(world: World) -> tuple[Accounts, list[str]]:
    """Return who counts, and their ids in the same order."""
    labels = active(world).sort_by("account_id")
    ids, cohort, campaign = (labels[name].to_pylist() for name in ("account_id", "cohort", "campaign"))
    cohorts = sorted(set(cohort))
    campaigns = sorted({name for name in campaign if name is not None})
    return Accounts(
        campaigns=campaigns,
        cohorts=cohorts,
        campaign=[-1 if name is None else campaigns.index(name) for name in campaign],
        cohort=[cohorts.index(name) for name in cohort],
    ), ids


def _places(heard: Recording, ids: Sequence[str]) -> Int:
    """Return each account's index in the population, -1 for one that never sent anything."""
    place = {account: index for index, account in enumerate(heard.population.accounts.ids)}
    return np.array([place.get(account, -1) for account in ids], np.int64)


def _members(accounts: Accounts, campaign: str) -> Int:
    """Return the places of a campaign's true members, shells left out."""
    number = accounts.campaigns.index(campaign)
    shell = accounts.cohorts.index(SHELL) if SHELL in accounts.cohorts else -1
    return np.flatnonzero((np.array(accounts.campaign) == number) & (np.array(accounts.cohort) != shell))


def _ranked(of: Float, where: Int) -> list[float]:
    told: list[float] = np.round(np.where(where >= 0, of[where], of.min(initial=0.0)), 2).tolist()
    return told


def _ablated(heard: Recording, settings: Settings, where: Int) -> dict[str, list[float]]:
    told = {}
    for name, kinds in ABLATIONS.items():
        with only(kinds):
            judgement = judge_again(heard.population, settings.detection)
        told[name] = _ranked(ranks(judgement, heard.population.size), where)
    return told


def _standing(group: Group, accounts: Accounts, where: Int) -> Standing:
    campaign = np.array(accounts.campaign)
    inside = np.isin(where, group.score.focus.members)
    counts = np.bincount(campaign[inside & (campaign >= 0)], minlength=len(accounts.campaigns) or 1)
    best = int(counts.argmax())
    size = group.score.focus.size
    return Standing(
        rank=round(rank_of(group), 2),
        tier=group.tier,
        accounts=size,
        campaign=best if counts[best] else -1,
        purity=round(float(counts[best]) / size, 3),
        share=round(float(counts[best]) / max(int((campaign == best).sum()), 1), 3),
        door=str(group.score.candidate.door),
        mixed=group.mixed,
    )


def _told(outcome: Examined) -> str:
    found = f"{outcome.evaluation.found} of {len(outcome.evaluation.campaigns)} campaigns"
    return f"{found}, {outcome.exchanges:,} exchanges, {sum(outcome.cpu_s.values()):.0f} CPU-seconds"


EXAMINATIONS: Work[Trial, Examined] = Work(Examined, identity, undertake, examined_code, _told)
