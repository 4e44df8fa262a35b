"""Floods and collisions cost work in proportion to their size: steps are counted, never seconds."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from spiritsafe.sketch import catalogue, clusters
from spiritsafe.sketch.catalogue import COMPARED, Catalogue
from spiritsafe.sketch.clusters import BANDS, ROOTS, ROWS, cluster
from spiritsafe.sketch.minhash import BINS
from spiritsafe.sketch.projection import PROJECTION_DIM
from spiritsafe.sketch.segments import CAP
from tests.sketch.sketching import sketch

Signatures = NDArray[np.uint32]


def _one_bucket(n: int) -> Signatures:
    """Strangers that agree in the first band: every one of them falls into one bucket."""
    signatures = np.random.default_rng(n).integers(0, 2**32 - 2, (n, BINS), dtype=np.uint32)
    signatures[:, :ROWS] = 7
    return signatures


def _every_bucket(n: int) -> Signatures:
    """Strangers that agree in one value of each band of four but not in the band, twins of twins among them."""
    signatures = np.random.default_rng(n).integers(0, 2**32 - 2, (n // 2, BINS), dtype=np.uint32)
    signatures[:, ::ROWS] = 7
    return np.repeat(signatures, 2, axis=0)


def _near_copies(n: int) -> Signatures:
    """Copies that differ in a tenth of their values."""
    rng = np.random.default_rng(n)
    signatures = np.repeat(rng.integers(0, 2**32 - 2, (1, BINS), dtype=np.uint32), n, axis=0)
    changed = rng.random((n, BINS)) < 0.1
    signatures[changed] = rng.integers(0, 2**32 - 2, int(changed.sum()), dtype=np.uint32)
    return signatures


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Callable[[Signatures], int]:
    """Count how many pairs of signatures clustering looks at, by running the kernels' own source uncompiled."""
    alike, count = clusters._alike, [0]

    def counting(signature: Signatures, i: int, j: int) -> bool:
        count[0] += 1
        return bool(alike(signature, i, j))

    for name in ("_root", "_join_bucket", "_join_band"):
        monkeypatch.setattr(clusters, name, getattr(clusters, name).py_func)
    monkeypatch.setattr(clusters, "_alike", counting)

    def compared(signatures: Signatures) -> int:
        count[0] = 0
        cluster(signatures)
        return count[0]

    return compared


@pytest.mark.parametrize("flood", [_one_bucket, _every_bucket, _near_copies])
def test_a_flood_is_compared_in_proportion(
    compared: Callable[[Signatures], int], flood: Callable[[int], Signatures]
) -> None:
    few, many = compared(flood(300)), compared(flood(600))
    assert 0 < few <= 300 * ROOTS * BANDS
    assert many <= 2.2 * few


def test_the_counted_source_is_what_is_compiled(compared: Callable[[Signatures], int]) -> None:
    signatures = _near_copies(200)
    slow = cluster(signatures)
    assert compared(signatures) > 0
    assert len(np.unique(slow)) == 1


def _admit(known: Catalogue, first: int, count: int) -> None:
    rng = np.random.default_rng(first)
    known.admit(
        np.arange(first, first + count, dtype=np.int64) + 1,
        [[n] for n in range(count)],
        rng.normal(0, 100, (count, PROJECTION_DIM)),
        rng.integers(0, 2**32 - 2, (count, BINS), dtype=np.uint32),
        rng.integers(0, 2**16 - 2, (count, 64), dtype=np.uint16),
    )


def test_a_flood_of_templates_copies_the_catalogue_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    moved, roomy = [0], catalogue._roomy

    def counting(rows: NDArray[np.generic], size: int) -> NDArray[np.generic]:
        wider = roomy(rows, size)
        moved[0] += len(rows) if wider is not rows else 0
        return wider

    monkeypatch.setattr(catalogue, "_roomy", counting)
    known = Catalogue()
    for begin in range(0, 6_000, 500):
        _admit(known, begin, 500)
    assert moved[0] <= 4 * 6_000


def test_a_new_template_is_compared_with_the_latest_only(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Catalogue()
    _admit(known, 0, COMPARED + 50)
    seen: list[int] = []
    norm = np.linalg.norm

    def counting(values: NDArray[np.float64], **options: int) -> object:
        if values.ndim == 2:
            seen.append(len(values))
        return norm(values, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(np.linalg, "norm", counting)
    _admit(known, 10_000, 5)
    assert seen == [COMPARED] * 5


@pytest.mark.parametrize(
    "text",
    [
        "ab. " * 100_000,
        "x" * 10_000_000,
        "思考。" * 100_000,
        '"a" ' * 100_000,
        "a\n" * 500_000,
        "\u0301" * 300_000,
        "1." * 500_000,
    ],
    ids=["one-word sentences", "one word", "unspaced", "quotes", "lines", "marks", "numbers"],
)
def test_a_text_of_any_length_keeps_a_bounded_sketch(text: str) -> None:
    assert len(sketch([text]).segment_hash) <= CAP
