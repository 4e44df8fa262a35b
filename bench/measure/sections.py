"""The generated parts of the evaluation's page about what was found, what was missed and who was wronged.

A part says nothing that an outcome does not hold; where there is no outcome it says so.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from measure.ablation import ABLATIONS
from measure.curves import Estimate, Ranking
from measure.design import FACTORS, balance
from measure.examine import FULL, Examined
from measure.intervals import Interval, clopper_pearson, clustered
from measure.missed import Missed
from measure.results import Campaign, Results, groups_ranked, named, ranked
from measure.tables import fine, markdown, percent
from spiritsafe.detection.scoring import FAMILY_CAP, UNDISPATCHED_FLOOR
from spiritsafe.model.words import Family
from spiritsafe.simulation.evaluation import upper_bound

__all__ = [
    "LEVELS", "Level", "ablations", "area", "between", "circumstances", "cohort_counts", "cohorts", "design",
    "found_rows", "missed", "ranking", "recall", "share",
]  # fmt: skip

LEVELS = {
    "archetype": ("C1", "C2", "C3", "C4", "C5", "C6", "C7"),
    "cover": ("0", "0.3", "0.6", "0.9"),
    "size": ("20", "100", "500", "5000"),
    "sharing": ("card", "network", "template", "nothing"),
}
_NONE = "Nothing measured yet."


def between(interval: Interval) -> str:
    """Return an interval of shares in words."""
    return f"{fine(interval.low)} to {fine(interval.high)}"


def area(estimate: Estimate) -> str:
    """Return a figure between 0 and 1 that is no share, with its interval."""
    return f"{estimate.value:.3f} ({estimate.interval.low:.3f} to {estimate.interval.high:.3f})"


def share(estimate: Estimate) -> str:
    """Return a share with its interval."""
    return f"{fine(estimate.value)} ({between(estimate.interval)})"


def circumstances(results: Results) -> Iterator[str]:
    """Yield command, versions, machine, date and how complete it is."""
    parts = ", ".join(f"{name} {results.measured[name]} of {count}" for name, count in results.planned.items())
    yield results.around.sentence()
    yield ""
    yield f"Measured of what is planned: {parts}."
    if results.measured != results.planned:
        yield ""
        yield "**The run is not complete**: `make evaluate` goes on where it was cut."
    if results.failures:
        yield ""
        yield f"**{len(results.failures)} worlds failed and are missing**: {'; '.join(results.failures)}"
    if old := results.codes - results.current:
        yield ""
        yield f"**Outcomes of other code among them**: {', '.join(sorted(old))}."


def design(results: Results) -> Iterator[str]:
    """Yield how often each level was measured."""
    asked = [factors for world in results.designed for factors in world.factors.values()]
    told = balance(asked)
    lines = ((name, *(f"{level}: {told[name][level]}" for level in LEVELS[name]), *[""] * (7 - len(LEVELS[name])))
             for name in FACTORS)  # fmt: skip
    yield from markdown(("factor", *["campaigns per level"] * 7), lines)
    pairs = told["archetype x sharing"].values()
    low, high = min(pairs, default=0), max(pairs, default=0)
    honest = sum(score.accounts for world in results.designed for score in world.evaluation.cohorts)
    exchanges = sum(world.exchanges for world in results.designed)
    yield ""
    yield (
        f"Worlds {len(results.designed)}, campaigns {len(asked)}, honest accounts {honest:,}, exchanges {exchanges:,}; "
        f"of the {len(pairs)} pairs of archetype and sharing each occurs {low} to {high} times."
    )


class Level(NamedTuple):
    """How much was found at one level of a factor."""

    factor: str
    level: str
    found: int
    of: int

    @property
    def interval(self) -> Interval:
        """The exact interval of the share."""
        return clopper_pearson(self.found, self.of)


def found_rows(campaigns: Sequence[Campaign]) -> list[Level]:
    """Return what was found per level of every factor."""
    rows = []
    for name in FACTORS:
        for level in LEVELS[name]:
            ours = [c for c in campaigns if c.factors[name] == level]
            if ours:
                rows.append(Level(name, level, sum(c.score.found for c in ours), len(ours)))
    return rows


def recall(results: Results) -> Iterator[str]:
    """Yield what was found by factor, and cover against sharing."""
    campaigns = list(results.campaigns(results.designed))
    if not campaigns:
        yield _NONE
        return
    found = sum(c.score.found for c in campaigns)
    members = [(round(c.score.recall * c.score.members), c.score.members) for c in campaigns]
    named, honest = _named(results.designed)
    reported = [s for world in results.designed for s in world.evaluation.reported if s.tier.rank]
    yield (
        f"**{found} of {len(campaigns)} campaigns found** ({percent(found, len(campaigns))}; "
        f"{between(clopper_pearson(found, len(campaigns)))}), {sum(m for m, _ in members):,} of "
        f"{sum(n for _, n in members):,} members named ({between(clustered(members))}). "
        f"Of {named:,} accounts named, {honest} are honest; of {len(reported)} campaigns reported at `suspected` or "
        f"above, {sum(s.purity < 0.5 for s in reported)} are false."
    )
    yield ""
    rows = (
        (row.factor, row.level, f"{row.found} of {row.of}", percent(row.found, row.of), between(row.interval))
        for row in found_rows(campaigns)
    )
    yield from markdown(("factor", "level", "found", "", "95 % interval, exact"), rows)
    yield from ("", "Found, of how many, by cover and what is shared:", "")
    lines = (
        (f"cover {cover}", *(_cell(campaigns, cover=cover, sharing=level) for level in LEVELS["sharing"]))
        for cover in LEVELS["cover"]
    )
    yield from markdown(("", *LEVELS["sharing"]), lines)
    yield from ("", "By size and what is shared:", "")
    lines = (
        (f"{size} accounts", *(_cell(campaigns, size=size, sharing=level) for level in LEVELS["sharing"]))
        for size in LEVELS["size"]
    )
    yield from markdown(("", *LEVELS["sharing"]), lines)


def ranking(results: Results) -> Iterator[str]:
    """Yield how well accounts and groups are ranked, whatever the thresholds."""
    if not results.designed:
        yield _NONE
        return
    kinds = {
        "members against honest accounts": ranked(results.designed),
        "campaigns against false groups": groups_ranked(results.designed),
    }
    lines = []
    for name, worlds in kinds.items():
        order = Ranking.of(worlds)
        positive, size = sum(int(w.positive.sum()) for w in worlds), sum(len(w.positive) for w in worlds)
        lines.append((name, f"{positive:,} of {size:,}", area(order.area()), area(order.average_precision()),
                      share(order.recall_at(0.0)), share(order.recall_at(0.001))))  # fmt: skip
    yield from markdown(
        ("", "positive", "area under ROC", "average precision", "recall before the first false one",
         "recall at a false-positive rate of .1 %"), lines,
    )  # fmt: skip


def _cell(campaigns: Iterable[Campaign], **levels: str) -> str:
    ours = [c for c in campaigns if levels.items() <= c.factors.items()]
    return f"{sum(c.score.found for c in ours)} of {len(ours)}" if ours else "-"


def _named(worlds: Sequence[Examined]) -> tuple[int, int]:
    """Return accounts named at `suspected` or above, and the honest ones among them."""
    honest = sum(score.suspected for world in worlds for score in world.evaluation.cohorts)
    named = sum(tier.accounts for world in worlds for tier in world.evaluation.tiers if tier.tier.rank)
    return named, honest


def ablations(results: Results) -> Iterator[str]:
    """Yield how well accounts are ranked with families switched off."""
    worlds = [world for world in results.designed if len(world.ranks) > 1]
    if not worlds:
        yield _NONE
        return
    lines = []
    for name in (FULL, *ABLATIONS):
        accounts = ranked(worlds, name)
        order = Ranking.of(accounts)
        ours = named(accounts)
        lines.append((name, area(order.area()), share(order.recall_at(0.001)), area(order.average_precision()),
                      percent(ours.members, ours.of_members), str(ours.honest)))  # fmt: skip
    yield f"{len(worlds)} worlds. Intervals: bootstrap over worlds."
    yield ""
    yield from markdown(
        ("families", "area under ROC", "recall at a false-positive rate of .1 %", "average precision",
         "members named by the rule", "honest accounts named"), lines,
    )  # fmt: skip


def cohort_counts(worlds: Sequence[Examined]) -> dict[str, tuple[int, int, int, int]]:
    """Return (accounts, linked, suspected, confirmed) per honest cohort, each tier or above."""
    sums: dict[str, tuple[int, int, int, int]] = {}
    for world in worlds:
        for score in world.evaluation.cohorts:
            was = sums.get(score.cohort, (0, 0, 0, 0))
            more = (score.accounts, score.linked, score.suspected, score.confirmed)
            sums[score.cohort] = was[0] + more[0], was[1] + more[1], was[2] + more[2], was[3] + more[3]
    return dict(sorted(sums.items()))


def cohorts(results: Results) -> Iterator[str]:
    """Yield who was wrongly named, by cohort, with exact upper bounds."""
    counts = cohort_counts([*results.designed, *results.evasions])
    if not counts:
        yield _NONE
        return
    lines = (
        (name, *(f"{n:,}" for n in ours), fine(upper_bound(ours[2], ours[0])), fine(upper_bound(ours[3], ours[0])))
        for name, ours in counts.items()
    )
    yield from markdown(
        ("cohort", "accounts", "linked or above", "suspected or above", "confirmed", "suspected, upper 95 % bound",
         "confirmed, upper 95 % bound"), lines,
    )  # fmt: skip
    total = [sum(ours[place] for ours in counts.values()) for place in range(4)]
    yield ""
    yield (
        f"Together: {total[2]} of {total[0]:,} suspected or above (at most {fine(upper_bound(total[2], total[0]))}), "
        f"{total[3]} confirmed (at most {fine(upper_bound(total[3], total[0]))})."
    )


def missed(results: Results) -> Iterator[str]:
    """Yield why campaigns were missed: what became of them, and what their true members would have shown."""
    ours = [c for c in results.campaigns(results.designed) if c.missed is not None]
    if not ours:
        yield _NONE
        return
    told: Counter[tuple[str, str]] = Counter((c.missed.reason, _verdict(c.missed)) for c in ours if c.missed)
    columns = [name for name in _VERDICTS if any(key[1] == name for key in told)]
    yield f"{len(ours)} missed campaigns, by what became of them (rows) and what just their members would be (columns):"
    yield ""
    reasons = _rows(told)
    yield from markdown(("", *columns), ((r, *(str(told[r, c]) for c in columns)) for r in reasons))
    yield from ("", "What the true members lack for `suspected`, by what they share (a campaign may lack several):", "")
    lacking: Counter[tuple[str, str]] = Counter()
    for campaign in ours:
        if campaign.missed and campaign.missed.oracle:
            lacking.update((rule, campaign.factors["sharing"]) for rule in campaign.missed.oracle.rules)
    rules = _rows(lacking)
    yield from markdown(
        ("", *LEVELS["sharing"]), ((r, *(str(lacking[r, level]) for level in LEVELS["sharing"])) for r in rules)
    )
    lost = [c for c in ours if c.missed and _verdict(c.missed) in _WOULD]
    if lost:
        yield from ("", f"The {len(lost)} that the evidence would carry and that were lost on the way:", "")
        yield from markdown(_HEADER, (_line(c) for c in lost))
    else:
        yield from ("", "None was lost on the way that the evidence would carry.")
    rest = [c for c in ours if c not in lost]
    yield from ("", f"<details><summary>{len(rest)} that it would not carry</summary>", "")
    yield from markdown(_HEADER, (_line(c) for c in rest))
    yield from ("", "</details>")


def _rows(counts: Mapping[tuple[str, str], int]) -> list[str]:
    """Return the first keys, the commonest first."""
    sums: Counter[str] = Counter()
    for (name, _), count in counts.items():
        sums[name] += count
    return sorted(sums, key=lambda name: (-sums[name], name))


_WOULD = ("confirmed", "suspected")
_VERDICTS = ("confirmed", "suspected", "linked", "nothing", "too few")
_HEADER = ("campaign", "members named", "what became of it", "nearest candidate", "true members would be", "their bits")


def _verdict(missed: Missed) -> str:
    if missed.oracle is None:
        return "too few"
    return "nothing" if missed.oracle.tier is None else str(missed.oracle.tier)


def _line(campaign: Campaign) -> tuple[str, ...]:
    item = campaign.missed
    if item is None:
        raise ValueError("a campaign that was found has no line here")
    near = "-" if item.door is None else f"{item.door}: {item.share:.0%} of it, {item.purity:.0%} pure"
    bits = "-" if item.oracle is None else f"{item.oracle.bits:+.1f}: {_families(item.oracle.families)}"
    lacks = "" if item.oracle is None or not item.oracle.rules else f" ({'; '.join(item.oracle.rules)})"
    what = " ".join(campaign.factors.get(name, "") for name in FACTORS)
    return what, f"{campaign.score.recall:.0%}", str(item.reason), near, _verdict(item) + lacks, bits


def _families(bits: Mapping[str, float]) -> str:
    """Return the bits of the families that say most, and which of them lie at a bound."""
    strongest = sorted(bits.items(), key=lambda item: -abs(item[1]))[:5]
    floor = bits.get(Family.TIMING, 0.0) + bits.get(Family.VOLUME, 0.0) <= UNDISPATCHED_FLOOR
    told = []
    for name, value in strongest:
        capped = value >= FAMILY_CAP.get(Family(name), math.inf) - _ROUNDED
        floored = floor and value < 0 and name in {Family.TIMING, Family.VOLUME}
        told.append(f"{name} {value:+.1f}{' (cap)' if capped else ' (floor)' if floored else ''}")
    return ", ".join(told)


_ROUNDED = 0.005
