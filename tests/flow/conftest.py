"""One small world for the journeys, and a fixed key so that two stores can be compared."""

from pathlib import Path

import pytest

from spiritsafe.simulation.worlds import WorldSpec, build, parse_campaign, write
from tests.flow.hostile import Shell

KEY = "5e" * 32


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four days with one campaign of thirty accounts among 150 honest ones."""
    folder = tmp_path_factory.mktemp("world")
    spec = WorldSpec(
        accounts=150, days=4, campaigns=(parse_campaign("C3:30:cover=.2"),), seed=7, exchanges_target=2_500
    )
    write(build(spec), folder)
    return folder


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """One master key for every store: findings may then be compared byte by byte."""
    monkeypatch.setenv("SPIRITSAFE_KEY", KEY)


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Commands in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, capsys)
