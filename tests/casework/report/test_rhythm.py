import re

from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.casework.report.rhythm import SHADES, heat, raster, shades

counts = st.lists(st.integers(0, 5_000), min_size=1, max_size=48)


@given(counts)
def test_shades_rise_and_end_at_the_largest_count(values: list[int]) -> None:
    bounds = shades(values)
    assert bounds == sorted(set(bounds))
    assert len(bounds) <= SHADES
    assert (bounds[-1] if bounds else 0) >= max(values)


@given(st.lists(counts, min_size=1, max_size=6))
def test_the_raster_covers_exactly_the_hours_that_were_worked(rows: list[list[int]]) -> None:
    drawn = raster(rows, [f"a{n}" for n in range(len(rows))], "2025-05-01T00:00:00Z")
    worked = sum(1 for row in rows for count in row if count)
    if drawn is None:
        assert worked == 0
        return
    lengths = [int(run) for path in drawn.paths for run in re.findall(r"M\d+ \d+h(\d+)", path)]
    assert sum(lengths) == worked


def test_rows_stand_by_first_hour_and_name_their_account() -> None:
    drawn = raster([[0, 0, 3], [1, 0, 0]], ["late", "early"], "2025-05-01T23:00:00Z")
    assert drawn is not None
    assert [row.tip for row in drawn.rows] == ["early: 1 focal exchange", "late: 3 focal exchanges"]
    assert [name for _, name in drawn.days] == ["Fri 2 May"]
    assert drawn.busiest == 1


def test_heat_names_hour_and_count() -> None:
    week = [[0] * 24 for _ in range(7)]
    week[6][23] = 1_200
    week[0][0] = 1
    drawn = heat(week)
    assert drawn is not None
    assert drawn.cells[-1].tip == "Sun 23:00 to 00:00 UTC: 1,200 focal exchanges"
    assert (drawn.cells[-1].shade, drawn.cells[0].shade, drawn.cells[1].shade) == (5, 1, 0)
    assert drawn.legend[-1] == "961 to 1,200"


def test_nothing_counted_nothing_drawn() -> None:
    assert heat([[0] * 24] * 7) is None
    assert heat([]) is None
    assert raster([[0, 0]], ["a"], "2025-05-01T00:00:00Z") is None
    assert raster([], [], "2025-05-01T00:00:00Z") is None
