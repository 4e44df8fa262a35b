"""Grader shape: a rubric goes in, a bounded score comes out - the model used as a reward model.

Both halves are needed: people ask for ratings in conversation and get essays; a reward-model pipeline
gets a number that a program can read. The response is matched by RE2, whose time is linear in its input.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.sketch.text import as_binary

__all__ = ["bounded_score"]

_EDGE = 240
"""Bytes of a response's beginning and end that are read."""

_NUMBER = r"-?[0-9]{1,3}(\.[0-9]{1,2})?"
_NAMES = (
    "score|rating|grade|verdict|reward|rate|points|overall|preference|winner"
    "|puntuación|calificación|nota|note|bewertung|punktzahl|wertung|оценка|балл|баллы|pontuação|avaliação"
    "|评分|分数|得分|打分|总分|スコア|点数|評価|得点|점수|평점|등급"
)
_PATTERN = (
    rf"(?i)^\W*({_NUMBER}|[abc]|tie|yes|no)\W*$"  # nothing but the verdict
    rf"|({_NAMES})[\W_]{{0,8}}(is|of|ist|est|es|é|是|は|:)?[\W_]{{0,4}}({_NUMBER}|\[*[abc]\]*)(\W|$)"
    rf"|\b{_NUMBER}\s*/\s*(3|4|5|7|10|20|100)\b"
    rf"|\[\[\s*({_NUMBER}|[abc])\s*\]\]"
)


def bounded_score(responses: pa.Array) -> NDArray[np.bool_]:
    """Return bool[N]: True where a response is, or states at one of its ends, a score on a bounded scale.

    >>> bounded_score(pa.array(["Score: 7/10", "[[B]]", "I would rate it highly, because", None])).tolist()
    [True, True, False, False]
    """
    data = as_binary(responses)
    short = pc.less_equal(pc.binary_length(data), 2 * _EDGE)
    head, tail = pc.binary_slice(data, 0, _EDGE), pc.binary_slice(data, -_EDGE)
    ends = pc.if_else(short, data, pc.binary_join_element_wise(head, tail, pa.scalar(b"\n", pa.large_binary())))
    return np.asarray(pc.fill_null(pc.match_substring_regex(ends, _PATTERN), False))
