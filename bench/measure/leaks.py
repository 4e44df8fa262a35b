"""What a campaign has taken by the time it is named, if the log is scanned every hour into one store.

Scans every twelve hours, each adding the hours since the last to a store as a provider would; where a campaign is
named for the first time, the hour is found by bisection from the store of twelve hours before. Bisection
takes for granted that a campaign stays named once it is; later scans say how often that fails. Only what had
been logged and signed up by then is known to a scan.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import TemporaryDirectory
from time import process_time

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from measure.examine import bench_digest
from measure.recording import undrawn
from measure.runs import Work
from measure.trial import Trial, identity
from spiritsafe.model.settings import Settings, load_settings
from spiritsafe.model.words import Tier
from spiritsafe.pipeline.scan import ScanRequest, scan
from spiritsafe.simulation.evaluation import CampaignScore, evaluate
from spiritsafe.simulation.worlds import World, build

__all__ = ["LEAKS", "STEP", "Leak", "Leaks", "Moment", "Seen"]

STEP = 12
"""Hours between two scans of the grid."""
_HOUR_US = 3_600_000_000


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """When a campaign first stood at a tier or above.

    Attributes:
        hour: hours since the world began.
        exchanges: that its members had made by then, cover included.
        output_tokens: that these were answered with.
    """

    hour: int
    exchanges: int
    output_tokens: int


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign at one scan of the grid."""

    hour: int
    exchanges: int
    tier: Tier | None


class Leak(msgspec.Struct, frozen=True, kw_only=True):
    """One campaign.

    Attributes:
        campaign: its label.
        members: accounts.
        exchanges, output_tokens: until the end of the world.
        suspected, confirmed: when it was first named so; None for never.
        lapses: scans of the grid after the first that named it which did not.
        grid: every scan of the grid.
    """

    campaign: str
    members: int
    exchanges: int
    output_tokens: int
    suspected: Seen | None
    confirmed: Seen | None
    lapses: int
    grid: list[Moment]


class Leaks(msgspec.Struct, frozen=True, kw_only=True):
    """One world; ``honest`` are the honest accounts that were named in any scan of the grid, of how many."""

    experiment: str
    name: str
    seed: int
    identity: str
    code: str
    factors: dict[str, dict[str, str]]
    exchanges: int
    leaks: list[Leak]
    scans: int
    named: int
    honest: int
    cpu_s: float


@dataclass
class _Log:
    """A world as it is logged and the store of one moment of the past.

    Attributes:
        world: what happens.
        folder: for logs and stores.
        settings: to scan with.
        file_hours: hours in a file.
        hour: up to where the store has read.
        before: up to where it had read one scan earlier.
        known: status of every campaign at the hours that were scanned.
        named: honest accounts that any scan named.
        aside: stores of hours since the grid's last but one scan, whose files end where those of any later hour do.
    """

    world: World
    folder: Path
    settings: Settings
    file_hours: int
    hour: int = 0
    before: int = 0
    known: dict[int, Mapping[str, CampaignScore]] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    scans: int = 0
    aside: dict[int, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Note in which hour each exchange and sign-up happened."""
        begin = int(self.world.spec.start.timestamp()) * 1_000_000
        self.at = (_us(self.world.exchanges["started_at"]) - begin) // _HOUR_US
        self.signed = (_us(self.world.accounts["created_at"]) - begin) // _HOUR_US
        self.edges = np.searchsorted(self.at, np.arange(int(self.at.max()) + 2))
        self.end = int(self.at.max()) + 1

    def advance(self, hour: int) -> Mapping[str, CampaignScore]:
        """Read on to ``hour``, keeping the store of before for :meth:`look_back`."""
        before = self.folder / "before"
        for old in (before, *self.aside.values()):
            rmtree(old, ignore_errors=True)
        self.aside.clear()
        if self.hour:
            copytree(self._store, before)
        self.before, start = self.hour, self.hour
        self.hour = hour
        self.known[hour] = self._scan(self._store, start, hour)
        return self.known[hour]

    def look_back(self, hour: int) -> Mapping[str, CampaignScore]:
        """Return what a scan at ``hour``, between the last two of the grid, would have said."""
        if hour not in self.known:
            start = max((at for at in self.aside if at < hour), default=self.before)
            store = self.folder / f"aside-{hour}"
            if start:
                copytree(self.aside.get(start, self.folder / "before"), store)
            self.known[hour] = self._scan(store, start, hour)
            # only where every file is a whole one would a scan from the grid's store have read the same files
            if (hour - self.before) % self.file_hours == 0:
                self.aside[hour] = store
            else:
                rmtree(store)
        return self.known[hour]

    @property
    def _store(self) -> Path:
        return self.folder / "store"

    def _scan(self, store: Path, start: int, hour: int) -> Mapping[str, CampaignScore]:
        """Add the hours from ``start`` to ``hour`` to a store and judge it."""
        self.scans += 1
        fresh = (self.signed < hour) & ((self.signed >= start) | (start == 0))
        sides = {"accounts": self.folder / "accounts.parquet", "models": self.folder / "models.parquet"}
        pq.write_table(self.world.accounts.filter(pa.array(fresh)), sides["accounts"])
        released = pc.less(_hours(self.world.models["released_at"], self.world.spec.start), hour)
        pq.write_table(self.world.models.filter(released), sides["models"])
        sides = {name: path for name, path in sides.items() if pq.read_metadata(path).num_rows}
        result = scan(
            ScanRequest(logs=list(self._files(start, hour)), sides=sides, store=store, out=self.folder / "out"),
            self.settings,
            lambda *_: None,
        )
        labels = self._labels(hour)
        told = evaluate(msgspec.to_builtins(result.findings), labels)
        honest = set(labels.filter(pc.is_null(labels["campaign"]))["account_id"].to_pylist())
        self.named |= {
            item.account_id
            for item in result.findings.accounts
            if item.tier is not Tier.LINKED and item.account_id in honest
        }
        return {score.campaign: score for score in told.campaigns}

    def _files(self, start: int, hour: int) -> Iterator[Path]:
        """Yield the files that have come since ``start``: whoever scans hourly reads files of an hour."""
        for low in range(start, hour, self.file_hours):
            high = min(low + self.file_hours, hour)
            first, last = int(self.edges[low]), int(self.edges[high])
            path = self.folder / f"{low:05}-{high:05}.parquet"
            if not path.exists():
                pq.write_table(self.world.exchanges.slice(first, last - first), path)
            if last > first:
                yield path

    def _labels(self, hour: int) -> pa.Table:
        """Return the labels of those who have sent anything by then: nobody else could be found."""
        seen = pc.unique(self.world.exchanges.slice(0, int(self.edges[hour]))["account_id"])
        return self.world.labels.filter(pc.is_in(self.world.labels["account_id"], value_set=seen))


def _us(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy())


def _hours(column: pa.ChunkedArray, start: datetime) -> pa.ChunkedArray:
    moment = pa.scalar(start, pa.timestamp("us", "UTC"))
    return pc.divide(pc.subtract(column, moment).cast(pa.int64()), _HOUR_US)


def undertake(trial: Trial, folder: Path, code: str) -> Leaks:
    """Build one world and scan it as it grows."""
    begun = process_time()
    with TemporaryDirectory(dir=folder, prefix="world-") as scratch, undrawn():
        log = _Log(build(trial.spec), Path(scratch), _keyed(Path(scratch)), int(trial.factors[""]["file hours"]))
        first = _watched(log)
    world, grid = log.world, [*range(STEP, log.end, STEP), log.end]
    labels = {row["account_id"]: row["campaign"] for row in world.labels.to_pylist() if row["campaign"]}
    return Leaks(
        experiment=trial.experiment,
        name=trial.name,
        seed=trial.spec.seed,
        identity=identity(trial),
        code=code,
        factors={campaign: dict(values) for campaign, values in trial.factors.items()},
        exchanges=world.exchanges.num_rows,
        leaks=[_leak(name, first, log, grid, labels) for name in sorted(set(labels.values()))],
        scans=log.scans,
        named=len(log.named),
        honest=len(set(world.exchanges["account_id"].to_pylist()) - set(labels)),
        cpu_s=round(process_time() - begun, 1),
    )


def _keyed(folder: Path) -> Settings:
    """Return the settings with a fixed key: a store makes a random one, and samples of bodies depend on it a little."""
    path, settings = folder / "master.key", load_settings()
    path.write_bytes(bytes(range(32)))
    path.chmod(0o600)
    return settings.model_copy(update={"privacy": settings.privacy.model_copy(update={"key_file": path})})


def _watched(log: _Log) -> dict[tuple[str, Tier], int]:
    """Scan along the grid; return the first hour of every campaign and tier that was reached."""
    first: dict[tuple[str, Tier], int] = {}
    for hour in [*range(STEP, log.end, STEP), log.end]:
        for name, score in log.advance(hour).items():
            for tier in (Tier.SUSPECTED, Tier.CONFIRMED):
                if (name, tier) not in first and _stands(score, tier):
                    first[name, tier] = _first(log, name, tier, hour)
    return first


def _first(log: _Log, name: str, tier: Tier, hour: int) -> int:
    """Bisect between the last two scans of the grid."""
    low, high = log.before, hour
    while high - low > 1:
        middle = (low + high) // 2
        if _stands(log.look_back(middle).get(name), tier):
            high = middle
        else:
            low = middle
    return high


def _stands(score: CampaignScore | None, tier: Tier) -> bool:
    return score is not None and score.tier is not None and score.tier.rank >= tier.rank


def _leak(
    name: str, first: Mapping[tuple[str, Tier], int], log: _Log, grid: list[int], labels: Mapping[str, str]
) -> Leak:
    members = {account for account, campaign in labels.items() if campaign == name}
    mine = pc.is_in(log.world.exchanges["account_id"], value_set=pa.array(sorted(members))).to_numpy()
    at, tokens = log.at[mine], log.world.exchanges["output_tokens"].to_numpy()[mine].cumsum()

    def seen(tier: Tier) -> Seen | None:
        hour = first.get((name, tier))
        if hour is None:
            return None
        count = int(np.searchsorted(at, hour))
        return Seen(hour=hour, exchanges=count, output_tokens=int(tokens[count - 1]) if count else 0)

    moments = []
    for hour in grid:
        score = log.known[hour].get(name)
        tier = None if score is None else score.tier
        moments.append(Moment(hour=hour, exchanges=int(np.searchsorted(at, hour)), tier=tier))
    suspected = seen(Tier.SUSPECTED)
    later = [m for m in moments if suspected is not None and m.hour >= suspected.hour]
    return Leak(
        campaign=name,
        members=len(members),
        exchanges=len(at),
        output_tokens=int(tokens[-1]) if len(tokens) else 0,
        suspected=suspected,
        confirmed=seen(Tier.CONFIRMED),
        lapses=sum(m.tier is None or m.tier is Tier.LINKED for m in later),
        grid=moments,
    )


def _told(outcome: Leaks) -> str:
    hours = ", ".join("never" if leak.suspected is None else f"hour {leak.suspected.hour}" for leak in outcome.leaks)
    return f"suspected {hours}; {outcome.scans} scans, {outcome.cpu_s:.0f} CPU-seconds"


def _code() -> str:
    return bench_digest("leaks", "recording", "trial")


LEAKS: Work[Trial, Leaks] = Work(Leaks, identity, undertake, _code, _told)
