"""A labelled world: an honest background, campaigns on top, written in the contract's shape.

This is the only door into the room: the command line, the bench and the tests call these and nothing
beneath. Background and campaigns never share a random stream, so recall and false positives of two
worlds differ only by what was asked to differ.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spiritsafe.model.errors import UsageError
from spiritsafe.simulation.archetypes import ARCHETYPES, check, parse_campaign
from spiritsafe.simulation.attack import mount
from spiritsafe.simulation.cohorts import COHORTS, sizes
from spiritsafe.simulation.honest import Part, Setting, settle, thinning
from spiritsafe.simulation.prose import Prose
from spiritsafe.simulation.quotations import Quotations
from spiritsafe.simulation.rhythm import DAY_S, Calendar
from spiritsafe.simulation.spec import CampaignSpec, Families, Orgs, WorldSpec
from spiritsafe.simulation.traces import read_traces
from spiritsafe.simulation.traffic import Models

__all__ = [
    "ARCHETYPES",
    "COHORTS",
    "CampaignSpec",
    "Families",
    "Orgs",
    "World",
    "WorldSpec",
    "build",
    "parse_campaign",
    "write",
]

_DAY_US = int(DAY_S * 1e6)


@dataclass(frozen=True, slots=True)
class World:
    """Tables in the contract's shape.

    Attributes:
        spec: what was asked for, campaigns named.
        exchanges: sorted by ``started_at``.
        accounts: one row per account.
        labels: account_id, cohort, campaign (null for honest accounts).
        models: model, released_at, prices.
        bodies: how many real prompts were used ``verbatim`` and ``recombined``; empty for a parametric world.
    """

    spec: WorldSpec
    exchanges: pa.Table
    accounts: pa.Table
    labels: pa.Table
    models: pa.Table
    bodies: Mapping[str, int]


def build(spec: WorldSpec) -> World:
    """Return the world of ``spec``; the same spec gives the same world.

    Raises:
        UsageError: an unknown cohort or kind (the legal ones are listed) or an impossible size.
        InputError: a table of the data folder is absent or lacks a column.
    """
    spec = replace(spec, campaigns=_named(spec.campaigns))
    wanted = _wanted(spec)
    start_us = int(spec.start.timestamp()) * 1_000_000
    models = Models(release_s=spec.release_day * DAY_S)
    traces = None if spec.data is None else read_traces(spec.data)
    prose = Prose(spec.families) if spec.data is None else Quotations(spec.families, spec.data)
    setting = Setting(
        spec=spec,
        prose=prose,
        models=models,
        calendar=Calendar(spec.days, spec.start.weekday(), None if traces is None else traces.curves),
        start_us=start_us,
        scale=thinning(wanted, spec),
        traces=traces,
    )
    parts = [settle(name, count, setting) for name, count in wanted.items() if count]
    for number, campaign in enumerate(spec.campaigns):
        parts += mount(campaign, number, setting)
    if not parts:
        raise UsageError("a world without accounts", hint="Ask for honest accounts, cohorts or a campaign.")
    exchanges = pa.concat_tables([part.exchanges for part in parts])
    return World(
        spec=spec,
        exchanges=exchanges.sort_by([("started_at", "ascending"), ("exchange_id", "ascending")]),
        accounts=pa.concat_tables([part.roster.accounts for part in parts]),
        labels=pa.concat_tables([_labels(part) for part in parts]),
        models=_models(models, spec.start),
        bodies=dict(prose.tally) if isinstance(prose, Quotations) else {},
    )


def _named(campaigns: Sequence[CampaignSpec]) -> tuple[CampaignSpec, ...]:
    return tuple(
        replace(check(campaign), name=campaign.name or f"{campaign.archetype}-{number}")
        for number, campaign in enumerate(campaigns, 1)
    )


def _wanted(spec: WorldSpec) -> dict[str, int]:
    if spec.days < 1 or spec.accounts < 0:
        raise UsageError(f"a world of {spec.accounts} accounts over {spec.days} days", hint="Ask for at least one day.")
    if spec.cohorts is None:
        return sizes(spec.accounts)
    unknown = sorted(set(spec.cohorts) - set(COHORTS))
    if unknown:
        raise UsageError(f"unknown cohort {unknown[0]!r}", hint=f"Cohorts: {', '.join(COHORTS)}.")
    return dict(spec.cohorts)


def _labels(part: Part) -> pa.Table:
    return pa.table(
        {
            "account_id": part.roster.accounts["account_id"],
            "cohort": pa.array([part.roster.cohort] * len(part.roster), pa.string()),
            "campaign": pa.array([part.campaign] * len(part.roster), pa.string()),
        }
    )


def _models(models: Models, start: datetime) -> pa.Table:
    begin = start.astimezone(UTC).timestamp()
    released = [begin + models.release_s, *(begin - days * DAY_S for days in (150, 240, 240))]
    return pa.table(
        {
            "model": list(models.names),
            "released_at": pa.array([int(s * 1e6) for s in released], pa.timestamp("us", "UTC")),
            "price_in": [4.0, 12.0, 3.0, 0.5],
            "price_out": [20.0, 60.0, 15.0, 2.0],
        }
    )


def write(world: World, out_dir: Path) -> None:
    """Write ``exchanges/YYYY-MM-DD.parquet``, accounts, labels, models and ``world.json``.

    Args:
        world: what to write.
        out_dir: made if absent; files of the same name are replaced.
    """
    folder = out_dir / "exchanges"
    folder.mkdir(parents=True, exist_ok=True)
    day = pc.divide(world.exchanges["started_at"].cast(pa.int64()), _DAY_US).to_numpy()
    edges = np.flatnonzero(np.diff(day, prepend=-1))
    for low, high in zip(edges, [*edges[1:], len(day)], strict=True):
        date = datetime.fromtimestamp(int(day[low]) * DAY_S, UTC).date()
        table = world.exchanges.slice(low, high - low)
        pq.write_table(table, folder / f"{date}.parquet", compression="zstd")
    for name in ("accounts", "labels", "models"):
        pq.write_table(getattr(world, name), out_dir / f"{name}.parquet")
    (out_dir / "world.json").write_text(json.dumps(_note(world), indent=2, sort_keys=True) + "\n", "utf-8")


def _note(world: World) -> dict[str, object]:
    """Return what the world was made of, and what each campaign came to."""
    spec = world.spec
    asked = asdict(replace(spec, cohorts=None)) | {
        "start": spec.start.isoformat(),
        "data": spec.data is not None,
        "cohorts": dict(spec.cohorts) if spec.cohorts is not None else sizes(spec.accounts),
    }
    return {
        "spec": asked,
        "exchanges": world.exchanges.num_rows,
        "accounts": world.accounts.num_rows,
        "truth": _truth(world),
        "bodies": dict(world.bodies),
        "note": (
            "Joined by simulation: accounts, addresses, payment and texts of nobody. With real prompts, "
            "'recombined' bodies carry other numbers and a neighbour's sentence; languages other than English, "
            "follow-ups and answers come from the grammar."
        ),
    }


def _truth(world: World) -> list[dict[str, object]]:
    """Return accounts, exchanges, output tokens and time span per campaign and cohort label."""
    joined = world.exchanges.select(["account_id", "started_at", "output_tokens"]).join(
        world.labels.filter(pc.is_valid(world.labels["campaign"])), "account_id", join_type="inner"
    )
    sums = joined.group_by(["campaign", "cohort"]).aggregate(
        [
            ("account_id", "count_distinct"),
            ("account_id", "count"),
            ("output_tokens", "sum"),
            ("started_at", "min"),
            ("started_at", "max"),
        ]
    )
    rows = sums.sort_by([("campaign", "ascending"), ("cohort", "ascending")]).to_pylist()
    return [
        {
            "campaign": row["campaign"],
            "cohort": row["cohort"],
            "accounts": row["account_id_count_distinct"],
            "exchanges": row["account_id_count"],
            "output_tokens": row["output_tokens_sum"],
            "from": row["started_at_min"].isoformat(),
            "to": row["started_at_max"].isoformat(),
        }
        for row in rows
    ]
