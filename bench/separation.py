"""Shows how little published statistics separate here, each alone: the figures of docs/detection.md.

    python bench/separation.py [--seeds 1 2 3] [--accounts 900] [--exchanges 60000]

One parametric world a seed, five campaigns of fifty accounts in it that share corpus and clock only.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import igraph as ig
import numpy as np

from measure.tables import markdown
from spiritsafe.detection.focus import Focus, cut
from spiritsafe.detection.groups.candidate import enriched, users
from spiritsafe.detection.groups.rhythm import PARITY, mutual_neighbours, residuals
from spiritsafe.detection.links.graph import communities, fixed_order
from spiritsafe.detection.loading import load
from spiritsafe.detection.population import Float, Int, Population
from spiritsafe.detection.signals.discrepancy import Discrepancy
from spiritsafe.detection.signals.elicitation import HARVESTED
from spiritsafe.engine.store import Store
from spiritsafe.engine.tables import TABLES
from spiritsafe.model.settings import load_settings
from spiritsafe.pipeline.scan import ScanRequest, scan
from spiritsafe.simulation.worlds import WorldSpec, build, parse_campaign, write

_CAMPAIGNS = [f"{name}:50:shared=nothing" for name in ("C1", "C2", "C3", "C4", "C5")]
_NEIGHBOURS = 12


@dataclass(frozen=True)
class Labelled:
    """A scanned world: its population and the campaign number of every account, -1 for honest ones."""

    population: Population
    campaign: Int

    @property
    def campaigns(self) -> list[Int]:
        """Members of each campaign."""
        return [np.flatnonzero(self.campaign == number) for number in range(int(self.campaign.max()) + 1)]


def main() -> int:
    """Build, scan, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], metavar="N")
    parser.add_argument("--accounts", type=int, default=900, metavar="N", help="honest ones (%(default)s)")
    parser.add_argument("--exchanges", type=int, default=60_000, metavar="N", help="about so many (%(default)s)")
    asked = parser.parse_args()
    worlds = [_world(seed, asked.accounts, asked.exchanges) for seed in asked.seeds]
    sys.stdout.write("\n".join([*markdown(("statistic alone", "shows"), _rows(worlds)), ""]))
    return 0


def _world(seed: int, accounts: int, exchanges: int) -> Labelled:
    campaigns = tuple(parse_campaign(text) for text in _CAMPAIGNS)
    world = build(WorldSpec(accounts=accounts, campaigns=campaigns, seed=seed, exchanges_target=exchanges))
    settings = load_settings()
    with TemporaryDirectory() as scratch:
        folder, root = Path(scratch) / "world", Path(scratch) / "store"
        write(world, folder)
        scan(ScanRequest([folder], store=root, out=Path(scratch) / "out"), settings, lambda *_: None)
        with Store.open(root) as store, store.snapshot(settings.engine) as snapshot:
            population = load({name: snapshot.read(name) for name in TABLES if name != "seen"})
    label = dict(zip(*(world.labels.column(name).to_pylist() for name in ("account_id", "campaign")), strict=True))
    names = sorted({name for name in label.values() if name})
    number = {name: index for index, name in enumerate(names)}
    return Labelled(population, np.array([number.get(label[i], -1) for i in population.accounts.ids]))


def _rows(worlds: list[Labelled]) -> Iterator[tuple[str, str]]:
    honest = np.array([value for world in worlds for value in _discrepancies(_templates(world))])
    attack = np.array([value for world in worlds for value in _discrepancies(_groups(world))])
    yield "pooled MMD, honest template groups", _span(honest)
    yield "pooled MMD, campaigns", _span(attack)
    told = [_rhythms(world) for world in worlds]
    yield "rhythm: median correlation of a campaign's members", _range(v for t in told for v in t.within)
    yield "rhythm: 99.9th percentile of honest pairs", _range(t.honest for t in told)
    yield f"rhythm: members among a member's {_NEIGHBOURS} nearest", _range(v for t in told for v in t.neighbours)
    yield "pairs above that percentile: accounts in the largest component", _range(t.component for t in told)
    yield "the same: share of it that is one campaign", _range(t.purity for t in told)
    yield (
        "mutual neighbours, modularity: purity of the campaigns' communities",
        _range(v for t in told for v in t.fused),
    )
    yield "mutual neighbours, CPM: purity of the best community", _range(v for t in told for v in t.apart)
    rates = [_elicitation(world) for world in worlds]
    yield "elicitation by account: AUC", _range(auc for auc, _ in rates)
    yield "the same: honest accounts above the median campaign account", _range(share for _, share in rates)


def _span(values: Float) -> str:
    low, middle, high = np.quantile(values, [0.02, 0.5, 0.98])
    return f"{low:.2f} to {high:.2f} (2 to 98 %), median {middle:.2f}, {len(values)} groups"


def _range(values: Iterator[float]) -> str:
    seen = list(values)
    return f"{min(seen):.2f} to {max(seen):.2f}"


def _templates(world: Labelled) -> Iterator[Focus]:
    """Honest users of every template that eight or more organisations use, campaigns' own templates left out."""
    population = world.population
    for template in range(1, len(population.templates)):
        members = users(population, np.array([template]))
        honest = world.campaign[members] < 0
        if honest.sum() >= 8 and honest.mean() > 0.9:
            yield cut(population, members[honest], np.array([template]))


def _groups(world: Labelled) -> Iterator[Focus]:
    for members in world.campaigns:
        yield cut(world.population, members, enriched(world.population, members))


def _discrepancies(foci: Iterator[Focus]) -> Iterator[float]:
    for focus in foci:
        measured = Discrepancy().measure(focus)
        if measured is not None:
            yield measured.value


@dataclass(frozen=True)
class _Rhythm:
    within: list[float]
    honest: float
    neighbours: list[float]
    component: float
    purity: float
    fused: list[float]
    apart: list[float]


def _rhythms(world: Labelled) -> _Rhythm:
    who, table = residuals(world.population, PARITY)
    campaign = world.campaign[who]
    likeness = table @ table.T
    np.fill_diagonal(likeness, -1)
    upper = np.triu_indices(len(table), 1)
    strangers = (campaign[upper[0]] < 0) & (campaign[upper[1]] < 0)
    level = float(np.quantile(likeness[upper][strangers], 0.999))
    nearest = np.argsort(-likeness, axis=1)[:, :_NEIGHBOURS]
    groups = [np.flatnonzero(campaign == number) for number in range(int(campaign.max()) + 1)]
    graph = ig.Graph(n=len(table), edges=np.stack(upper, axis=1)[likeness[upper] > level])
    largest = np.array(max(graph.connected_components(), key=len))
    return _Rhythm(
        within=[float(np.median(likeness[np.ix_(g, g)][np.triu_indices(len(g), 1)])) for g in groups],
        honest=level,
        neighbours=[float(np.isin(nearest[g], g).mean()) for g in groups],
        component=float(len(largest)),
        purity=max(float(np.isin(largest, g).mean()) for g in groups),
        fused=[_modular(table, g) for g in groups],
        apart=[_best(table, g) for g in groups],
    )


def _modular(table: Float, members: Int) -> float:
    """Share of members in the modularity community that holds most of them."""
    a, b = mutual_neighbours(table, _NEIGHBOURS)
    fixed_order()
    parts = ig.Graph(n=len(table), edges=np.stack([a, b], axis=1)).community_leiden(objective_function="modularity")
    return _purity(max((np.array(part) for part in parts), key=lambda part: np.isin(part, members).sum()), members)


def _best(table: Float, members: Int) -> float:
    a, b = mutual_neighbours(table, _NEIGHBOURS)
    parts = communities(a, b, np.ones(len(a)), (0.04, 0.12, 0.3))
    half = [part for part in parts if np.isin(part, members).sum() >= len(members) / 4]
    return max((_purity(part, members) for part in half), default=0.0)


def _purity(part: Int, members: Int) -> float:
    return float(np.isin(part, members).mean())


def _elicitation(world: Labelled) -> tuple[float, float]:
    """AUC of the share of exchanges that elicit, and the share of honest accounts above the campaigns' median."""
    pools, size = world.population.pools, world.population.size
    asked = np.bincount(pools.account, pools.elicitations[:, HARVESTED].sum(axis=1), size)
    total = np.bincount(pools.account, pools.elicitations.sum(axis=1), size)
    known = total >= 10
    share = asked / np.maximum(total, 1)
    mine, theirs = share[known & (world.campaign >= 0)], share[known & (world.campaign < 0)]
    ahead = (mine[:, None] > theirs[None, :]).mean() + 0.5 * (mine[:, None] == theirs[None, :]).mean()
    return float(ahead), float((theirs >= np.median(mine)).mean())


if __name__ == "__main__":
    sys.exit(main())
