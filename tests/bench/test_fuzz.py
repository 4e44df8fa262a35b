"""The fuzzer's targets run on their own seeds, and every reader is among them."""

from pathlib import Path

import pytest

from fuzzing.targets import targets
from spiritsafe.ingest.readers import READERS

NAMES = list(targets(Path()))


@pytest.mark.parametrize("name", NAMES)
def test_a_target_takes_its_seeds_and_halves_of_them(tmp_path: Path, name: str) -> None:
    target = targets(tmp_path)[name]
    seeds = target.seeds()
    assert seeds
    for seed in seeds:
        for data in (seed, seed[: len(seed) // 2], seed[len(seed) // 2 :], b""):
            target.run(data)


def test_every_reader_is_fuzzed() -> None:
    assert {str(form) for form in READERS} <= set(NAMES)
