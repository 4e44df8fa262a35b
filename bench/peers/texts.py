"""Prompts as points: hashed words, weighed by rarity, reduced to a few dozen dimensions (scikit-learn).

A public stand-in for the sentence embeddings that the papers use; none can be downloaded where this runs.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize

from peers.log import Points

__all__ = ["embed"]

_WORDS = 2**14
_DIMENSIONS = 48
_FITTED_ON = 6_000


def embed(prompts: Sequence[str], seed: int) -> Points:
    """Return unit vectors, float [n, 48] or fewer columns for a tiny log.

    Args:
        prompts: the texts.
        seed: of the sample that the projection is fitted on.
    """
    counts = HashingVectorizer(n_features=_WORDS, alternate_sign=False, norm=None).transform(prompts)
    sample = np.random.default_rng(seed).permutation(len(prompts))[:_FITTED_ON]
    weigh = TfidfTransformer(sublinear_tf=True).fit(counts[sample])
    width = min(_DIMENSIONS, max(len(sample) - 1, 1))
    reduce = TruncatedSVD(width, random_state=seed, n_iter=3).fit(weigh.transform(counts[sample]))
    return np.asarray(normalize(reduce.transform(weigh.transform(counts))), np.float32)
