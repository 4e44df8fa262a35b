"""Puts the generated parts where the page has markers for them, and leaves every other word as it was."""

from collections.abc import Callable, Iterator
from pathlib import Path

from measure import contrasts, sections
from measure.pictures import paint
from measure.results import Results
from spiritsafe.model.errors import UsageError

__all__ = ["SECTIONS", "write"]

SECTIONS: dict[str, Callable[[Results], Iterator[str]]] = {
    "circumstances": sections.circumstances,
    "design": sections.design,
    "recall": sections.recall,
    "ablations": sections.ablations,
    "cohorts": sections.cohorts,
    "missed": sections.missed,
    "peers": contrasts.peers,
    "leaks": contrasts.leaks,
    "sensitivity": contrasts.sensitivity,
    "evasions": contrasts.evasions,
}


def write(results: Results, page: Path) -> None:
    """Replace each generated part of a page, and the pictures in ``img/`` beside it.

    Raises:
        UsageError: a marker is missing.
    """
    text = page.read_text("utf-8")
    for name, section in SECTIONS.items():
        text = _replaced(text, name, "\n".join(section(results)), page)
    page.write_text(text, "utf-8")
    paint(results, page.parent / "img")


def _replaced(text: str, name: str, body: str, page: Path) -> str:
    opened, closed = f"<!-- evaluate: {name} -->", f"<!-- end of evaluate: {name} -->"
    before, found, rest = text.partition(opened)
    _, ended, after = rest.partition(closed)
    if not (found and ended):
        raise UsageError(f"{page}: no {opened} ... {closed}", hint="Put the two markers where the part shall stand.")
    return f"{before}{opened}\n\n{body}\n\n{closed}{after}"
