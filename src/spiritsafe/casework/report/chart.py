"""Turns a Vega-Lite specification into SVG that may stand inside the page.

Charts are drawn here and not in the browser: the report then needs no script, prints as it looks, and stays
small. Vega's output is rebuilt element by element from a short list of what a drawing needs, so nothing that a
stranger wrote can arrive as anything but text; colours are CSS variables, so that light and dark are one drawing.
"""

from typing import Any
from xml.etree import ElementTree as ET

import vl_convert
from markupsafe import Markup

from spiritsafe.casework.plain import plain_all

__all__ = ["CONFIG", "inline_svg"]

_VEGA_LITE = "5.21"
_SVG = "{http://www.w3.org/2000/svg}"
_TAGS = {"g", "path", "line", "text", "rect", "circle"}
_ATTRIBUTES = {
    "d", "transform", "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity",
    "stroke-linecap", "opacity", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "text-anchor", "font-size",
    "font-weight", "font-style",
}  # fmt: skip

CONFIG: dict[str, Any] = {
    "background": None,
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--muted)",
        "titleColor": "var(--muted)",
        "titleFontWeight": "normal",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "gridColor": "var(--grid)",
        "tickColor": "var(--grid)",
        "domainColor": "var(--grid)",
    },
    "text": {"color": "var(--ink)", "fontSize": 12},
}


def inline_svg(spec: dict[str, Any], label: str) -> Markup:
    """Draw ``spec`` and return an ``<svg>`` for the page.

    Args:
        spec: a Vega-Lite specification that carries its data and its padding (so that the layout does not
            depend on the fonts of this machine); a mark's ``description`` becomes its tooltip.
        label: what the picture shows, for those who cannot see it.
    """
    # vl-convert aborts the whole process on a character that XML does not know, so no caller is trusted here.
    safe = plain_all({**spec, "autosize": "none", "config": CONFIG})
    drawn = ET.fromstring(  # noqa: S314 - Vega's own output, without a document type
        vl_convert.vegalite_to_svg(safe, vl_version=_VEGA_LITE)
    )
    root = ET.Element("svg", {"viewBox": drawn.attrib["viewBox"], "role": "img", "aria-label": label})
    root.set("width", drawn.attrib["width"])
    root.set("height", drawn.attrib["height"])
    for child in drawn:
        _rebuild(child, root)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - serialised from an allowed tree


def _rebuild(element: ET.Element, parent: ET.Element) -> None:
    tag = element.tag.removeprefix(_SVG)
    if tag not in _TAGS or _draws_nothing(element, tag):
        return
    kept = {name: value for name, value in element.attrib.items() if name in _ATTRIBUTES}
    copy = ET.SubElement(parent, tag, kept)
    copy.text = element.text
    if element.get("role") == "graphics-symbol" and element.get("aria-label") and tag != "g":
        ET.SubElement(copy, "title").text = element.get("aria-label")
    for child in element:
        _rebuild(child, copy)
    if tag == "g" and not len(copy):
        parent.remove(copy)


def _draws_nothing(element: ET.Element, tag: str) -> bool:
    """Vega leaves an empty background and foreground path around every group."""
    return element.get("class") in {"background", "foreground"} or (tag == "path" and not element.get("d"))
