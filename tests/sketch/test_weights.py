from importlib.resources import files
from pathlib import Path

import numpy as np

from spiritsafe.sketch.classify import BUCKETS, CLASSES
from spiritsafe.sketch.weights import WEIGHTS_FILE, save_weights, shipped_classifier


def test_the_shipped_weights_are_small_and_whole() -> None:
    model = shipped_classifier()
    assert model.weights.shape == (BUCKETS, CLASSES)
    assert np.isfinite(model.bias).all()
    assert (model.scale > 0).all()
    assert len((files("spiritsafe.sketch") / "classifier.bin").read_bytes()) < 300_000


def test_writing_the_shipped_weights_again_gives_the_same_file(tmp_path: Path) -> None:
    save_weights(shipped_classifier(), tmp_path / "again.bin")
    assert (tmp_path / "again.bin").read_bytes() == WEIGHTS_FILE.read_bytes()
