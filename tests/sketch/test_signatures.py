import numpy as np

from spiritsafe.sketch.signatures import signatures
from spiritsafe.sketch.text import gather
from tests.sketch.sketching import KEY, sketch, words


def test_a_signature_is_the_one_in_the_sketch() -> None:
    rng = np.random.default_rng(0)
    texts = ["", "Straße 12, https://a.example/1", "中文。很好", *(words(rng, n) for n in range(60))]
    whole = sketch(texts)
    keyed, public = signatures(gather(texts), KEY)
    assert np.array_equal(keyed, whole.signature)
    assert np.array_equal(public, whole.public)


def test_what_was_read_before_does_not_matter() -> None:
    """The memory of words is full and its lines are taken anew: every text still has the signature it has alone."""
    rng = np.random.default_rng(1)
    texts = ["".join(chr(97 + c) for c in rng.integers(0, 26, 900)) for _ in range(300)]
    texts = [" ".join(text[i : i + 1 + i % 19] for i in range(0, 900, 9)) for text in texts] * 2
    keyed, _ = signatures(gather(texts), KEY)
    assert np.array_equal(keyed[:300], keyed[300:])
    alone = [signatures(gather([text]), KEY)[0][0] for text in texts[:20]]
    assert np.array_equal(keyed[:20], np.stack(alone))
