"""From outcomes to the rows of the table of targets, one function per target.

Every row is a share with its trials and interval; whether a target is met is read off the figure, and
'not proved' says that the interval reaches to the wrong side of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from measure.intervals import Interval, clopper_pearson, clustered, mean_interval
from measure.trial import Outcome
from spiritsafe.model.settings import DetectionSettings
from spiritsafe.model.words import Tier

__all__ = ["Row", "Verdict", "acted_on", "named", "verdicts"]


class Verdict(StrEnum):
    """What a figure says about its target."""

    MET = "met"
    UNPROVED = "met, not proved"
    MISSED = "missed"
    NONE = "-"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One figure.

    Attributes:
        experiment: where it comes from.
        quantity: what was measured.
        target: the target in words, empty if there is none.
        events: numerator, None where the figure is no share of counts.
        trials: denominator.
        value: the figure.
        low: lower 95 % bound, None for a plain fact.
        high: upper 95 % bound.
        verdict: whether the target is met.
    """

    experiment: str
    quantity: str
    target: str
    events: int | None
    trials: int
    value: float
    low: float | None
    high: float | None
    verdict: Verdict


_PEERS_FOUND = 170


def verdicts(outcomes: Sequence[Outcome]) -> list[Row]:
    """Return the rows of every experiment that has outcomes."""
    by: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by.setdefault(outcome.experiment, []).append(outcome)
    rows = [row for name, judge in _JUDGES.items() if name in by for row in judge(by[name])]
    return rows + (list(_false_discoveries(outcomes)) if set(by) - {"peers"} else [])


def acted_on(outcome: Outcome) -> int:
    """Return honest accounts at `suspected` or above."""
    return sum(score.suspected for score in outcome.evaluation.cohorts)


def named(outcome: Outcome) -> tuple[int, int]:
    """Return (accounts of some campaign, accounts) among those at `suspected` or above."""
    tiers = [tier for tier in outcome.evaluation.tiers if tier.tier is not Tier.LINKED]
    return sum(tier.positives for tier in tiers), sum(tier.accounts for tier in tiers)


def _members(outcome: Outcome) -> list[tuple[int, int]]:
    """Return (members named at `suspected` or above, members) per campaign."""
    return [(round(score.recall * score.members), score.members) for score in outcome.evaluation.campaigns]


def _honest(outcomes: Sequence[Outcome]) -> int:
    return sum(score.accounts for outcome in outcomes for score in outcome.evaluation.cohorts)


def _peers(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    found, size = min(
        (sum(events for events, _ in members), sum(trials for _, trials in members))
        for members in map(_members, outcomes)
    )
    yield Row(
        experiment="peers",
        quantity="members found in the worst world",
        target=f">= {_PEERS_FOUND} / 180",
        events=found,
        trials=size,
        value=found / size,
        low=None,
        high=None,
        verdict=Verdict.MET if found / size >= _PEERS_FOUND / 180 else Verdict.MISSED,
    )
    yield _recall(outcomes)
    yield _untouched(outcomes)


def _shared(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    yield _found(outcomes, least=0.95)
    yield _recall(outcomes, least=0.9)
    yield _precision(outcomes)


def _nothing(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    yield _found(outcomes)
    yield _recall(outcomes)
    yield _precision(outcomes)


def _lookalikes(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    cohorts: dict[str, tuple[int, int, int]] = {}
    for outcome in outcomes:
        for score in outcome.evaluation.cohorts:
            accounts, suspected, confirmed = cohorts.get(score.cohort, (0, 0, 0))
            cohorts[score.cohort] = accounts + score.accounts, suspected + score.suspected, confirmed + score.confirmed
    confirmed, accounts = sum(sums[2] for sums in cohorts.values()), sum(sums[0] for sums in cohorts.values())
    yield _row(
        "lookalikes", "honest accounts confirmed", "0", confirmed, accounts, clopper_pearson(confirmed, accounts),
        most=0.0,
    )  # fmt: skip
    name, (size, suspected, _) = max(cohorts.items(), key=lambda item: (item[1][1] / item[1][0], item[0]))
    yield _row(
        "lookalikes", f"suspected, in the worst cohort ({name})", "<= .1 % per cohort", suspected, size,
        clopper_pearson(suspected, size, 0.9), most=0.001,
    )  # fmt: skip


def _framed(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    victims = [score for outcome in outcomes for score in outcome.evaluation.cohorts if score.cohort == "framed"]
    above, size = sum(score.suspected for score in victims), sum(score.accounts for score in victims)
    yield _row(
        "framed", "victims above linked", "never", above, size, clopper_pearson(above, size), most=0.0,
    )  # fmt: skip
    levels: dict[int, dict[int, Outcome]] = {}
    for outcome in outcomes:
        levels.setdefault(int(outcome.factors[""]["shells"]), {})[outcome.seed] = outcome
    for shells, of_seed in sorted(levels.items()):
        yield _recall(list(of_seed.values()), note=f", {shells} shell organisations")
        pairs = [(levels[0][seed], after) for seed, after in of_seed.items() if seed in levels.get(0, {})]
        if shells and pairs:
            yield _fall(shells, pairs)


def _fall(shells: int, pairs: Sequence[tuple[Outcome, Outcome]]) -> Row:
    falls = [(before.evaluation.recall or 0.0) - (after.evaluation.recall or 0.0) for before, after in pairs]
    value, interval = sum(falls) / len(falls), mean_interval(falls)
    return Row(
        experiment="framed",
        quantity=f"fall of member recall, {shells} shell organisations against none",
        target="<= 5 points",
        events=None,
        trials=len(falls),
        value=value,
        low=interval.low,
        high=interval.high,
        verdict=_verdict(value, interval, most=0.05),
    )


def _programme(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    yield _found(outcomes)
    yield _recall(outcomes)
    yield _untouched(outcomes)


def _false_discoveries(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    """Yield the share of false campaigns among the reported, over all worlds but the peers'."""
    judged = [outcome for outcome in outcomes if outcome.experiment != "peers"]
    nominal = DetectionSettings()
    for words, tiers, level in (
        ("confirmed", {Tier.CONFIRMED}, nominal.fdr),
        ("suspected or confirmed", {Tier.SUSPECTED, Tier.CONFIRMED}, nominal.suspect_fdr),
    ):
        reported = [score for outcome in judged for score in outcome.evaluation.reported if score.tier in tiers]
        false = sum(score.purity < 0.5 for score in reported)
        interval = clopper_pearson(false, len(reported))
        yield _row(
            "fdr", f"false among campaigns {words}", f"nominal {level:g} inside the interval or above it", false,
            len(reported), interval, nominal=level,
        )  # fmt: skip


def _found(outcomes: Sequence[Outcome], least: float | None = None) -> Row:
    scores = [score for outcome in outcomes for score in outcome.evaluation.campaigns]
    events = sum(score.found for score in scores)
    interval = clopper_pearson(events, len(scores))
    return _row(outcomes[0].experiment, "campaigns found", _at_least(least), events, len(scores), interval, least=least)


def _recall(outcomes: Sequence[Outcome], least: float | None = None, note: str = "") -> Row:
    clusters = [cluster for outcome in outcomes for cluster in _members(outcome)]
    return _pooled(outcomes[0].experiment, f"members found{note}", clusters, least)


def _precision(outcomes: Sequence[Outcome]) -> Row:
    clusters = [named(outcome) for outcome in outcomes]
    return _pooled(outcomes[0].experiment, "account precision at suspected or above", clusters, 0.99)


def _pooled(experiment: str, quantity: str, clusters: Sequence[tuple[int, int]], least: float | None) -> Row:
    events, trials = sum(cluster[0] for cluster in clusters), sum(cluster[1] for cluster in clusters)
    return _row(experiment, quantity, _at_least(least), events, trials, clustered(clusters), least=least)


def _untouched(outcomes: Sequence[Outcome]) -> Row:
    events, size = sum(acted_on(outcome) for outcome in outcomes), _honest(outcomes)
    interval = clopper_pearson(events, size)
    return _row(outcomes[0].experiment, "honest accounts acted on", "0", events, size, interval, most=0.0)


def _at_least(least: float | None) -> str:
    return "" if least is None else f">= {least:.3g}"


def _row(
    experiment: str,
    quantity: str,
    target: str,
    events: int,
    trials: int,
    interval: Interval,
    *,
    least: float | None = None,
    most: float | None = None,
    nominal: float | None = None,
) -> Row:
    value = events / trials if trials else 0.0
    return Row(
        experiment=experiment,
        quantity=quantity,
        target=target,
        events=events,
        trials=trials,
        value=value,
        low=interval.low,
        high=interval.high,
        verdict=_verdict(value, interval, least=least, most=most, nominal=nominal) if trials else Verdict.NONE,
    )


def _verdict(
    value: float,
    interval: Interval,
    *,
    least: float | None = None,
    most: float | None = None,
    nominal: float | None = None,
) -> Verdict:
    """Return what a figure says about its one bound; 'none at all' can be met, never proved."""
    if nominal is not None:
        return Verdict.MET if interval.low <= nominal else Verdict.MISSED
    if least is not None:
        proved, met = interval.low >= least, value >= least
    elif most is not None:
        proved, met = interval.high <= most or not most, value <= most
    else:
        return Verdict.NONE
    if not met:
        return Verdict.MISSED
    return Verdict.MET if proved else Verdict.UNPROVED


_JUDGES: Mapping[str, Callable[[Sequence[Outcome]], Iterator[Row]]] = {
    "peers": _peers,
    "shared": _shared,
    "nothing": _nothing,
    "lookalikes": _lookalikes,
    "framed": _framed,
    "programme": _programme,
}
