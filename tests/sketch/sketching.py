"""Short ways to sketch texts in tests."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from spiritsafe.sketch.sketches import Sketches, sketch_texts

KEY = b"a test key"


def sketch(
    prompts: Sequence[str | bytes | None],
    system: str | None = None,
    responses: Sequence[str | None] | None = None,
    key: bytes = KEY,
) -> Sketches:
    n = len(prompts)
    zeros = np.zeros(n, np.int64)
    return sketch_texts(
        prompts,
        [system] * n,
        pa.nulls(n, pa.string()) if responses is None else responses,
        tool_count=zeros,
        image_count=zeros,
        message_count=zeros,
        key=key,
    )


def words(rng: np.random.Generator, n: int, size: int = 4000) -> str:
    """n made-up words of a vocabulary of ``size``."""
    consonants, vowels = "bdfgklmnprstvz", "aeiou"
    picked = rng.integers(0, size, n)
    return " ".join(
        "".join(consonants[w // 5**i % 14] + vowels[w // 7**i % 5] for i in range(4)) for w in picked.tolist()
    )
