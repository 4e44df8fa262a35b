"""Draws where a group lies between honest groups and campaigns, signal by signal.

Every signal is measured in standard deviations of the honest groups' values, so that all share one axis and one
bell; the table beside the picture keeps each in its own unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Any

from markupsafe import Markup

from spiritsafe.casework.plain import shorten
from spiritsafe.casework.report.chart import inline_svg
from spiritsafe.casework.words import signed
from spiritsafe.model.dossier import Spread

__all__ = ["Place", "SpreadChart", "spread_chart"]

_FARTHEST = 12.0  # standard deviations drawn to either side; beyond, an arrow
_ROW = 44
_NAMES = 176  # pixels for the signals' names
_BELL = 0.8  # height of the bell, rows


@dataclass(frozen=True, slots=True)
class Place:
    """One signal in standard deviations from the honest groups' mean (``z``); None where they never vary."""

    spread: Spread
    z: float | None
    error: float
    alternative: float


@dataclass(frozen=True, slots=True)
class SpreadChart:
    """The rows of the table and the picture of those that can be drawn."""

    places: list[Place]
    picture: Markup


def spread_chart(spreads: Sequence[Spread]) -> SpreadChart:
    """Build table and picture, the signal farthest from honest groups first."""
    placed = [_place(spread) for spread in spreads]
    placed.sort(key=lambda place: (place.z is None, -abs(place.z or 0.0), place.spread.signal))
    drawn = [place for place in placed if place.z is not None]
    label = "Where the group lies against honest groups, in standard deviations of honest groups"
    return SpreadChart(placed, inline_svg(_spec(drawn), label) if drawn else Markup())


def _place(spread: Spread) -> Place:
    if spread.null_sd <= 0:
        return Place(spread, None, 0.0, 0.0)
    return Place(
        spread,
        (spread.value - spread.null_mean) / spread.null_sd,
        spread.standard_error / spread.null_sd,
        (spread.alternative_mean - spread.null_mean) / spread.null_sd,
    )


def _clamped(z: float) -> float:
    return max(-_FARTHEST, min(_FARTHEST, z))


def _spec(places: list[Place]) -> dict[str, Any]:
    rows = [_row(row, place) for row, place in enumerate(places)]
    low = min(-4.0, *(row["low"] - 0.5 for row in rows), *(row["alternative"] - 0.5 for row in rows))
    high = max(4.0, *(row["high"] + 0.5 for row in rows), *(row["alternative"] + 0.5 for row in rows))
    x = {"type": "quantitative", "scale": {"domain": [low, high], "nice": False}}
    y = {"type": "quantitative", "scale": {"domain": [0, len(rows)], "reverse": True}, "axis": None}
    bell = [{"row": r, "z": z / 5, "top": r + 0.9 - _BELL * exp(-((z / 5) ** 2) / 2), "foot": r + 0.9}
            for r in range(len(rows)) for z in range(-20, 21)]  # fmt: skip
    axis = {"title": "standard deviations from the mean of honest groups", "grid": True}
    middle = {"field": "middle", **y}
    return {
        "width": 430,
        "padding": {"left": _NAMES, "right": 226, "top": 4, "bottom": 44},
        "height": _ROW * len(rows),
        "data": {"values": rows},
        "layer": [
            {
                "data": {"values": bell},
                "mark": {"type": "area", "color": "var(--null)", "aria": False},
                "encoding": {"x": {"field": "z", **x, "axis": axis}, "y": {"field": "top", **y},
                             "y2": {"field": "foot"}, "detail": {"field": "row"}},
            },
            {
                "mark": {"type": "rule", "color": "var(--for)", "strokeWidth": 2, "aria": False},
                "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}, "y": middle},
            },
            {
                "mark": {"type": "point", "shape": "diamond", "size": 70, "filled": False, "strokeWidth": 1.5,
                         "color": "var(--against)"},
                "encoding": {"x": {"field": "alternative", **x}, "y": middle,
                             "description": {"field": "alternative_tip"}},
            },
            {
                "mark": {"type": "point", "size": 75, "filled": True, "opacity": 1, "color": "var(--for)"},
                "encoding": {"x": {"field": "drawn", **x}, "y": middle, "description": {"field": "tip"},
                             "shape": {"field": "side", "type": "nominal", "legend": None, "scale": {
                                 "domain": ["within", "below", "above"],
                                 "range": ["circle", "triangle-left", "triangle-right"]}}},
            },
            {
                "mark": {"type": "text", "align": "left", "baseline": "middle", "aria": False},
                "encoding": {"x": {"value": -_NAMES}, "y": middle, "text": {"field": "name"}},
            },
            {
                "mark": {"type": "text", "baseline": "bottom", "dy": -8, "aria": False},
                "encoding": {"x": {"field": "drawn", **x}, "y": middle, "text": {"field": "distance"}},
            },
            {
                "mark": {"type": "text", "align": "left", "baseline": "middle", "aria": False,
                         "color": "var(--muted)"},
                "encoding": {"x": {"value": 446}, "y": middle, "text": {"field": "own"}},
            },
        ],
    }  # fmt: skip


def _row(row: int, place: Place) -> dict[str, Any]:
    spread, z = place.spread, place.z or 0.0
    beyond = "above" if z > 0 else "below"
    own = f"{signed(spread.value, '.3g')} ± {spread.standard_error:.1g}"
    return {
        "middle": row + 0.62,
        "name": shorten(spread.signal.replace("_", " "), 24),
        "drawn": _clamped(z),
        "side": "within" if abs(z) <= _FARTHEST else beyond,
        "low": _clamped(z - 2 * place.error),
        "high": _clamped(z + 2 * place.error),
        "alternative": _clamped(place.alternative),
        "distance": signed(z, "+.1f"),
        "own": f"{own}, honest {signed(spread.null_mean, '.3g')}",
        "tip": f"This group: {own}; honest groups: {spread.null_mean:.4g}, sd {spread.null_sd:.3g}",
        "alternative_tip": f"Mean of known campaigns: {spread.alternative_mean:.4g}",
    }
