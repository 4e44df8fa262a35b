"""Markdown tables of outcomes: the targets first, then what lies behind each of them.

Nothing is computed here that a row or an outcome does not hold, but sums over the outcomes that a
line of a table is about.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import isinf

from measure.experiments import EXPERIMENTS
from measure.intervals import clopper_pearson, clustered
from measure.machine import Circumstances
from measure.trial import Outcome
from measure.verdicts import Row, named
from spiritsafe.simulation.evaluation import CampaignScore, upper_bound

__all__ = ["document", "fine", "markdown", "percent"]

_INTERVALS = (
    "Intervals: two-sided 95 %. Exact (Clopper-Pearson) for campaigns and honest accounts; members of one campaign "
    "and accounts of one world are no independent trials, so theirs rest on an effective number (Korn-Graubard). "
    "The worst cohort's is two-sided 90 %, which is the one-sided 95 % bound of the cohort table. 'Not proved': the "
    "figure meets its target, the interval reaches beyond it."
)


def document(
    rows: Sequence[Row], outcomes: Sequence[Outcome], failures: Sequence[str], around: Circumstances
) -> Iterator[str]:
    """Yield the lines of the whole report."""
    yield from ("# Targets", "", around.sentence(), "")
    codes = sorted({outcome.code for outcome in outcomes})
    if codes != [around.code]:
        yield from (f"**Outcomes of other code among them**: {', '.join(codes)}.", "")
    if failures:
        yield from (f"**{len(failures)} worlds failed and are missing**: {'; '.join(failures)}", "")
    yield from markdown(
        ("experiment", "measured", "target", "figure", "of", "95 % interval", "target is"), map(_line, rows)
    )
    yield from ("", _INTERVALS)
    for name, experiment in EXPERIMENTS.items():
        ours = [outcome for outcome in outcomes if outcome.experiment == name]
        if ours:
            yield from ("", f"## {experiment.title}", "", _worlds(ours), "")
            yield from _DETAILS[name](ours)


def markdown(header: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a Markdown table.

    >>> list(markdown(("a", "b"), [("1", "2")]))
    ['| a | b |', '|---|---|', '| 1 | 2 |']
    """
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    for line in lines:
        yield f"| {' | '.join(line)} |"


def percent(events: int, trials: int) -> str:
    """Return a share in per cent, '-' of nothing.

    >>> percent(1, 3), percent(0, 0)
    ('33.3 %', '-')
    """
    return f"{100 * events / trials:.1f} %" if trials else "-"


def _line(row: Row) -> tuple[str, ...]:
    figure = f"{100 * row.value:.2f} %" if row.events is None else f"{row.events:,} ({fine(row.value)})"
    return (
        row.experiment, row.quantity, row.target, figure, f"{row.trials:,}", _between(row.low, row.high), row.verdict,
    )  # fmt: skip


def _between(low: float | None, high: float | None) -> str:
    if low is None or high is None or isinf(high - low):
        return "-"
    return f"{fine(low)} to {fine(high)}"


def fine(share: float) -> str:
    """Return a share in per cent, with more digits where it is near nothing."""
    return f"{100 * share:.3f} %" if 0 < abs(share) < 0.01 else f"{100 * share:.1f} %"


def _worlds(outcomes: Sequence[Outcome]) -> str:
    seconds = sum(outcome.simulate_s + outcome.scan_s for outcome in outcomes)
    return (
        f"Worlds: {len(outcomes)}; accounts: {_span([o.accounts for o in outcomes])}; exchanges: "
        f"{_span([o.exchanges for o in outcomes])}; seeds: {_span([o.seed for o in outcomes])}; simulating and "
        f"scanning: {seconds / 60:.0f} minutes in all."
    )


def _span(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _campaigns(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield one line per world: what was found of each campaign, who was wronged."""
    lines = (
        (
            outcome.name,
            ", ".join(f"{c.campaign} {round(c.recall * c.members)}/{c.members}" for c in outcome.evaluation.campaigns),
            percent(*named(outcome)),
            _wronged(outcome),
        )
        for outcome in outcomes
    )
    yield from markdown(("world", "members found", "account precision", "honest accounts acted on"), lines)


def _wronged(outcome: Outcome) -> str:
    told = [f"{score.cohort} {score.suspected}" for score in outcome.evaluation.cohorts if score.suspected]
    return ", ".join(told) or "0"


def _scored(outcomes: Sequence[Outcome]) -> list[tuple[Mapping[str, str], CampaignScore]]:
    """Return every campaign with what it stands for."""
    return [(o.factors[score.campaign], score) for o in outcomes for score in o.evaluation.campaigns]


def _by_factors(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield found and recall per level of every factor, the other factors as they came."""
    scored = _scored(outcomes)
    levels = sorted({(name, level) for factors, _ in scored for name, level in factors.items()}, key=_natural)
    lines = ((name, level, *_shares([s for f, s in scored if f.get(name) == level])) for name, level in levels)
    yield from markdown(("factor", "level", "found", "95 % interval", "members found", "95 % interval"), lines)


def _natural(pair: tuple[str, str]) -> tuple[str, float, str]:
    name, level = pair
    return name, float(level) if level.replace(".", "", 1).isdigit() else -1.0, level


def _shares(scores: Sequence[CampaignScore]) -> tuple[str, ...]:
    found = sum(score.found for score in scores)
    exact = clopper_pearson(found, len(scores))
    members = [(round(score.recall * score.members), score.members) for score in scores]
    wide = clustered(members)
    return (
        f"{found} of {len(scores)}",
        _between(*exact),
        percent(sum(events for events, _ in members), sum(size for _, size in members)),
        _between(*wide),
    )


def _shared(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield from _by_factors(outcomes)
    lines = (
        (" ".join(f"{name}={level}" for name, level in factors.items()), score.tier or "-", f"{score.recall:.2f}")
        for factors, score in _scored(outcomes)
        if not score.found or score.recall < 0.9
    )
    yield from ("", "Campaigns missed, or found with less than 90 % of their members:", "")
    yield from markdown(("campaign", "tier", "recall"), lines)


def _curve(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield found and recall over size, rate and cover, a line per size and rate."""
    scored = _scored(outcomes)
    covers = sorted({factors["cover"] for factors, _ in scored}, key=float)
    cells = sorted({(f["variant"], int(f["size"]), int(f["rate"])) for f, _ in scored}, key=lambda c: (-len(c[0]), c))
    lines = []
    for variant, size, rate in cells:
        keys = {"variant": variant, "size": str(size), "rate": str(rate)}
        of_cover = ([s for f, s in scored if keys.items() <= f.items() and f["cover"] == cover] for cover in covers)
        lines.append((variant, str(size), str(rate), *(_cell(scores) for scores in of_cover)))
    yield from ("Campaigns found, and members found, by cover traffic:", "")
    yield from markdown(("variant", "accounts", "per account and day", *(f"cover {c}" for c in covers)), lines)
    yield from ("", "Account precision and honest accounts per world:", "")
    yield from _campaigns(outcomes)


def _cell(scores: Sequence[CampaignScore]) -> str:
    found, _, members, _ = _shares(scores)
    return f"{found}, {members}"


def _cohorts(outcomes: Sequence[Outcome]) -> Iterator[str]:
    sums: dict[str, list[int]] = {}
    for outcome in outcomes:
        for score in outcome.evaluation.cohorts:
            total = sums.setdefault(score.cohort, [0, 0, 0, 0])
            for place, count in enumerate((score.accounts, score.linked, score.suspected, score.confirmed)):
                total[place] += count
    lines = (
        (cohort, *(f"{count:,}" for count in counts), fine(upper_bound(counts[2], counts[0])),
         fine(upper_bound(counts[3], counts[0])))
        for cohort, counts in sorted(sums.items())
    )  # fmt: skip
    yield from markdown(
        ("cohort", "accounts", "linked or above", "suspected or above", "confirmed", "suspected, upper 95 % bound",
         "confirmed, upper 95 % bound"),
        lines,
    )  # fmt: skip


def _framed(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield from _campaigns(outcomes)
    yield from ("", "Honest accounts by cohort, all worlds:", "")
    yield from _cohorts(outcomes)


_DETAILS: Mapping[str, Callable[[Sequence[Outcome]], Iterator[str]]] = {
    "peers": _campaigns,
    "shared": _shared,
    "nothing": _curve,
    "lookalikes": _cohorts,
    "framed": _framed,
    "programme": _campaigns,
}
