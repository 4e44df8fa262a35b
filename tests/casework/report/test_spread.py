import pytest

from spiritsafe.casework.report.spread import spread_chart
from spiritsafe.model.dossier import Spread


def spread(signal: str, value: float, sd: float) -> Spread:
    return Spread(signal=signal, value=value, standard_error=0.5, null_mean=1.0, null_sd=sd, alternative_mean=4.0)


def test_distance_is_in_standard_deviations_of_honest_groups() -> None:
    (place,) = spread_chart([spread("overlap", 5.0, 2.0)]).places
    assert place.z == pytest.approx(2.0)
    assert place.error == pytest.approx(0.25)
    assert place.alternative == pytest.approx(1.5)


def test_farthest_first_and_a_far_value_keeps_its_number() -> None:
    chart = spread_chart([spread("near", 1.2, 1.0), spread("far", 41.0, 1.0)])
    assert [place.spread.signal for place in chart.places] == ["far", "near"]
    assert "+40.0" in chart.picture


def test_a_signal_that_never_varies_among_honest_groups_is_listed_but_not_drawn() -> None:
    chart = spread_chart([spread("constant", 5.0, 0.0)])
    assert chart.places[0].z is None
    assert chart.picture == ""
