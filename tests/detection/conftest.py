"""One town that many tests look at."""

import pytest

from spiritsafe.detection.population import Population
from tests.detection.logs import Log, town


@pytest.fixture(scope="session")
def log() -> Log:
    return town()


@pytest.fixture(scope="session")
def population(log: Log) -> Population:
    return log.population()
