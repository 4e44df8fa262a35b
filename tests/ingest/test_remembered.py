"""Pseudonyms that are remembered are those that would have been made, and no more are made than needed."""

import numpy as np
import pyarrow as pa
import pytest

from spiritsafe.ingest import remembered
from spiritsafe.ingest.remembered import Remembered
from spiritsafe.model.epochs import Epochs
from spiritsafe.model.words import TraitKind
from spiritsafe.privacy.keys import MasterKey
from spiritsafe.privacy.pseudonyms import Pseudonymiser

DAY = 86_400_000_000
EPOCHS = Epochs(length_days=90, overlap_days=45)
MAKER = Pseudonymiser(MasterKey(bytes(32)), EPOCHS)


class Counting:
    """Makes pseudonyms and counts them."""

    def __init__(self) -> None:
        self.made = 0

    def at(self, kind: TraitKind, epoch: int, texts: pa.Array) -> np.ndarray:
        self.made += len(texts)
        return MAKER.at(kind, epoch, texts)


def _pairs(found: tuple[np.ndarray, np.ndarray]) -> list[tuple[int, int]]:
    return sorted(zip(*(part.tolist() for part in found), strict=True))


@pytest.mark.parametrize("kind", [TraitKind.IP, TraitKind.PREFIX, TraitKind.EMAIL])
def test_a_column_has_the_pseudonyms_that_the_pseudonymiser_gives(kind: TraitKind) -> None:
    rng = np.random.default_rng(4)
    texts = [f"192.0.2.{number}" for number in rng.integers(0, 40, 300)] + [None, "", "no address", "::1", "::1%a"]
    us = np.sort(rng.integers(0, 200 * DAY, len(texts)))
    column = pa.chunked_array([pa.array(texts[:100], pa.string()), pa.array(texts[100:], pa.string())])
    memory = Remembered(MAKER, EPOCHS, b"key")
    for _ in range(2):
        assert _pairs(memory.values(kind, column, us)) == _pairs(MAKER.values(kind, column, us))


def test_addresses_and_networks_come_together_and_in_the_order_of_the_pseudonymiser() -> None:
    rng = np.random.default_rng(6)
    texts = pa.array([f"192.0.{number % 3}.{number}" for number in rng.integers(0, 40, 300)] + [None, "", "::1", "no"])
    kinds = (TraitKind.IP, TraitKind.PREFIX)
    memory = Remembered(MAKER, EPOCHS, b"key")
    for last in (40 * DAY, 300 * DAY, 20 * DAY):  # the second has epochs that nobody sees between two that are seen
        us = np.sort(rng.integers(0, last, len(texts)))
        us[-5:] = 20_000 * DAY
        for told, expected in zip(memory.addresses(kinds, texts, us), MAKER.addresses(kinds, texts, us), strict=True):
            assert _pairs(told) == _pairs(expected)
        assert len(memory._memory._tables) <= 20
    assert [part.tolist() for part in memory.addresses(kinds, texts[:0], us[:0])[0]] == [[], []]


def test_nothing_is_made_twice_in_an_epoch() -> None:
    maker = Counting()
    memory = Remembered(maker, EPOCHS, b"key")
    column, us = pa.array(["192.0.2.1", "192.0.2.2", "192.0.2.1"]), np.full(3, 50 * DAY)
    memory.values(TraitKind.IP, column, us)
    memory.values(TraitKind.IP, column, us)
    assert maker.made == 4  # two addresses in each of the two epochs in force


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_MOST", 10)
    monkeypatch.setattr(remembered, "_PSEUDONYMS", 20)
    memory = Remembered(MAKER, EPOCHS, b"key")
    us = np.full(8, 50 * DAY)
    for start in range(0, 80, 3):  # a part of every column is known, and may be forgotten while the rest is learnt
        column = pa.array([f"198.51.100.{number}" for number in range(start, start + 8)])
        assert _pairs(memory.values(TraitKind.IP, column, us)) == _pairs(MAKER.values(TraitKind.IP, column, us))
        assert len(memory._memory.texts) <= 10
        assert sum(table.size for table in memory._memory._tables.values()) <= 20


def test_wrong_clocks_do_not_make_tables() -> None:
    rng = np.random.default_rng(7)
    texts = pa.array([f"192.0.{number // 250}.{number % 250}" for number in range(5_000)] + [None, ""])
    us = 200 * DAY + np.arange(len(texts))
    us[rng.permutation(len(texts))[:60]] = rng.integers(-9_000, 9_000, 60) * DAY
    us[-2:] = 7_000 * DAY
    memory = Remembered(MAKER, EPOCHS, b"key")
    for _ in range(2):
        assert _pairs(memory.values(TraitKind.IP, texts, us)) == _pairs(MAKER.values(TraitKind.IP, texts, us))
    assert len(memory._memory._tables) == 2
