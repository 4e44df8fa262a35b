"""Puts the generated parts where the page has markers for them, and leaves every other word as it was."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from measure import contrasts, sections
from measure.markers import replaced
from measure.pictures import paint
from measure.results import Results

__all__ = ["SECTIONS", "write"]

SECTIONS: dict[str, Callable[[Results], Iterator[str]]] = {
    "circumstances": sections.circumstances,
    "design": sections.design,
    "recall": sections.recall,
    "ranking": sections.ranking,
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
    drawn = paint(results, page.parent / "img")
    for name, section in SECTIONS.items():
        body = "\n".join([*section(results), *_picture(name, drawn)])
        text = replaced(text, f"<!-- evaluate: {name} -->", f"<!-- end of evaluate: {name} -->", body, page)
    page.write_text(text, "utf-8")


class _Shown(NamedTuple):
    """A picture below a part, and what it shows for those who cannot see it."""

    picture: str
    told: str


_SHOWS = {
    "recall": _Shown("recall", "Campaigns found by archetype, cover, size and what is shared, with intervals"),
    "ranking": _Shown("ranking", "Precision and recall of accounts and of groups, with intervals"),
    "ablations": _Shown("ablations", "Members against honest accounts with families of evidence switched off"),
    "cohorts": _Shown("cohorts", "Rate of honest accounts suspected, and its upper bound, by cohort"),
    "peers": _Shown("curves", "ROC and precision-recall of spiritsafe and of other methods on the same logs"),
    "leaks": _Shown("leaks", "Campaigns named over time, and what share of its harvest each had by then"),
    "sensitivity": _Shown("sensitivity", "Change in members named when a number of detection is turned"),
}


def _picture(name: str, drawn: Sequence[str]) -> tuple[str, ...]:
    shown = _SHOWS.get(name)
    return ("", f"![{shown.told}](img/evaluation-{shown.picture}.svg)") if shown and shown.picture in drawn else ()
