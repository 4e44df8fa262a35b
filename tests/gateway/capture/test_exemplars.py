"""A sentence's words are told once enough organisations sent it, never before, and without what is one sender's."""

import json

import pytest

from spiritsafe.gateway.capture import Captured, exemplars
from spiritsafe.gateway.capture.exemplars import Exemplars
from spiritsafe.sketch.excerpt import excerpts, read_exemplars
from spiritsafe.sketch.sketches import sketch_texts
from tests.gateway.capture.exchanges import TEXT_KEY, exchange, veil

FRAME = "Rate the answer below for its reasoning"
SAID = "rate the answer below for its reasoning 0"


def _told(counter: Exemplars, batch: list[Captured]) -> list[dict[int, str]]:
    none = [0] * len(batch)
    texts = ([one.prompt for one in batch], [one.system_prompt for one in batch], [None] * len(batch))
    sketches = sketch_texts(*texts, tool_count=none, image_count=none, message_count=none, key=TEXT_KEY)
    found = counter.told(batch, sketches)
    return [read_exemplars(found.get(row, "")) for row in range(len(batch))]


def _asking(n: int, **changes: object) -> Captured:
    prompt = f"{FRAME} {n}. {['plum', 'pear', 'fig'][n % 3]} is what only some of us say."
    return exchange(n, **{"organization_id": f"o-{n}", "prompt": prompt, "system_prompt": None, **changes})


def test_words_are_told_by_the_fifth_organisation_and_at_every_doubling() -> None:
    told = _told(Exemplars(5, TEXT_KEY), [_asking(n) for n in range(40)])
    assert [row for row, words in enumerate(told, start=1) if SAID in words.values()] == [5, 8, 16, 32]


def test_the_hash_is_the_sentences_own() -> None:
    told = _told(Exemplars(5, TEXT_KEY), [_asking(n) for n in range(5)])[4]
    (sentence,) = told
    assert sentence == excerpts(f"{FRAME} 7", TEXT_KEY)[0][0]


@pytest.mark.parametrize("sender", ["organization_id", "account_id"])
def test_what_four_senders_say_is_never_told_however_often(sender: str) -> None:
    batch = [_asking(n, **{"organization_id": None, sender: f"s-{n % 4}"}) for n in range(100)]
    assert not any(_told(Exemplars(5, TEXT_KEY), batch))


def test_system_prompts_are_told_likewise() -> None:
    batch = [_asking(n, system_prompt="You grade answers. Be strict.") for n in range(5)]
    assert {"you grade answers", "be strict"} <= set(_told(Exemplars(5, TEXT_KEY), batch)[4].values())


def test_the_count_is_bounded_and_keeps_what_several_have_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exemplars, "_MOST", 50)
    counter = Exemplars(5, TEXT_KEY)
    _told(counter, [_asking(n) for n in range(4)])
    for begin in range(100, 1_000, 50):
        _told(counter, [exchange(n, organization_id="o-1", system_prompt=None) for n in range(begin, begin + 50)])
        assert len(counter._sentences) <= 200
    assert SAID in _told(counter, [_asking(4)])[0].values()


def test_a_line_holds_them_and_loading_the_kernels_counts_nobody() -> None:
    maker = veil()
    maker.warm()
    rows = [json.loads(line) for line in maker.lines([_asking(n, prompt="Score from 1 to 5.") for n in range(5)])]
    assert [set(read_exemplars(row.get("exemplars", "")).values()) for row in rows] == [set()] * 4 + [
        {"score from 0 to 0"}
    ]
