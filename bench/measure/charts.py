"""The evaluation's pictures as Vega-Lite specifications, drawn to SVG without a browser.

Colours are those of Okabe and Ito, which people with any common colour blindness tell apart; whatever
differs by colour differs by shape, dash or place as well.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import vl_convert

__all__ = ["COLOURS", "bars", "bounds", "draw", "levels", "lines", "panels", "spans"]

Spec = dict[str, Any]
Row = Mapping[str, Any]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 3], [4, 4], [1, 0])
_LEGEND: Spec = {"orient": "bottom", "columns": 4, "symbolType": "stroke", "symbolSize": 500}
_CONFIG: Spec = {
    "background": "white",
    "font": "sans-serif",
    "padding": 12,
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "gridColor": "#e4e4e4",
        "domainColor": "#999", "tickColor": "#999", "labelLimit": 320,
    },
    "legend": {"labelFontSize": 12, "titleFontSize": 12, "labelLimit": 320, "symbolStrokeWidth": 2.5},
    "title": {"fontSize": 13, "anchor": "start", "fontWeight": "normal"},
    "header": {"labelFontSize": 12, "titleFontSize": 12},
}  # fmt: skip
_SHARE: Spec = {"type": "quantitative", "scale": {"domain": [0, 1]}, "axis": {"format": ".0%", "tickCount": 6}}


def draw(spec: Spec, path: Path) -> None:
    """Write a specification as SVG; the folder is made if absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(vl_convert.vegalite_to_svg({**spec, "config": _CONFIG}, vl_version="5.21") + "\n", "utf-8")


def panels(parts: Sequence[Spec], *, shared: bool = True) -> Spec:
    """Return pictures side by side, with one legend for both if ``shared``."""
    how = "shared" if shared else "independent"
    channels = dict.fromkeys(("color", "strokeDash", "shape"), how)
    return {"hconcat": list(parts), "spacing": 36, "resolve": {"scale": channels, "legend": channels}}


def levels(rows: Sequence[Row], title: str) -> Spec:
    """Return shares with intervals, a line per level, grouped by factor.

    Args:
        rows: ``factor``, ``level``, ``value``, ``low``, ``high``, ``note`` each, in order.
        title: what the share is of.
    """
    order = [row["level"] for row in rows]
    x = {"title": title, **_SHARE}
    y = {"field": "level", "type": "nominal", "sort": order, "title": None}
    layers = [
        {"mark": {"type": "rule", "strokeWidth": 2, "color": COLOURS[0]},
         "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}, "y": y}},
        {"mark": {"type": "point", "filled": True, "size": 60, "color": COLOURS[0], "opacity": 1},
         "encoding": {"x": {"field": "value", **x}, "y": y}},
        {"mark": {"type": "text", "align": "left", "fontSize": 11, "color": "#444"},
         "encoding": {"x": {"value": 428}, "y": y, "text": {"field": "note"}}},
    ]  # fmt: skip
    return {
        "data": {"values": list(rows)},
        "facet": {"row": {"field": "factor", "type": "nominal", "title": None,
                          "sort": list(dict.fromkeys(row["factor"] for row in rows)),
                          "header": {"labelAngle": 0, "labelAlign": "left", "labelOrient": "left"}}},
        "spec": {"width": 420, "height": {"step": 20}, "layer": layers},
        "resolve": {"scale": {"y": "independent"}},
        "spacing": 14,
    }  # fmt: skip


def lines(
    rows: Sequence[Row], x: Spec, y: Spec, title: str, *, names: Sequence[str], band: bool = True, step: bool = False,
    marks: Sequence[Row] = (),
) -> Spec:  # fmt: skip
    """Return curves with bands.

    Args:
        rows: ``name``, ``x``, ``y`` and, for a band, ``low``, ``high`` each.
        x, y: encodings without field.
        title: of the panel.
        names: of the curves, in the order of their colours.
        band: True to draw the bounds of the first curve.
        step: True where a value holds until the next.
        marks: points to set on the first curve, with ``x``, ``y``.
    """
    colour = {
        "field": "name", "type": "nominal", "title": None,
        "scale": {"domain": list(names), "range": list(COLOURS[: len(names)])},
        "legend": _LEGEND,
    }  # fmt: skip
    dash = {"field": "name", "type": "nominal", "title": None,
            "scale": {"domain": list(names), "range": list(_DASHES[: len(names)])},
            "legend": _LEGEND}  # fmt: skip
    interpolate = {"interpolate": "step-after"} if step else {}
    at = {"x": {"field": "x", **x}}
    layers: list[Spec] = []
    if band:
        layers.append({
            "transform": [{"filter": {"field": "name", "equal": names[0]}}],
            "mark": {"type": "area", "opacity": 0.18, "color": COLOURS[0], **interpolate},
            "encoding": {**at, "y": {"field": "low", **y}, "y2": {"field": "high"}},
        })  # fmt: skip
    layers.append({
        "mark": {"type": "line", "strokeWidth": 2.2, "clip": True, **interpolate},
        "encoding": {**at, "y": {"field": "y", **y}, "color": colour, "strokeDash": dash},
    })  # fmt: skip
    if marks:
        layers.append({
            "data": {"values": list(marks)},
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1, "color": COLOURS[0]},
            "encoding": {**at, "y": {"field": "y", **y}},
        })  # fmt: skip
    return {"data": {"values": list(rows)}, "title": title, "width": 330, "height": 300, "layer": layers}


def bounds(rows: Sequence[Row], title: str) -> Spec:
    """Return rates with their upper bounds, a line per cohort.

    Args:
        rows: ``name``, ``rate``, ``upper`` each.
        title: what the rate is.
    """
    y = {"field": "name", "type": "nominal", "sort": [row["name"] for row in rows], "title": None}
    x = {"type": "quantitative", "title": title, "axis": {"format": ".2%", "tickCount": 6}}
    return {
        "data": {"values": list(rows)}, "width": 430, "height": {"step": 18},
        "layer": [
            {"mark": {"type": "rule", "strokeWidth": 2, "color": COLOURS[5]},
             "encoding": {"x": {"field": "rate", **x}, "x2": {"field": "upper"}, "y": y}},
            {"mark": {"type": "tick", "thickness": 2, "size": 11, "color": COLOURS[0]},
             "encoding": {"x": {"field": "upper", **x}, "y": y}},
            {"mark": {"type": "point", "filled": True, "size": 46, "color": COLOURS[1], "opacity": 1},
             "encoding": {"x": {"field": "rate", **x}, "y": y}},
        ],
    }  # fmt: skip


def bars(rows: Sequence[Row], title: str) -> Spec:
    """Return a tornado: from the lowest to the highest change that turning a number makes.

    Args:
        rows: ``name``, ``low``, ``high``, ``honest`` each, in order.
        title: what changes.
    """
    y = {"field": "name", "type": "nominal", "sort": [row["name"] for row in rows], "title": None}
    x = {"type": "quantitative", "title": title, "axis": {"tickCount": 7}}
    return {
        "data": {"values": list(rows)}, "width": 380, "height": {"step": 18},
        "layer": [
            {"mark": {"type": "bar", "height": 11, "color": COLOURS[1]},
             "encoding": {"x": {"field": "low", **x}, "x2": {"datum": 0}, "y": y}},
            {"mark": {"type": "bar", "height": 11, "color": COLOURS[0]},
             "encoding": {"x": {"field": "high", **x}, "x2": {"datum": 0}, "y": y}},
            {"mark": {"type": "text", "align": "left", "fontSize": 11, "color": "#444"},
             "encoding": {"x": {"value": 388}, "y": y, "text": {"field": "honest"}}},
        ],
    }  # fmt: skip


def spans(rows: Sequence[Row], title: str, axis: str, names: Sequence[str]) -> Spec:
    """Return a row per campaign with a point per tier: which share of its harvest was gone when it was named.

    Args:
        rows: ``campaign``, ``name`` (tier), ``x`` each, in order.
        title: of the panel.
        axis: title of the axis.
        names: tiers in the order of their colours.
    """
    y = {"field": "campaign", "type": "nominal", "sort": list(dict.fromkeys(row["campaign"] for row in rows)),
         "title": None}  # fmt: skip
    colour = {"field": "name", "type": "nominal", "title": None,
              "scale": {"domain": list(names), "range": list(COLOURS[: len(names)])},
              "legend": {"orient": "bottom", "symbolSize": 60}}  # fmt: skip
    shape = {"field": "name", "type": "nominal", "title": None,
             "scale": {"domain": list(names), "range": ["circle", "square", "cross"][: len(names)]},
             "legend": {"orient": "bottom", "symbolSize": 60}}  # fmt: skip
    apart = {"field": "name", "type": "nominal", "scale": {"domain": list(names)}}
    return {
        "data": {"values": list(rows)}, "title": title, "width": 330, "height": {"step": 9},
        "mark": {"type": "point", "filled": True, "size": 60, "opacity": 0.9},
        "encoding": {
            "x": {"field": "x", "title": axis, **_SHARE}, "y": y, "yOffset": apart, "color": colour, "shape": shape,
        },
    }  # fmt: skip
