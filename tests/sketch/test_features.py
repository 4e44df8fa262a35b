import numpy as np
import pytest
from numpy.typing import NDArray

from spiritsafe.sketch.features import BANDWIDTH, FEATURE_DIM, body_features


def _units(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    raw = rng.normal(size=(n, 64))
    return np.asarray(raw / np.linalg.norm(raw, axis=1, keepdims=True))


def test_every_body_with_words_has_unit_norm() -> None:
    features = body_features(_units(np.random.default_rng(0), 50) * 17)
    assert features.shape == (50, FEATURE_DIM)
    assert np.linalg.norm(features, axis=1) == pytest.approx(1, abs=1e-6)


def test_no_words_no_feature() -> None:
    assert not body_features(np.zeros((2, 64))).any()


@pytest.mark.parametrize("cosine", [0.0, 0.3, 0.7, 0.95])
def test_dot_products_estimate_the_gaussian_kernel(cosine: float) -> None:
    """32 frequencies: a pair's error has standard deviation below .13; 2,000 pairs average it below .05."""
    rng = np.random.default_rng(1)
    a, b = _units(rng, 2000), _units(rng, 2000)
    b -= (a * b).sum(axis=1, keepdims=True) * a
    b = cosine * a + np.sqrt(1 - cosine**2) * b / np.linalg.norm(b, axis=1, keepdims=True)
    expected = np.exp(-(2 - 2 * cosine) / (2 * BANDWIDTH**2))
    assert (body_features(a) * body_features(b)).sum(axis=1).mean() == pytest.approx(expected, abs=0.05)
