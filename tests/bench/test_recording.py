"""What is listened to in a scan: shortcuts that spare work change nothing, and nothing stays switched on."""

from pathlib import Path

import pytest

from measure.ablation import ABLATIONS, only
from measure.experiments import EXPERIMENTS, miniature
from measure.recording import holding, judge_again, listening, ranks, undrawn
from measure.trial import written
from spiritsafe.detection.groups import corpus, network, rhythm, templates
from spiritsafe.detection.population import Population
from spiritsafe.model.settings import load_settings
from spiritsafe.pipeline import scan as pipeline
from spiritsafe.pipeline.scan import ScanRequest, scan
from spiritsafe.simulation.worlds import Families

SETTINGS = load_settings()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny world."""
    place = tmp_path_factory.mktemp("recording")
    written(miniature(EXPERIMENTS["shared"].trials(1, Families.HOLDOUT, None)[0]), place / "world")
    return place


@pytest.fixture(scope="module")
def population(place: Path) -> Population:
    """What a scan of it looked at."""
    with listening() as heard:
        scan(ScanRequest(logs=[place / "world"], out=place / "heard"), SETTINGS, lambda *_: None)
    return heard.population


def _ranks(population: Population) -> dict[str, list[float]]:
    told = {"all": ranks(judge_again(population, SETTINGS.detection), population.size).tolist()}
    for name, kinds in ABLATIONS.items():
        with only(kinds):
            told[name] = ranks(judge_again(population, SETTINGS.detection), population.size).tolist()
    return told


def test_what_is_held_between_judgements_changes_none_of_them(population: Population) -> None:
    doors = [door.candidates for door in (templates, network, rhythm, corpus)]
    fresh = _ranks(population)
    with holding():
        assert _ranks(population) == fresh
        assert _ranks(population) == fresh
    assert len({tuple(of) for of in fresh.values()}) > 1
    assert [door.candidates for door in (templates, network, rhythm, corpus)] == doors


def test_a_report_is_left_out_and_the_findings_are_the_same(place: Path) -> None:
    drawing = vars(pipeline)["write_report"]
    with undrawn():
        scan(ScanRequest(logs=[place / "world"], out=place / "undrawn"), SETTINGS, lambda *_: None)
    assert vars(pipeline)["write_report"] is drawing
    scan(ScanRequest(logs=[place / "world"], out=place / "drawn"), SETTINGS, lambda *_: None)
    assert [(place / name / "report.html").exists() for name in ("undrawn", "drawn")] == [False, True]
    told = [(place / name / "findings.json").read_bytes() for name in ("undrawn", "drawn")]
    assert told[0] == told[1]
