"""Draws a group's traffic over time by model, with the moments at which models were released.

A campaign that moves to a new model as one body shows here as a change of colour behind a marker, which is why
releases and traffic share one axis, and why the table beside it gives the days between the two.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from markupsafe import Markup

from spiritsafe.casework.plain import shorten
from spiritsafe.casework.report.chart import inline_svg
from spiritsafe.casework.words import counted
from spiritsafe.model.dossier import DailyCount

__all__ = ["ModelUse", "Timeline", "timeline"]

OTHERS = "other models"
_COLOURS = 6  # models with a colour of their own; the rest are drawn together
_MOST_BARS = 92
_MOST_MARKERS = 8
_WIDTH = 760
_BAR = 60  # widest bar, pixels


@dataclass(frozen=True, slots=True)
class ModelUse:
    """How the group used one model; ``colour`` numbers the palette, ``lag`` is days from release to first use."""

    model: str
    colour: int
    released: str | None
    first_day: str
    lag: int | None
    exchanges: int
    focal_exchanges: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """The picture, what one bar covers, and the table of models."""

    picture: Markup
    step: str
    models: list[ModelUse]

    @property
    def has_cover(self) -> bool:
        """True where part of the traffic lies outside the focal exchanges."""
        return any(use.focal_exchanges < use.exchanges for use in self.models)


def timeline(daily: Sequence[DailyCount], releases: dict[str, str]) -> Timeline:
    """Build the timeline of a group's daily counts; ``releases`` maps a model to the contract's timestamp."""
    models = _models(daily, releases)
    if not models:
        return Timeline(Markup(), "day", [])
    width = _bar_days(daily)
    step = "day" if width == 1 else f"{width} days"
    colours = {use.model: use.colour for use in models}
    first, end = _bounds(daily)
    bars = -(-(end - first).days // width)
    starts = [(first + timedelta(days=bar * width)).isoformat() for bar in range(bars + 1)]
    pixels = min(_WIDTH, max(320, _BAR * bars))
    markers = _markers(daily, releases, bars * width, pixels)
    spec = _spec(_bars(daily, colours, width), markers, starts, pixels)
    return Timeline(inline_svg(spec, f"Exchanges per {step} by model, with model releases"), step, models)


def _models(daily: Sequence[DailyCount], releases: dict[str, str]) -> list[ModelUse]:
    by_model: dict[str, list[DailyCount]] = defaultdict(list)
    for count in daily:
        by_model[count.model].append(count)
    heaviest = sorted(by_model, key=lambda model: (-sum(c.exchanges for c in by_model[model]), model))
    return [
        _use(model, min(place, _COLOURS), by_model[model], releases.get(model)) for place, model in enumerate(heaviest)
    ]


def _use(model: str, colour: int, counts: list[DailyCount], released: str | None) -> ModelUse:
    first = min(count.day for count in counts if count.exchanges or count is counts[0])
    lag = (date.fromisoformat(first) - _moment(released).date()).days if released else None
    return ModelUse(
        model=model,
        colour=colour,
        released=released,
        first_day=first,
        lag=lag,
        exchanges=sum(count.exchanges for count in counts),
        focal_exchanges=sum(count.focal_exchanges for count in counts),
        output_tokens=sum(count.output_tokens for count in counts),
    )


def _moment(timestamp: str) -> datetime:
    return datetime.fromisoformat(timestamp).astimezone(UTC)


def _bounds(daily: Sequence[DailyCount]) -> tuple[date, date]:
    days = [date.fromisoformat(count.day) for count in daily]
    return min(days), max(days) + timedelta(days=1)


def _bar_days(daily: Sequence[DailyCount]) -> int:
    """Days per bar: one, or as many whole weeks as keep the picture at ``_MOST_BARS`` bars."""
    first, end = _bounds(daily)
    days = (end - first).days
    return 1 if days <= _MOST_BARS else 7 * -(-days // (7 * _MOST_BARS))


def _bars(daily: Sequence[DailyCount], colours: dict[str, int], width: int) -> list[dict[str, Any]]:
    """Stack focal exchanges, then the rest, model upon model; stacked here so that a bar is a stored count."""
    first, _ = _bounds(daily)
    sums: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    names = {colour: model if colour < _COLOURS else OTHERS for model, colour in colours.items()}
    for count in daily:
        bar = (date.fromisoformat(count.day) - first).days // width
        cell = sums[bar, colours[count.model]]
        cell[0] += count.focal_exchanges
        cell[1] += count.exchanges - count.focal_exchanges
    rows: list[dict[str, Any]] = []
    top: dict[int, int] = defaultdict(int)
    for (bar, colour), parts in sorted(sums.items()):
        start = first + timedelta(days=bar * width)
        for part, number in zip(("focal", "other"), parts, strict=True):
            if number:
                tip = f"{start.isoformat()}, {names[colour]}: {counted(number, part + ' exchange')}"
                rows.append(
                    {"from": start.isoformat(), "to": (start + timedelta(days=width)).isoformat(), "low": top[bar],
                     "high": top[bar] + number, "colour": colour, "part": part, "tip": tip}
                )  # fmt: skip
                top[bar] += number
    return rows


def _markers(daily: Sequence[DailyCount], releases: dict[str, str], days: int, pixels: int) -> list[dict[str, Any]]:
    """Releases within the period, the group's own models first, on as many lines as their labels need."""
    first, end = _bounds(daily)
    used = {count.model for count in daily}
    inside = [(model, _moment(at)) for model, at in releases.items() if first <= _moment(at).date() < end]
    inside = sorted(inside, key=lambda pair: (pair[0] not in used, pair[1], pair[0]))[:_MOST_MARKERS]
    free: list[float] = []  # per line of labels, the pixel from which it is taken
    rows = []
    # From the latest back, so that an earlier label stands above and no later rule runs through it.
    for model, at in sorted(inside, key=lambda pair: (pair[1], pair[0]), reverse=True):
        text = f"{shorten(model, 26)} released"
        x = (at - datetime.combine(first, datetime.min.time(), UTC)).total_seconds() / 86_400 / days * pixels
        length = 7 * len(text)
        side = "left" if x + length < _WIDTH else "right"
        begin = x if side == "left" else x - length
        line = next((n for n, taken in enumerate(free) if begin + length + 10 < taken), len(free))
        free[line : line + 1] = [begin]
        rows.append(
            {
                "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "text": text,
                "side": side,
                "above": line,
                "tip": f"{model} released {at:%Y-%m-%d %H:%M} UTC",
            }
        )
    return rows


def _spec(bars: list[dict[str, Any]], markers: list[dict[str, Any]], starts: list[str], pixels: int) -> dict[str, Any]:
    x = {"type": "temporal", "title": None, "scale": {"type": "utc", "domain": [starts[0], starts[-1]], "nice": False}}
    axis = {"grid": False, "format": "%-d %b", "labelFlush": False, "values": starts[: -1 : -(-len(starts) // 11)]}
    lines = 1 + max((marker["above"] for marker in markers), default=-1)
    return {
        "width": pixels,
        "padding": {"left": 68, "right": 12 + _WIDTH - pixels, "top": 8 + 16 * lines, "bottom": 28},
        "height": 210,
        "layer": [
            {
                "data": {"values": bars},
                "mark": {"type": "bar", "x2Offset": -1},
                "encoding": {
                    "x": {"field": "from", **x, "axis": axis},
                    "x2": {"field": "to"},
                    "y": {"field": "low", "type": "quantitative", "title": "exchanges",
                          "axis": {"tickCount": 5, "domain": False, "format": ",d", "titleX": -58}},
                    "y2": {"field": "high"},
                    "color": {"field": "colour", "type": "nominal", "legend": None, "scale": {
                        "domain": list(range(_COLOURS + 1)),
                        "range": [f"var(--m{n})" for n in range(_COLOURS + 1)]}},
                    "fillOpacity": {"condition": {"test": "datum.part === 'other'", "value": 0.4}, "value": 1},
                    "description": {"field": "tip"},
                },
            },
            *[layer for above in range(lines) for layer in _marker_layers(markers, above, x)],
        ],
    }  # fmt: skip


def _marker_layers(markers: list[dict[str, Any]], above: int, x: dict[str, Any]) -> list[dict[str, Any]]:
    """One line of release labels: rules from the label down to the axis, and the labels on either side."""
    height = -8 - 16 * above
    rows = [marker for marker in markers if marker["above"] == above]
    at = {"x": {"field": "at", **x}}
    rule = {
        "data": {"values": rows},
        "mark": {"type": "rule", "color": "var(--ink)", "strokeDash": [3, 3]},
        "encoding": {**at, "y": {"value": height - 6}, "y2": {"value": 210}, "description": {"field": "tip"}},
    }
    labels = [
        {
            "data": {"values": [row for row in rows if row["side"] == side]},
            "mark": {"type": "text", "align": side, "dx": 5 if side == "left" else -5, "aria": False},
            "encoding": {**at, "y": {"value": height}, "text": {"field": "text"}},
        }
        for side in ("left", "right")
    ]
    return [rule, *labels]
