import numpy as np
import pyarrow as pa
import pytest

from spiritsafe.simulation.mixing import stream
from spiritsafe.simulation.prose import Prose, Use, load, scatter
from spiritsafe.simulation.spec import Families


def _words(text: str) -> set[str]:
    return {word for word in text.lower().split() if word.isalpha()}


def _overlap(left: str, right: str) -> float:
    a, b = _words(left), _words(right)
    return len(a & b) / max(1, len(a | b))


def _bodies(families: Families = Families.ALL, count: int = 2_000, focus: np.ndarray | None = None) -> pa.Array:
    prose = Prose(families)
    topics = prose.topics_of(("coding",), Use.LIFE)
    return prose.bodies(stream(3, "bodies"), np.resize(topics, count), focus)


def test_a_pool_of_a_hundred_thousand_hardly_repeats() -> None:
    prose = Prose(Families.TUNE)
    topics = prose.topics_of(("coding", "maths", "agentic", "data"), Use.POOL)
    texts = prose.bodies(stream(1, "pool"), np.resize(topics, 100_000), None)
    assert len(texts.unique()) > 98_000


def test_every_slot_of_every_frame_is_filled() -> None:
    prose = Prose(Families.ALL)
    topics = np.repeat(np.arange(len(prose.topics)), 60)
    for text in prose.bodies(stream(2, "all"), topics, None, 2.0).to_pylist():
        assert "{" not in text
        assert "}" not in text


def test_the_halves_share_no_frame_and_english_topics_are_apart() -> None:
    tune, holdout = Prose(Families.TUNE), Prose(Families.HOLDOUT)
    apart = [{t.name for t in half.topics if t.kind[:5] != "chat_"} for half in (tune, holdout)]
    assert not apart[0] & apart[1]
    assert {t.kind for t in tune.topics} == {t.kind for t in holdout.topics}
    both = [{(kind, frame) for kind, frames in half._frames.items() for frame in frames} for half in (tune, holdout)]
    assert both[0]
    assert not both[0] & both[1]


def test_enough_topics_kinds_and_languages() -> None:
    topics = load("topics.toml")["topic"]
    assert len(topics) >= 40
    assert len({topic["name"] for topic in topics}) == len(topics)
    assert len({topic["kind"] for topic in topics if topic["kind"].startswith("chat_")}) >= 6


def test_an_author_resembles_herself_more_than_a_stranger() -> None:
    prose = Prose(Families.ALL)
    topic = np.full(400, prose.topics_of(("coding",), Use.LIFE)[0])
    texts = prose.bodies(stream(5, "authors"), topic, np.arange(400) % 2).to_pylist()
    mine = np.mean([_overlap(texts[i], texts[i + 2]) for i in range(300)])
    others = np.mean([_overlap(texts[i], texts[i + 1]) for i in range(300)])
    assert mine > others + 0.05


def test_one_stream_one_text() -> None:
    assert _bodies().equals(_bodies())
    assert not _bodies().equals(_bodies(Families.TUNE))


def test_the_number_of_further_sentences_may_be_given_per_row() -> None:
    prose = Prose(Families.ALL)
    topic = np.zeros(50, np.int64)
    short, long = (prose.bodies(stream(1, "n"), topic, None, np.full(50, n)).to_pylist() for n in (0, 4))
    assert sum(map(len, long)) > 2 * sum(map(len, short))


@pytest.mark.parametrize("seed", range(3))
def test_scatter_undoes_a_partition(seed: int) -> None:
    values = pa.array([f"v{n}" for n in range(50)])
    place = np.random.default_rng(seed).integers(0, 4, 50)
    rows = [np.flatnonzero(place == k) for k in range(4)]
    assert scatter([values.take(pa.array(r)) for r in rows], rows).equals(values)
