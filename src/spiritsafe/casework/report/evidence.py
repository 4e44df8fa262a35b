"""Lays evidence out as a waterfall whose last step is the score.

The running totals come from the same function that computes a campaign's score, so the picture cannot end
anywhere else; the chart follows Splink's match-weight waterfall, turned so that long names read.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from markupsafe import Markup

from spiritsafe.casework.plain import shorten
from spiritsafe.casework.report.chart import inline_svg
from spiritsafe.casework.words import probability, signed
from spiritsafe.model.findings import Evidence, total_bits

__all__ = ["Step", "Waterfall", "decimals", "drawn", "steps", "waterfall"]

_ROW = 26
_NAMES = 176  # pixels for the signals' names
_PRECISION = 6  # decimals that ``total_bits`` keeps


@dataclass(frozen=True, slots=True)
class Step:
    """One weight of the waterfall, from the running total before it to the one after, in bits."""

    evidence: Evidence
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The steps, their sum, and the decimals at which the shown weights add up by hand."""

    steps: list[Step]
    total: float
    decimals: int

    def bits(self, value: float) -> str:
        """Show a weight with its sign, at this table's decimals."""
        return signed(_rounded(value, self.decimals), "+")


def steps(evidence: list[Evidence]) -> list[Step]:
    """Order evidence from strongest for to strongest against and add it up.

    >>> steps([])
    []
    """
    ordered = sorted(evidence, key=lambda item: (-item.weight_bits, item.signal))
    totals = [total_bits(ordered[:n]) for n in range(len(ordered) + 1)]
    return [Step(*step) for step in zip(ordered, totals, totals[1:], strict=False)]


def decimals(weights: list[float], total: float) -> int:
    """Fewest decimals, two to six, at which the rounded weights add up to the rounded total.

    >>> decimals([0.125, 0.125], 0.25)
    3
    """
    for places in range(2, _PRECISION):
        if sum(_rounded(weight, places) for weight in weights) == _rounded(total, places):
            return places
    return _PRECISION


def _rounded(value: float, places: int) -> Decimal:
    return Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)


def waterfall(evidence: list[Evidence]) -> Waterfall:
    """Lay out ``evidence``."""
    laid = steps(evidence)
    total = laid[-1].end if laid else 0.0
    return Waterfall(laid, total, decimals([item.weight_bits for item in evidence], total))


def drawn(fall: Waterfall) -> Markup:
    """Draw a waterfall; nothing where there is no evidence."""
    return inline_svg(_spec(fall), _spoken(fall)) if fall.steps else Markup()


def _spoken(fall: Waterfall) -> str:
    parts = [f"{step.evidence.signal} {step.evidence.weight_bits:+.2f}" for step in fall.steps]
    return f"Evidence waterfall, in bits: {', '.join(parts)}; sum {fall.total:.2f}"


def _spec(fall: Waterfall) -> dict[str, Any]:
    rows = [_bar(fall, row, step) for row, step in enumerate(fall.steps)]
    rows.append(
        {
            "row": len(rows), "name": "score", "start": 0.0, "end": fall.total, "kind": "total",
            "high": max(0.0, fall.total), "bits": fall.bits(fall.total),
            "tip": f"The sum of all weights: {fall.bits(fall.total)} bits",
        }
    )  # fmt: skip
    links = [{"row": row + 0.86, "to": row + 1.14, "at": step.end} for row, step in enumerate(fall.steps)]
    y = {"type": "quantitative", "scale": {"domain": [0, len(rows)], "reverse": True}, "axis": None}
    return {
        "width": 580,
        "padding": {"left": _NAMES, "right": 76, "top": 4, "bottom": 44},
        "height": _ROW * len(rows),
        "layer": [
            {
                "data": {"values": rows},
                "transform": [{"calculate": "datum.row + 0.14", "as": "top"},
                              {"calculate": "datum.row + 0.86", "as": "foot"}],
                "mark": {"type": "rect", "cornerRadius": 2},
                "encoding": {
                    "x": {"field": "start", "type": "quantitative", "title": "bits, running total",
                          "axis": {"tickCount": 8}},
                    "x2": {"field": "end"},
                    "y": {"field": "top", **y}, "y2": {"field": "foot"},
                    "color": {"field": "kind", "legend": None, "type": "nominal", "scale": {
                        "domain": ["for", "against", "total"],
                        "range": ["var(--for)", "var(--against)", "var(--ink)"]}},
                    "description": {"field": "tip"},
                },
            },
            {
                "data": {"values": links},
                "mark": {"type": "rule", "color": "var(--muted)", "strokeWidth": 1, "aria": False},
                "encoding": {"x": {"field": "at", "type": "quantitative"}, "y": {"field": "row", **y},
                             "y2": {"field": "to"}},
            },
            _labels(rows, y, field="bits", x={"field": "high", "type": "quantitative"}, dx=6, align="left"),
            _labels(rows, y, field="name", x={"value": -_NAMES}, dx=0, align="left"),
        ],
    }  # fmt: skip


def _bar(fall: Waterfall, row: int, step: Step) -> dict[str, Any]:
    item = step.evidence
    return {
        "row": row,
        "name": shorten(item.signal.replace("_", " "), 24),
        "start": step.start,
        "end": step.end,
        "kind": "for" if item.weight_bits >= 0 else "against",
        "high": max(step.start, step.end),
        "bits": fall.bits(item.weight_bits),
        "tip": f"{fall.bits(item.weight_bits)} bits, p = {probability(item.p_value)}: {item.detail}",
    }


def _labels(
    rows: list[dict[str, Any]], y: dict[str, Any], *, field: str, x: dict[str, Any], dx: int, align: str
) -> dict[str, Any]:
    return {
        "data": {"values": rows},
        "transform": [{"calculate": "datum.row + 0.5", "as": "middle"}],
        "mark": {"type": "text", "align": align, "baseline": "middle", "dx": dx, "aria": False},
        "encoding": {
            "x": x,
            "y": {"field": "middle", **y},
            "text": {"field": field},
            "fontWeight": {"condition": {"test": "datum.kind === 'total'", "value": "bold"}, "value": "normal"},
        },
    }
