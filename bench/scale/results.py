"""What scans of logs of several sizes cost: kept as measured, told as tables and a picture."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from measure.charts import draw, lines
from measure.child import Cost
from measure.machine import Circumstances
from measure.markers import replaced
from measure.tables import markdown

__all__ = ["Grown", "Measured", "Stage", "kept", "tables", "write"]

_OPEN, _CLOSE = "<!-- scale -->", "<!-- end of scale -->"
_PICTURE = "performance-scan.svg"


class Stage(NamedTuple):
    """CPU-seconds until the last report of a stage, since that of the stage before."""

    name: str
    cpu_s: float


class Grown(msgspec.Struct, frozen=True, kw_only=True):
    """One day scanned into a store that holds the ``days`` before it."""

    days: int
    before: Cost
    before_stages: list[Stage]
    day: Cost
    day_stages: list[Stage]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One log.

    Attributes:
        floor: of reading the columns and nothing else.
        scan: from files to findings, into a fresh store.
        stages: of the scan.
        grown: what one more day costs, None if it was not asked.
        around: command, machine, versions, day.
    """

    exchanges: int
    accounts: int
    floor: Cost
    scan: Cost
    stages: list[Stage]
    grown: Grown | None
    around: Circumstances

    @property
    def ratio(self) -> float:
        """CPU of the scan by that of the floor."""
        return self.scan.cpu_s / self.floor.cpu_s


def kept(folder: Path, accounts: int) -> list[Measured]:
    """Return what was measured of logs of so many accounts, smallest first."""
    found = [msgspec.json.decode(path.read_bytes(), type=Measured) for path in folder.glob(f"*-{accounts}.json")]
    return sorted(found, key=lambda one: one.exchanges)


def write(found: Sequence[Measured], page: Path) -> None:
    """Replace a page's generated part, and its picture in ``img/`` beside it."""
    _paint(found, page.parent / "img" / _PICTURE)
    shown = f"![CPU microseconds an exchange, of a scan and of the bare read, by size of the log](img/{_PICTURE})"
    body = "\n".join([*tables(found), "", shown])
    page.write_text(replaced(page.read_text("utf-8"), _OPEN, _CLOSE, body, page), "utf-8")


def tables(found: Sequence[Measured]) -> Iterator[str]:
    """Yield sizes against cost, where the time goes, what a day more costs, and how it was measured."""
    names = (
        "exchanges",
        "floor, CPU s",
        "scan, CPU s",
        "ratio",
        "us an exchange",
        "floor, GiB",
        "scan, GiB",
        "wall, s",
    )
    yield from markdown(names, map(_row, found))
    yield from ("", "CPU seconds until the last report of each stage:", "")
    stages = list(dict.fromkeys(stage.name for one in found for stage in one.stages))
    spent = [dict(one.stages) for one in found]
    yield from markdown(
        ("stage", *(f"{one.exchanges:,}" for one in found)),
        ((name, *(f"{of.get(name, 0.0):.1f}" for of in spent)) for name in stages),
    )
    grown = [(one, one.grown) for one in found if one.grown is not None]
    if grown:
        yield from (
            "",
            "A day added to a store of the days before it, beside a day's share of the scan of those, CPU s:",
            "",
        )
        header = ("exchanges", "days before", "", "a day's share", "the day added", "ratio")
        yield from markdown(header, (line for one, more in grown for line in _days(one, more)))
    yield ""
    yield from dict.fromkeys(one.around.sentence() for one in found)


def _row(one: Measured) -> tuple[str, ...]:
    return (
        f"{one.exchanges:,}",
        f"{one.floor.cpu_s:.1f}",
        f"{one.scan.cpu_s:.1f}",
        f"{one.ratio:.1f}",
        f"{one.scan.cpu_s / one.exchanges * 1e6:.2f}",
        f"{one.floor.peak_gib:.2f}",
        f"{one.scan.peak_gib:.2f}",
        f"{one.scan.wall_s:.0f}",
    )


def _days(one: Measured, grown: Grown) -> Iterator[tuple[str, ...]]:
    reading = "reading exchanges"
    costs = (
        (reading, dict(grown.before_stages)[reading], dict(grown.day_stages)[reading]),
        ("the whole scan", grown.before.cpu_s, grown.day.cpu_s),
    )
    for name, before, day in costs:
        share = before / grown.days
        yield f"{one.exchanges:,}", str(grown.days), name, f"{share:.1f}", f"{day:.1f}", f"{day / share:.2f}"


def _paint(found: Sequence[Measured], path: Path) -> None:
    costs = {"scan": lambda one: one.scan.cpu_s, "bare read (DuckDB)": lambda one: one.floor.cpu_s}
    rows = [
        {"name": name, "x": one.exchanges, "y": of(one) / one.exchanges * 1e6}
        for name, of in costs.items()
        for one in found
    ]
    x = {
        "type": "quantitative",
        "scale": {"type": "log"},
        "title": "exchanges",
        "axis": {"format": "~s", "tickCount": 4},
    }
    y = {
        "type": "quantitative",
        "scale": {"type": "log"},
        "title": "CPU microseconds an exchange",
        "axis": {"tickCount": 5},
    }
    draw(lines(rows, x, y, "Cost of an exchange by size of the log", names=list(costs), band=False), path)
