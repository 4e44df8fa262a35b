"""The shipped classifier: int8 weights in a compressed array beside the code.

Made by ``bench/train_elicitation.py`` from grammars that are part of the project, so that anyone can make
the same file again; no text of a third party went into it.
"""

import io
import zlib
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from spiritsafe.sketch.classify import BUCKETS, CLASSES, Classifier

__all__ = ["WEIGHTS_FILE", "save_weights", "shipped_classifier"]

_NAME = "classifier.bin"
WEIGHTS_FILE = Path(str(files("spiritsafe.sketch"))) / _NAME
"""Where a checkout keeps the weights."""


def save_weights(model: Classifier, path: Path) -> None:
    """Write a classifier: zlib over scale and bias (float32[C] each), then weights (int8[BUCKETS, C])."""
    raw = b"".join([model.scale.astype("<f4").tobytes(), model.bias.astype("<f4").tobytes(), model.weights.tobytes()])
    path.write_bytes(zlib.compress(raw, 9))


@cache
def shipped_classifier() -> Classifier:
    """Return the classifier that came with this version."""
    raw = io.BytesIO(zlib.decompress((files("spiritsafe.sketch") / _NAME).read_bytes()))
    scale, bias = (np.frombuffer(raw.read(4 * CLASSES), "<f4").astype(np.float32) for _ in range(2))
    return Classifier(np.frombuffer(raw.read(), np.int8).reshape(BUCKETS, CLASSES), scale, bias)
