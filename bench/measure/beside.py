"""The peers on the worlds of the design: the same logs, the same accounts, the same arithmetic."""

from pathlib import Path
from time import process_time

import msgspec
import numpy as np

from measure.examine import Accounts, accounts_of, bench_digest
from measure.runs import Work
from measure.trial import Trial, identity
from peers import distances, forest, honeypot, log, texts, windows
from spiritsafe.simulation.worlds import build

__all__ = ["BESIDE", "METHODS", "Beside", "Window"]

METHODS = ("honeypotllm", "MMD per account", "PRADA", "isolation forest")
_SEED = 7
_MOST_WINDOWS = 24


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One window of the whole stream.

    Attributes:
        share: of its requests that members of campaigns sent.
        mmd: the statistic.
    """

    share: float
    mmd: float


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What the peers made of one world.

    Attributes:
        accounts: who counts, in the order of the scores; the same as in ``Examined``.
        scores: by method, higher is more suspicious.
        alarms: by method, which accounts (places in ``accounts``) lie beyond its default threshold.
        judged: which accounts the MMD judges; the others are its reference.
        windows: of the stream without the reference's accounts.
        benign: statistic of windows of honest requests alone, of the same accounts.
        cpu_s: by method.
    """

    experiment: str
    name: str
    seed: int
    identity: str
    code: str
    exchanges: int
    accounts: Accounts
    scores: dict[str, list[float]]
    alarms: dict[str, list[int]]
    judged: list[bool]
    windows: list[Window]
    benign: list[float]
    cpu_s: dict[str, float]


def undertake(trial: Trial, folder: Path, code: str) -> Beside:  # noqa: ARG001
    """Build one world and let every peer score it."""
    world = build(trial.spec)
    accounts, ids = accounts_of(world)
    entries = log.read(world.exchanges, ids)
    spent, begun = {}, process_time()
    points = texts.embed(entries.prompt, _SEED)
    spent["embedding"], begun = process_time() - begun, process_time()
    scores, alarms = {"honeypotllm": honeypot.scores(entries)}, {}
    alarms["honeypotllm"] = scores["honeypotllm"] >= honeypot.THRESHOLD
    spent["honeypotllm"], begun = process_time() - begun, process_time()
    scores["PRADA"], alarms["PRADA"] = distances.scores(entries, points)
    spent["PRADA"], begun = process_time() - begun, process_time()
    scores["isolation forest"], alarms["isolation forest"] = forest.scores(entries, points, _SEED)
    spent["isolation forest"], begun = process_time() - begun, process_time()
    member = np.array(accounts.campaign) >= 0
    judged = member | (np.random.default_rng(_SEED).random(len(ids)) < 0.5)
    statistic = windows.Discrepancy.from_points(points[~judged[entries.who]], _SEED)
    scores["MMD per account"] = np.array([statistic.of_account(points[entries.of(a)]) for a in range(len(ids))])
    stream, honest = _windows(entries, points, statistic, judged, member)
    alarms["MMD per account"] = np.zeros(len(ids), np.bool_)  # it names nobody
    spent["MMD per account"] = process_time() - begun
    return Beside(
        experiment=trial.experiment,
        name=trial.name,
        seed=trial.spec.seed,
        identity=identity(trial),
        code=code,
        exchanges=world.exchanges.num_rows,
        accounts=accounts,
        scores={name: np.round(scores[name], 4).tolist() for name in METHODS},
        alarms={name: np.flatnonzero(alarms[name]).tolist() for name in METHODS},
        judged=judged.tolist(),
        windows=stream,
        benign=honest,
        cpu_s={name: round(seconds, 2) for name, seconds in spent.items()},
    )


def _windows(
    entries: log.Log, points: log.Points, statistic: windows.Discrepancy, judged: np.ndarray, member: np.ndarray
) -> tuple[list[Window], list[float]]:
    rows = np.flatnonzero(judged[entries.who])
    mixed = _spread([rows[window] for window in windows.cut(entries.at[rows])])
    clean = rows[~member[entries.who[rows]]]
    honest = _spread([clean[window] for window in windows.cut(entries.at[clean])])
    stream = [
        Window(share=round(float(member[entries.who[w]].mean()), 3), mmd=round(statistic.of(points[w]), 6))
        for w in mixed
    ]
    return stream, [round(statistic.of(points[w]), 6) for w in honest]


def _spread(cuts: list[log.Int]) -> list[log.Int]:
    """Return as many windows as are looked at, evenly over the log."""
    return cuts[:: -(-len(cuts) // _MOST_WINDOWS)] if cuts else cuts


def beside_code() -> str:
    """Return the digest of all that decides what the peers say."""
    return bench_digest("beside", "trial", *(f"../peers/{name}" for name in _PEERS))


_PEERS = ("distances", "forest", "honeypot", "log", "texts", "windows")


def _told(outcome: Beside) -> str:
    return f"{outcome.exchanges:,} exchanges, {sum(outcome.cpu_s.values()):.0f} CPU-seconds"


BESIDE: Work[Trial, Beside] = Work(Beside, identity, undertake, beside_code, _told)
