"""Which pictures the evaluation has, and from what each is drawn."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from measure.beside import METHODS
from measure.charts import bars, bounds, draw, levels, lines, panels, spans
from measure.contrasts import swings
from measure.curves import Ranked, Ranking
from measure.design import DAYS
from measure.results import Results, beside_ranked, groups_ranked, named, ranked
from measure.sections import cohort_counts, found_rows
from spiritsafe.simulation.evaluation import upper_bound

__all__ = ["PICTURES", "paint"]

Spec = dict[str, Any]
_LOWEST = 1e-4
_HERE = "spiritsafe"
_TOP = 20
_RATE: Spec = {
    "type": "quantitative",
    "title": "honest accounts ranked as high (logarithmic)",
    "scale": {"type": "log", "domain": [_LOWEST, 1]},
    "axis": {"format": "~%", "values": [1e-4, 1e-3, 1e-2, 0.1, 1]},
}
_MEMBERS: Spec = {
    "type": "quantitative",
    "title": "members",
    "scale": {"domain": [0, 1]},
    "axis": {"format": ".0%", "tickCount": 6},
}


def paint(results: Results, folder: Path) -> list[str]:
    """Draw every picture that there are outcomes for; return their names."""
    drawn = []
    for name, spec_of in PICTURES.items():
        spec = spec_of(results)
        if spec is not None:
            draw(spec, folder / f"evaluation-{name}.svg")
            drawn.append(name)
    return drawn


def _recall(results: Results) -> Spec | None:
    rows = [
        {"factor": row.factor, "level": row.level, "value": row.found / row.of, "low": row.interval.low,
         "high": row.interval.high, "note": f"{row.found} of {row.of}"}
        for row in found_rows(list(results.campaigns(results.designed)))
    ]  # fmt: skip
    return levels(rows, "campaigns found, with exact 95 % intervals") if rows else None


def _curves(results: Results) -> Spec | None:
    """ROC and precision-recall of spiritsafe and of the peers on the same worlds."""
    names = {world.name for world in results.peers}
    worlds = [world for world in results.factorial if world.name in names]
    both = [world for world in results.peers if world.name in {w.name for w in worlds}]
    if not worlds:
        return None
    every = {_HERE: ranked(worlds)} | {method: beside_ranked(both, method) for method in METHODS}
    rankings = {name: Ranking.of(accounts) for name, accounts in every.items()}
    rates, recalls = np.geomspace(_LOWEST, 1, 81), np.linspace(0.01, 1, 100)
    roc, precision = [], []
    for name, ranking in rankings.items():
        roc += [_at(name, *point) for point in zip(rates, *ranking.roc(rates), strict=True)]
        precision += [_at(name, *point) for point in zip(recalls, *ranking.precision_at(recalls), strict=True)]
    own = _own(every)
    return panels([
        lines(roc, _RATE, _MEMBERS, "Members against honest accounts; point: own threshold", names=list(rankings),
              marks=[mark for mark in own if mark["x"] >= _LOWEST]),
        lines([row for row in precision if row["y"] > 0], {**_MEMBERS, "title": "members (recall)"},
              {**_MEMBERS, "title": "precision at this mix"}, "Precision and recall", names=list(rankings)),
    ])  # fmt: skip


def _ranking(results: Results) -> Spec | None:
    """Precision and recall with bands, accounts on the left and groups on the right."""
    if not results.designed:
        return None
    shown = []
    for title, worlds in (
        ("Members against honest accounts", ranked(results.designed)),
        ("Campaigns against false groups", groups_ranked(results.designed)),
    ):
        order, recalls = Ranking.of(worlds), np.linspace(0.01, 1, 100)
        rows = [_at(_HERE, *point) for point in zip(recalls, *order.precision_at(recalls), strict=True)]
        axes = {**_MEMBERS, "title": "recall"}, {**_MEMBERS, "title": "precision at this mix"}
        shown.append(lines(rows, *axes, title, names=[_HERE]))
    return panels(shown)


def _at(name: str, x: float, y: float, low: float, high: float) -> dict[str, Any]:
    return {"name": name, "x": round(float(x), 6), "y": round(float(y), 5), "low": round(float(low), 5),
            "high": round(float(high), 5)}  # fmt: skip


def _own(every: Mapping[str, Sequence[Ranked]]) -> list[dict[str, Any]]:
    """Return spiritsafe's own threshold as a point; no honest account named is drawn at the picture's edge."""
    ours = named(every[_HERE])
    x = max(ours.honest / max(ours.of_honest, 1), _LOWEST)
    return [{"name": _HERE, "x": x, "y": ours.members / max(ours.of_members, 1)}]


def _ablations(results: Results) -> Spec | None:
    worlds = [world for world in results.designed if len(world.ranks) > 1]
    if not worlds:
        return None
    names = list(worlds[0].ranks)
    rates, rows = np.geomspace(_LOWEST, 1, 81), []
    for name in names:
        recall, low, high = Ranking.of(ranked(worlds, name)).roc(rates)
        rows += [_at(name, *point) for point in zip(rates, recall, low, high, strict=True)]
    return {**lines(rows, _RATE, _MEMBERS, "Families switched off", names=names), "width": 440}


def _leaks(results: Results) -> Spec | None:
    """How many campaigns were named by when, and what share of each one's harvest was gone by then."""
    rows = [(world.factors[leak.campaign], leak) for world in results.leaks for leak in world.leaks]
    if not rows:
        return None
    steps = []
    for tier in ("suspected", "confirmed"):
        hours = sorted(at.hour for _, leak in rows if (at := getattr(leak, tier)) is not None)
        steps += [{"name": tier, "x": x, "y": sum(hour <= x for hour in hours) / len(rows)}
                  for x in range(24 * DAYS + 1)]  # fmt: skip
    dots = []
    for factors, leak in sorted(rows, key=lambda row: row[1].suspected.hour if row[1].suspected else 10_000):
        label = " ".join(factors.values())
        for tier in ("suspected", "confirmed"):
            at = getattr(leak, tier)
            if at is not None:
                dots.append({"campaign": label, "name": tier, "x": at.exchanges / leak.exchanges})
        if leak.suspected is None:
            dots.append({"campaign": label, "name": "never", "x": 1.0})
    x: Spec = {"type": "quantitative", "title": "hours since the campaign began",
               "axis": {"values": list(range(0, 24 * DAYS + 1, 24))}}  # fmt: skip
    y: Spec = {
        "type": "quantitative",
        "title": "campaigns named",
        "scale": {"domain": [0, 1]},
        "axis": {"format": ".0%"},
    }
    named = ["suspected", "confirmed", "never"]
    left = lines(steps, x, y, "Named by scans every hour", names=named[:2], band=False, step=True)
    right = spans(dots, "Taken by then", "share of the campaign's exchanges", named)
    return panels([left, right], shared=False)


def _sensitivity(results: Results) -> Spec | None:
    rows = [
        {"name": swing.name, "low": swing.low, "high": swing.high,
         "honest": f"{swing.honest:+d} honest" if swing.honest else ""}
        for swing in swings(results.sensitivity)[:_TOP] if swing.low or swing.high or swing.honest
    ]  # fmt: skip
    return bars(rows, "change in members named, lowest and highest") if rows else None


def _cohorts(results: Results) -> Spec | None:
    counts = cohort_counts([*results.designed, *results.evasions])
    rows = [
        {
            "name": f"{name} ({ours[2]} of {ours[0]:,})",
            "rate": ours[2] / ours[0],
            "upper": upper_bound(ours[2], ours[0]),
        }
        for name, ours in counts.items()
    ]
    return bounds(rows, "suspected or above: rate, and its upper 95 % bound") if rows else None


PICTURES: dict[str, Callable[[Results], Spec | None]] = {
    "recall": _recall,
    "ranking": _ranking,
    "curves": _curves,
    "ablations": _ablations,
    "cohorts": _cohorts,
    "leaks": _leaks,
    "sensitivity": _sensitivity,
}
