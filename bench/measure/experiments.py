"""The experiments behind the table of targets: which worlds each of them asks for.

Data rather than code: every world is named, its seed follows from its place, and no seed below 1,000
occurs, because those are for tuning. A designed sweep is drawn in blocks, so that asking for more
seeds adds worlds and changes none.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from measure.trial import Trial
from spiritsafe.model.words import Programme
from spiritsafe.simulation.worlds import COHORTS, CampaignSpec, Families, Orgs, WorldSpec, parse_campaign

__all__ = ["EXPERIMENTS", "Experiment", "miniature"]


@dataclass(frozen=True)
class Experiment:
    """One row of the table of targets.

    Attributes:
        title: what a reader is told it shows.
        seeds: how many repetitions a full run makes.
        first_seed: the seed of its first world.
        worlds: from (repetition, base world) to the worlds of that repetition.
    """

    title: str
    seeds: int
    first_seed: int
    worlds: Callable[[int, WorldSpec], Iterator[Trial]]

    def trials(self, seeds: int | None, families: Families, data: Path | None) -> list[Trial]:
        """Return the worlds of ``seeds`` repetitions, its own number if None."""
        base = WorldSpec(seed=self.first_seed, families=families, data=data)
        return [trial for number in range(seeds or self.seeds) for trial in self.worlds(number, base)]


def _campaign(words: str, name: str, **values: object) -> CampaignSpec:
    return replace(parse_campaign(words), name=name, **values)  # type: ignore[arg-type]


def _amid(base: WorldSpec, seed: int, campaigns: tuple[CampaignSpec, ...]) -> WorldSpec:
    """Return the usual background around campaigns."""
    return replace(base, seed=seed, accounts=1_500, days=10, campaigns=campaigns, exchanges_target=120_000)


_OTHERS = 8
_PEERS = {"humans": 600, "sdk": 300, "ide_org": 60, "eval_harness": 8, "nightly_batch": 6, "verified_org": 60}


def _peers(number: int, base: WorldSpec) -> Iterator[Trial]:
    """The log that other tools were measured on: few exchanges, one SDK for everybody."""
    campaigns = tuple(
        _campaign(f"{archetype}:60:cover=.4,rate=2.25,ban=0", archetype) for archetype in ("C1", "C3", "C4")
    )
    spec = replace(
        base,
        seed=base.seed + number,
        days=8,
        cohorts={name: _PEERS.get(name, _OTHERS) for name in COHORTS},
        campaigns=campaigns,
        exchanges_target=22_700,
    )
    yield Trial("peers", f"{spec.seed}", spec, one_fingerprint=True)


_SHARING = {
    "cards": "shared=cards,cards=4",
    "cards, many to one": "shared=cards,cards=12",
    "proxies": "shared=proxies,proxies=8",
    "proxies, many to one": "shared=proxies,proxies=25",
    "both": "cards=6,proxies=12",
    "corpus": "shared=nothing",
}
_BLOCK = 40
_DESIGN: dict[str, tuple[str, ...]] = {
    "archetype": ("C1", "C2", "C3", "C4", "C5", "C6", "C7"),
    "sharing": tuple(_SHARING),
    "size": ("50", "75", "100", "150"),
    "cover": ("0", "0.3", "0.6"),
    "rate": ("5", "15", "40"),
    "jitter": ("0", "0.3", "1"),
}


def _design(block: int) -> list[dict[str, str]]:
    """Return a block of campaigns in which every factor's levels are balanced and shuffled independently.

    A Latin hypercube (McKay, Beckman and Conover, 1979) over discrete levels.
    """
    rng = np.random.default_rng([2_000, block])
    columns = {
        name: [levels[place % len(levels)] for place in rng.permutation(_BLOCK)] for name, levels in _DESIGN.items()
    }
    return [{name: column[row] for name, column in columns.items()} for row in range(_BLOCK)]


def _shared(number: int, base: WorldSpec) -> Iterator[Trial]:
    """Two designed campaigns in one world."""
    rows = _design(2 * number // _BLOCK)[2 * number % _BLOCK :][:2]
    campaigns = tuple(_designed(row, f"{row['archetype']}-{place}") for place, row in enumerate(rows))
    spec = _amid(base, base.seed + number, campaigns)
    yield Trial("shared", f"{spec.seed}", spec, {c.name: row for c, row in zip(campaigns, rows, strict=True)})


def _designed(row: Mapping[str, str], name: str) -> CampaignSpec:
    swept = ",".join(f"{key}={row[key]}" for key in ("cover", "rate", "jitter"))
    return _campaign(f"{row['archetype']}:{row['size']}:{_SHARING[row['sharing']]},{swept}", name)


_COVERS = ("0", "0.3", "0.6")
_VARIANTS = {"plain": "", "own hours": ",jitter=1", "no template": ",template=none"}
_CELLS = (
    *(("plain", size, rate) for size, rate in product((30, 60, 150), (5, 20, 50))),
    *((variant, 60, rate) for variant, rate in product(("own hours", "no template"), (5, 20, 50))),
)
_SPREAD = 100


def _nothing(number: int, base: WorldSpec) -> Iterator[Trial]:
    """Corpus and clock only; the covers of one size and rate share a world, their archetypes take turns."""
    for cell, (variant, size, rate) in enumerate(_CELLS):
        factors = {}
        campaigns = []
        for place, cover in enumerate(_COVERS):
            archetype = ("C1", "C3", "C4")[(place + number + cell) % 3]
            words = f"{archetype}:{size}:shared=nothing,ban=0,cover={cover},rate={rate}{_VARIANTS[variant]}"
            campaigns.append(_campaign(words, f"cover-{cover}"))
            factors[f"cover-{cover}"] = {
                "variant": variant, "size": str(size), "rate": str(rate), "cover": cover, "archetype": archetype,
            }  # fmt: skip
        spec = _amid(base, base.seed + _SPREAD * cell + number, tuple(campaigns))
        yield Trial("nothing", f"{variant.replace(' ', '-')}-{size}-{rate}-{spec.seed}", spec, factors)


_ALIKE = 320
_OFTEN_SILENT = {"benchmark_strangers": 460, "framework_users": 390, "safety_research": 370, "judge_ci": 350}
"""Cohorts that run now and then: a part of their accounts sends nothing and does not count."""


def _lookalikes(number: int, base: WorldSpec) -> Iterator[Trial]:
    """Honest accounts only, as many of every cohort as leave more than 3,000 active ones over all worlds."""
    cohorts = {name: _OFTEN_SILENT.get(name, _ALIKE) for name in COHORTS}
    spec = replace(base, seed=base.seed + number, days=14, cohorts=cohorts, exchanges_target=500_000)
    yield Trial("lookalikes", f"{spec.seed}", spec)


_SHELLS = (0, 10, 30)


def _framed(number: int, base: WorldSpec) -> Iterator[Trial]:
    """The same world with ever more shell organisations; its campaigns copy two honest organisations each."""
    for shells in _SHELLS:
        campaigns = (
            _campaign("C3:60:rate=15", "open", framed=2, shells=shells),
            _campaign("C1:80:shared=cards,rate=10,cover=.4", "cards", framed=2),
            _campaign("C7:100:shared=nothing,rate=10,cover=.6", "hidden", framed=2),
        )
        spec = _amid(base, base.seed + number, campaigns)
        yield Trial("framed", f"{spec.seed}-shells-{shells}", spec, {"": {"shells": str(shells)}})


def _programme(number: int, base: WorldSpec) -> Iterator[Trial]:
    """Campaigns whose members were admitted as students or as licensed distillers."""
    admitted = {
        "education": _campaign("C1:60:rate=10", "education", programme=Programme.EDUCATION),
        "licensed": _campaign(
            "C3:60:rate=15", "licensed", programme=Programme.LICENSED_DISTILLATION, orgs=Orgs.SHELL, verified=1.0
        ),
    }
    spec = _amid(base, base.seed + number, tuple(admitted.values()))
    yield Trial("programme", f"{spec.seed}", spec, {name: {"programme": name} for name in admitted})


EXPERIMENTS: dict[str, Experiment] = {
    "peers": Experiment("The peers' shape: 3 x 60 accounts, 40 % cover, one SDK for everybody", 5, 1_000, _peers),
    "shared": Experiment("Campaigns of 50 to 150 accounts, some card, proxy or corpus shared", 20, 2_000, _shared),
    "nothing": Experiment("Nothing shared but corpus and clock", 3, 3_000, _nothing),
    "lookalikes": Experiment("Look-alikes in worlds without campaigns", 12, 5_000, _lookalikes),
    "framed": Experiment("Honest organisations framed, the null poisoned by shell organisations", 6, 6_000, _framed),
    "programme": Experiment("Campaigns inside a programme", 6, 7_000, _programme),
}


def miniature(trial: Trial) -> Trial:
    """Return a trial that takes a second or two: same kinds, hardly any traffic. It shows that things run."""
    spec = trial.spec
    campaigns = tuple(
        replace(c, accounts=16, rate=min(c.rate, 8.0), shells=min(c.shells, 3), framed=min(c.framed, 1))
        for c in spec.campaigns
    )
    cohorts = None if spec.cohorts is None else dict.fromkeys(spec.cohorts, 6)
    small = replace(spec, accounts=120, days=3, cohorts=cohorts, campaigns=campaigns, exchanges_target=1_000)
    return replace(trial, name=f"quick-{trial.name}", spec=small)
