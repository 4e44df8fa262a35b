from spiritsafe.casework.report.timeline import timeline
from spiritsafe.model.dossier import DailyCount


def count(day: str, model: str, exchanges: int, focal: int) -> DailyCount:
    return DailyCount(day=day, model=model, exchanges=exchanges, focal_exchanges=focal, output_tokens=exchanges * 10)


def test_the_table_adds_up_and_measures_from_the_release() -> None:
    daily = [count("2025-05-01", "a", 10, 7), count("2025-05-04", "a", 5, 5), count("2025-05-04", "b", 40, 30)]
    told = timeline(daily, {"b": "2025-05-02T23:00:00Z", "unused": "2025-05-03T00:00:00Z"})
    assert [(use.model, use.exchanges, use.focal_exchanges, use.output_tokens) for use in told.models] == [
        ("b", 40, 30, 400),
        ("a", 15, 12, 150),
    ]
    assert told.models[0].lag == 2
    assert told.models[1].lag is None
    assert told.has_cover


def test_releases_inside_the_period_are_marked_and_others_not() -> None:
    daily = [count(f"2025-05-{day:02d}", "a", 10, 10) for day in range(1, 20)]
    picture = timeline(
        daily, {"inside": "2025-05-09T12:00:00Z", "before": "2025-04-30T23:59:59Z", "after": "2025-05-20T00:00:00Z"}
    ).picture
    assert "inside released" in picture
    assert "before released" not in picture
    assert "after released" not in picture


def test_a_long_period_is_drawn_in_whole_weeks() -> None:
    daily = [count(f"20{year}-{month:02d}-01", "a", 3, 1) for year in (24, 25) for month in range(1, 13)]
    told = timeline(daily, {})
    assert told.step == "14 days"
    assert told.picture.count("focal exchange") == 24


def test_models_beyond_the_palette_share_its_last_colour() -> None:
    told = timeline([count("2025-05-01", f"m{n}", 100 - n, 50) for n in range(9)], {})
    assert [use.colour for use in told.models] == [0, 1, 2, 3, 4, 5, 6, 6, 6]
    assert "other models: 129 other exchanges" in told.picture


def test_no_traffic_no_picture() -> None:
    assert timeline([], {"a": "2025-05-09T12:00:00Z"}).picture == ""
