"""The designed worlds: every combination of archetype, cover, size and sharing once, three campaigns to a background.

A complete factorial in blocks of three: a world holds one campaign of each size, of three archetypes, and
which meet in a world is drawn with a seed, so that no level of one factor keeps company with a level of
another more often than chance has it. The order of the worlds is balanced too: a run that is cut short has
seen every level about equally often.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import numpy as np

from measure.experiments import Experiment
from measure.trial import Trial
from spiritsafe.simulation.worlds import CampaignSpec, WorldSpec, parse_campaign

__all__ = ["DESIGNED", "FACTORS", "PER_DAY", "Point", "balance", "points", "worlds_of"]

ARCHETYPES = ("C1", "C2", "C3", "C4", "C5", "C6", "C7")
COVERS = (0.0, 0.3, 0.6, 0.9)
SIZES = (20, 100, 500)
LARGE = 5_000
SHARING = {
    "card": "shared=cards",
    "network": "shared=proxies",
    "template": "shared=nothing",
    "nothing": "shared=nothing,template=none",
}
"""What strangers have in common beside the corpus: cards and template, exits and template, the template, neither."""
FACTORS = ("archetype", "cover", "size", "sharing")
DAYS = 8
PER_DAY = 16.0
"""Exchanges per account and day, cover included: whoever mixes in more cover harvests less with an account."""
_PER_DAY_LARGE = 5.0
_HONEST, _TRAFFIC = 1_500, 50_000
_HONEST_LARGE, _TRAFFIC_LARGE = 10_500, 120_000
_SEED = 20_000


class Point(NamedTuple):
    """One campaign of the design."""

    archetype: str
    cover: float
    size: int
    sharing: str

    @property
    def factors(self) -> dict[str, str]:
        """Levels by factor, as words."""
        return {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in self._named()}

    def _named(self) -> Iterator[tuple[str, float | int | str]]:
        return zip(FACTORS, self, strict=True)

    def campaign(self, name: str, per_day: float) -> CampaignSpec:
        """Return the campaign: ``per_day`` exchanges per account, ``cover`` of them ordinary."""
        rate = per_day * (1 - self.cover)
        words = f"{self.archetype}:{self.size}:{SHARING[self.sharing]},cover={self.cover:g},rate={rate:g}"
        return replace(parse_campaign(words), name=name)


def worlds_of() -> list[tuple[Point, ...]]:
    """Return the points of each world, balanced order first.

    Each size goes once through the 112 combinations of the other factors, in an order of its own that is
    mended until no archetype stands twice in a world.
    """
    cells = list(product(ARCHETYPES, COVERS, SHARING))
    rng = np.random.default_rng(_SEED)
    orders = [rng.permutation(len(cells)) for _ in SIZES]
    while clashes := [n for n, row in enumerate(zip(*orders, strict=True)) if len({cells[c][0] for c in row}) < 3]:
        for place in clashes:
            other, moved = int(rng.integers(len(cells))), orders[rng.integers(1, len(SIZES))]
            moved[place], moved[other] = moved[other], moved[place]
    rows = [
        tuple(Point(cells[c][0], cells[c][1], size, cells[c][2]) for c, size in zip(row, SIZES, strict=True))
        for row in zip(*orders, strict=True)
    ]
    return _ordered(rows)


def _ordered(rows: Sequence[tuple[Point, ...]]) -> list[tuple[Point, ...]]:
    """Take next whichever world makes the counts of levels so far most equal; ties as they come."""
    left, out, seen = list(rows), [], Counter[tuple[object, ...]]()
    while left:
        best = min(left, key=lambda row: sum(2 * seen[key] + 1 for point in row for key in _keys(point)))
        left.remove(best)
        out.append(best)
        seen.update(key for point in best for key in _keys(point))
    return out


def _keys(point: Point) -> Iterator[tuple[object, ...]]:
    """Yield what shall occur equally often: a size's levels, archetype by sharing, cover by sharing."""
    yield from ((point.size, name, level) for name, level in zip(FACTORS, point, strict=True) if name != "size")
    yield ("archetype x sharing", point.archetype, point.sharing)
    yield ("cover x sharing", point.cover, point.sharing)


_WORLDS = worlds_of()
_LARGE = [
    Point(ARCHETYPES[n % 7], COVERS[n % 4], LARGE, list(SHARING)[(n + n // 4) % 4]) for n in range(8)
]  # half of a Latin square: every cover and every sharing twice


def points() -> list[Point]:
    """Return every point of the design, in the order in which the worlds are run."""
    return [point for row in _WORLDS for point in row] + _LARGE


def balance(asked: Sequence[Mapping[str, str]]) -> dict[str, Counter[str]]:
    """Return how often each level occurs, and each pair of archetype and sharing.

    Args:
        asked: the factors of each campaign.
    """
    told: dict[str, Counter[str]] = {name: Counter(row[name] for row in asked) for name in FACTORS}
    told["archetype x sharing"] = Counter(f"{row['archetype']} {row['sharing']}" for row in asked)
    return told


def _factorial(number: int, base: WorldSpec) -> Iterator[Trial]:
    """Three campaigns among 1,500 honest accounts over eight days."""
    row = _WORLDS[number]
    campaigns = tuple(point.campaign(f"{point.archetype}-{point.size}", PER_DAY) for point in row)
    spec = replace(
        base, seed=base.seed + number, accounts=_HONEST, days=DAYS, campaigns=campaigns, exchanges_target=_TRAFFIC
    )
    yield Trial("factorial", f"{spec.seed}", spec, {c.name: p.factors for c, p in zip(campaigns, row, strict=True)})


def _large(number: int, base: WorldSpec) -> Iterator[Trial]:
    """One campaign of 5,000 accounts among as many honest ones as keep it below a third of all."""
    point = _LARGE[number]
    campaign = point.campaign(f"{point.archetype}-{point.size}", _PER_DAY_LARGE)
    spec = replace(
        base, seed=base.seed + number, accounts=_HONEST_LARGE, days=DAYS, campaigns=(campaign,),
        exchanges_target=_TRAFFIC_LARGE,
    )  # fmt: skip
    yield Trial("large", f"{spec.seed}", spec, {campaign.name: point.factors})


DESIGNED: dict[str, Experiment] = {
    "factorial": Experiment("Every archetype x cover x size x sharing once", len(_WORLDS), _SEED, _factorial),
    "large": Experiment("Campaigns of 5,000 accounts", len(_LARGE), _SEED + 1_000, _large),
}
