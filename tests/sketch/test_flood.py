"""Floods and collisions cost work in proportion to their size: steps are counted, never seconds."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from spiritsafe.sketch import catalogue, clusters, refine, support
from spiritsafe.sketch.catalogue import COMPARED, Catalogue
from spiritsafe.sketch.clusters import BANDS, ROOTS, ROWS, cluster
from spiritsafe.sketch.minhash import BINS
from spiritsafe.sketch.projection import PROJECTION_DIM
from spiritsafe.sketch.segments import CAP
from spiritsafe.sketch.templates import TemplateIndex
from tests.sketch.sketching import KEY, sketch

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


def _half_of_sixty(n: int) -> list[str]:
    """Thirty of sixty sentences, another half in each text: there are more sets of them than can be counted."""
    rng = np.random.default_rng(1)
    return [_sentences(sorted(rng.permutation(60)[:30].tolist())) for _ in range(n)]


def _first_k(n: int) -> list[str]:
    """The first k of forty sentences: a chain of templates as deep as there are sentences."""
    return [_sentences(range(at % 40 + 1)) for at in range(n)]


def _fives(n: int) -> list[str]:
    """As many templates as there can be: each of ten sentences, in five texts that differ in one word."""
    return [f"{_sentences(range(100 + at // 5 * 10, 110 + at // 5 * 10))} I am {_spelt(at)}." for at in range(n)]


def _sentences(numbers: Iterable[int]) -> str:
    return " ".join(f"Say what {_spelt(number)} is." for number in numbers)


def _spelt(number: int) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], int]:
    """Count what refinement looks up: sets of sentences that are hashed, by the kernel's own source uncompiled."""
    count, set_id = [0], support.set_id

    def counting(total: np.uint64, size: int, key: NDArray[np.uint64]) -> int:
        count[0] += 1
        return int(set_id(total, size, key))

    monkeypatch.setattr(refine, "_refine", getattr(refine._refine, "py_func"))  # noqa: B009 - numba gives it one
    monkeypatch.setattr(refine, "set_id", counting)

    def steps(texts: list[str]) -> int:
        count[0] = 0
        with np.errstate(over="ignore"):  # hashes wrap around
            TemplateIndex(KEY).assign(sketch(texts), np.arange(len(texts), dtype=np.int64))
        return count[0]

    return steps


@pytest.mark.parametrize("flood", [_half_of_sixty, _first_k, _fives])
def test_no_more_sets_of_sentences_are_tried_than_there_are_sentences(
    steps: Callable[[list[str]], int], flood: Callable[[int], list[str]]
) -> None:
    for size in (400, 1_600):
        texts = flood(size)
        assert 0 < steps(texts) <= len(sketch(texts).segment_hash)


def test_the_counts_that_are_kept_follow_the_texts_and_not_their_subsets() -> None:
    index, texts = TemplateIndex(KEY), _half_of_sixty(3_000)
    kept = []
    for at in range(0, 3_000, 1_000):
        index.assign(sketch(texts[at : at + 1_000]), np.arange(1_000, dtype=np.int64))
        kept.append(len(index._support.ids))
    assert 0 < kept[-1] <= 3_000 * 30
    assert kept[-1] <= 3.3 * kept[0]


def test_stored_templates_are_counted_again_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that starts anew hashes each template's smaller sets: at most `CAP` for each of its sentences."""
    hashed, template_ids = [0], support.template_ids

    def counting(*given: NDArray[np.int64]) -> NDArray[np.int64]:
        hashed[0] += len(given[0])
        return template_ids(*given)

    monkeypatch.setattr(support, "template_ids", counting)
    for size in (500, 2_000):
        assigned = TemplateIndex(KEY).assign(sketch(_fives(size)), np.arange(size, dtype=np.int64))
        members = len(assigned.templates["sentences"].combine_chunks().flatten())
        hashed[0] = 0
        TemplateIndex(KEY).load(assigned.sentences, assigned.templates)
        assert 0 < hashed[0] <= members * CAP


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
