"""Lays out when a group works: the week's heat map and one row of hours per member.

Many accounts run by one scheduler start and stop together, which a person sees at once when their hours stand
under each other. Cells of one shade are one path: sixty rows by two weeks stay small enough to keep in the page.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from spiritsafe.casework.words import counted

__all__ = ["Cell", "Heat", "Raster", "RasterRow", "heat", "raster", "shades"]

SHADES = 5
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CELL_WIDTH, CELL_HEIGHT = 32, 22
RASTER_WIDTH, RASTER_HEIGHT, CLOCK_HEIGHT = 836, 270, 34  # pixels
_TALLEST_ROW = 14.0


@dataclass(frozen=True, slots=True)
class Cell:
    """One hour of the week: place in the grid, shade (0 for none) and tooltip."""

    hour: int
    weekday: int
    shade: int
    tip: str


@dataclass(frozen=True, slots=True)
class Heat:
    """The week's cells and, per shade, the counts it stands for."""

    cells: list[Cell]
    legend: list[str]


@dataclass(frozen=True, slots=True)
class RasterRow:
    """One member's row, in pixels from the top, and who it is."""

    top: float
    tip: str


@dataclass(frozen=True, slots=True)
class Raster:
    """Members by hours.

    Attributes:
        hour_width: pixels per hour; the unit of width in ``paths`` and ``clock``.
        row_height: pixels per row; the unit of height in ``paths``.
        paths: per shade, its cells.
        clock: outline of how many members work at once, ``CLOCK_HEIGHT`` pixels high.
        busiest: the most members at work in one hour.
        days: pixel and name of each midnight, UTC.
    """

    hour_width: float
    row_height: float
    rows: list[RasterRow]
    paths: list[str]
    clock: str
    busiest: int
    days: list[tuple[float, str]]
    legend: list[str]


def shades(values: Sequence[int]) -> list[int]:
    """Upper bounds of the shades for positive counts: geometric steps up to the largest.

    >>> shades([0, 3, 100])
    [3, 6, 16, 40, 100]
    """
    most = max(values, default=0)
    if most <= SHADES:
        return list(range(1, most + 1))
    # small counts make two steps round to one number: then there is one shade less
    return sorted({round(most ** ((step + 1) / SHADES)) for step in range(SHADES)})


def heat(counts: Sequence[Sequence[int]]) -> Heat | None:
    """Build the heat map of 7 x 24 counts, Monday first, in even shades; None where nothing was counted."""
    most = max((count for day in counts for count in day), default=0)
    bounds = sorted({-(-most * step // SHADES) for step in range(1, SHADES + 1)} - {0})
    if not bounds:
        return None
    cells = [
        Cell(hour, day, _shade(count, bounds), _hour_tip(day, hour, count))
        for day, row in enumerate(counts)
        for hour, count in enumerate(row)
    ]
    return Heat(cells, _ranges(bounds))


def raster(hours: Sequence[Sequence[int]], accounts: Sequence[str], first_hour: str) -> Raster | None:
    """Build the raster of members x hours, earliest starter on top; None where nothing was counted.

    Args:
        hours: focal exchanges, one row per account in the order of ``accounts``, one column per hour.
        accounts: the campaign's accounts.
        first_hour: ISO 8601 start of the first column, UTC.
    """
    bounds = shades([count for row in hours for count in row])
    if not bounds:
        return None
    order = sorted(range(len(hours)), key=lambda row: (_first(hours[row]), row))
    columns = max(len(row) for row in hours)
    active = [sum(1 for row in hours if column < len(row) and row[column]) for column in range(columns)]
    hour_width = round(RASTER_WIDTH / columns, 4)
    row_height = round(min(_TALLEST_ROW, RASTER_HEIGHT / len(hours)), 2)
    rows = [
        RasterRow(round(place * row_height, 2), f"{accounts[row]}: {counted(sum(hours[row]), 'focal exchange')}")
        for place, row in enumerate(order)
    ]
    return Raster(
        hour_width=hour_width,
        row_height=row_height,
        rows=rows,
        paths=_paths([hours[row] for row in order], bounds),
        clock=_clock(active),
        busiest=max(active),
        days=_days(first_hour, columns, hour_width),
        legend=_ranges(bounds),
    )


def _shade(count: int, bounds: list[int]) -> int:
    return 0 if count == 0 else 1 + bisect_left(bounds, count)


def _ranges(bounds: list[int]) -> list[str]:
    lows = [1, *[bound + 1 for bound in bounds[:-1]]]
    return [f"{low:,}" if low >= high else f"{low:,} to {high:,}" for low, high in zip(lows, bounds, strict=True)]


def _hour_tip(day: int, hour: int, count: int) -> str:
    return f"{WEEKDAYS[day]} {hour:02d}:00 to {(hour + 1) % 24:02d}:00 UTC: {counted(count, 'focal exchange')}"


def _first(row: Sequence[int]) -> int:
    return next((column for column, count in enumerate(row) if count), len(row))


def _paths(rows: list[Sequence[int]], bounds: list[int]) -> list[str]:
    """Per shade, every run of its hours as a stroke of one path, in hours and rows."""
    parts: list[list[str]] = [[] for _ in bounds]
    for place, row in enumerate(rows):
        column = 0
        for shade, run in groupby(_shade(count, bounds) for count in row):
            length = sum(1 for _ in run)
            if shade:
                parts[shade - 1].append(f"M{column} {place}h{length}")
            column += length
    return ["".join(strokes) for strokes in parts]


def _clock(active: list[int]) -> str:
    """How many members work in each hour, as the outline of an area, in hours and pixels."""
    most = max(active)
    levels = [CLOCK_HEIGHT - round(CLOCK_HEIGHT * number / most, 1) for number in active]
    steps = "".join(f"V{level:g}h1" for level in levels)
    return f"M0 {CLOCK_HEIGHT}{steps}V{CLOCK_HEIGHT}z"


def _days(first_hour: str, columns: int, hour_width: float) -> list[tuple[float, str]]:
    """Pixel and name of each midnight, UTC."""
    start = datetime.fromisoformat(first_hour)
    marks = []
    for column in range(columns):
        moment = start + timedelta(hours=column)
        if moment.hour == 0:
            marks.append((round(column * hour_width, 1), f"{moment:%a} {moment.day} {moment:%b}"))
    return marks
