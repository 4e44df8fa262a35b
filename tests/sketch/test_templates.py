from collections.abc import Callable

import numpy as np
import pytest

from spiritsafe.sketch.bodies import EMPTY_BODY
from spiritsafe.sketch.features import body_features
from spiritsafe.sketch.sketches import Sketches
from spiritsafe.sketch.templates import NO_TEMPLATE, Assignment, TemplateIndex
from tests.sketch.sketching import KEY, sketch, words

TEMPLATE = "Solve the following problem carefully. Write down every step of your thinking. End with the answer."


def _assign(sketches: Sketches, index: TemplateIndex | None = None) -> Assignment:
    return (index or TemplateIndex(KEY)).assign(sketches, np.arange(len(sketches)) % 50)


def _bodies(n: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [". ".join(words(rng, 9) for _ in range(3)) for _ in range(n)]


def test_the_first_batch_knows_its_template() -> None:
    free = _bodies(40, 1)
    assigned = _assign(sketch([f"{TEMPLATE}\n{b}" for b in _bodies(60)] + free))
    assert len(set(assigned.template[:60].tolist())) == 1
    assert (assigned.template[:60] != NO_TEMPLATE).all()
    assert (assigned.template[60:] == NO_TEMPLATE).all()


def test_the_body_is_what_the_template_leaves() -> None:
    bodies = _bodies(20)
    with_template = _assign(sketch([f"{TEMPLATE}\n{b}" for b in bodies])).bodies
    alone = _assign(sketch(bodies)).bodies
    assert with_template.hash.tolist() == alone.hash.tolist()
    assert np.array_equal(with_template.projection, alone.projection)
    assert with_template.words.tolist() == [27] * 20


def test_four_requests_are_not_a_template_and_repetition_is_not_a_request() -> None:
    four = [f"{TEMPLATE}\n{b}" for b in _bodies(4)]
    assert (_assign(sketch(four)).template == NO_TEMPLATE).all()
    assert (_assign(sketch(four * 50)).template == NO_TEMPLATE).all()


def test_only_numbers_in_the_slots() -> None:
    asked = [f"What is {i} plus {i + 1}? Answer with a number." for i in range(30)]
    assigned = _assign(sketch([*asked, asked[0]]))
    assert len(set(assigned.template.tolist())) == 1
    assert len(set(assigned.bodies.hash.tolist())) == 30
    assert assigned.bodies.hash[30] == assigned.bodies.hash[0]


def test_an_all_template_prompt_has_the_empty_body() -> None:
    prompts = [f"{TEMPLATE}{' ' if i % 2 else chr(10)}{'!' * i}" for i in range(12)]
    assigned = _assign(sketch([*prompts, *(f"{TEMPLATE}\n{b}" for b in _bodies(20))]))
    assert (assigned.bodies.hash[:12] == EMPTY_BODY).all()
    assert (assigned.bodies.words[:12] == 0).all()
    assert not body_features(assigned.bodies.projection[:12]).any()


def test_a_dealt_pool_is_one_set_of_bodies_under_every_paraphrase() -> None:
    rng = np.random.default_rng(4)
    starts = [words(rng, 8) + "." for _ in range(20)]
    pool = _bodies(50)
    dealt = [(int(rng.integers(20)), b) for b in pool * 12]
    assigned = _assign(sketch([f"{starts[s]} {b}" for s, b in dealt]))
    assert len(set(assigned.template.tolist())) == 20
    assert len(set(assigned.bodies.hash.tolist())) == 50


def test_a_name_inside_the_sentence_does_not_make_another_template() -> None:
    names = ["anna", "boris", "chen", "dora", "emil"]
    asked = [
        f"As the trusted expert {names[i % 5]} please solve the following problem with complete written "
        f"reasoning before the answer.\n{b}"
        for i, b in enumerate(_bodies(100))
    ]
    assert len(set(_assign(sketch(asked)).template.tolist())) == 1


def _slotted(n: int) -> list[str]:
    rng = np.random.default_rng(5)
    return [
        f"In no more than ninety words and without naming any sources explain to a sceptical reader why "
        f"{words(rng, 2)} matters for ordinary people keep the tone friendly and close with one open question"
        for _ in range(n)
    ]


def test_slots_inside_one_sentence_are_found_by_resemblance() -> None:
    assigned = _assign(sketch([*_slotted(60), *_bodies(60)]))
    found, counts = np.unique(assigned.template[:60], return_counts=True)
    assert counts[found != NO_TEMPLATE].max() >= 50
    assert (assigned.template[60:] == NO_TEMPLATE).all()


def test_a_slotted_templates_words_leave_the_body() -> None:
    assigned = _assign(sketch(_slotted(60)))
    features = body_features(assigned.bodies.projection)
    whole = body_features(_assign(sketch(_slotted(4))).bodies.projection)
    within = (features @ features.T)[~np.eye(60, dtype=bool)].mean()
    assert within < (whole @ whole.T)[~np.eye(4, dtype=bool)].mean() - 0.2


def _save_and_load(first: Assignment) -> TemplateIndex:
    index = TemplateIndex(KEY)
    index.load(first.sentences, first.templates)
    return index


def _same(index: TemplateIndex) -> Callable[[Assignment], TemplateIndex]:
    return lambda _: index


@pytest.mark.parametrize("restart", [False, True])
def test_ids_stay_from_batch_to_batch(restart: bool) -> None:
    index = TemplateIndex(KEY)
    make = [*(f"{TEMPLATE}\n{b}" for b in _bodies(80)), *_slotted(40)]
    first = _assign(sketch(make), index)
    follow = (_save_and_load if restart else _same(index))(first)
    again = _assign(sketch([f"{TEMPLATE}\n{_bodies(1, 9)[0]}", _slotted(41)[-1]]), follow)
    assert again.template[0] == first.template[0]
    assert again.template[1] in first.template[80:]


def test_a_rare_template_of_small_batches_is_found() -> None:
    """One request a batch: the sentence waits, is woken, and the fifth request makes the template."""
    index = TemplateIndex(KEY)
    found = [_assign(sketch([f"{TEMPLATE}\n{b}"]), index).template[0] for b in _bodies(9)]
    assert found[0] == NO_TEMPLATE
    assert found[-1] != NO_TEMPLATE


def test_the_order_of_a_batch_does_not_matter() -> None:
    texts = [*(f"{TEMPLATE}\n{b}" for b in _bodies(40)), *_slotted(30), *_bodies(30, 2)]
    order = np.random.default_rng(1).permutation(len(texts))
    straight, shuffled = _assign(sketch(texts)), _assign(sketch([texts[i] for i in order]))
    assert straight.template[order].tolist() == shuffled.template.tolist()
    assert straight.bodies.hash[order].tolist() == shuffled.bodies.hash.tolist()


def test_popular_parents_do_not_swallow_a_campaign() -> None:
    rest = [f"{b}" for b in _bodies(3000, 3)]
    campaign = [f"{TEMPLATE}\n{b}" for b in _bodies(120, 4)]
    assigned = _assign(sketch([*rest, *campaign], system="You are a helpful assistant."))
    assert len(set(assigned.template[:3000].tolist())) == 1
    assert len(set(assigned.template[3000:].tolist())) == 1
    assert assigned.template[0] != assigned.template[-1]


def test_a_stored_sketch_may_claim_any_instance() -> None:
    honest = sketch([f"{TEMPLATE}\n{b}" for b in _bodies(30)])
    forged = Sketches(**{f: getattr(honest, f) for f in Sketches.__slots__} | {"instance": np.zeros(30, np.int64)})
    assert len(_assign(forged).template) == 30


def test_nothing_at_all() -> None:
    assigned = _assign(sketch([None, None]))
    assert assigned.template.tolist() == [NO_TEMPLATE, NO_TEMPLATE]
    assert assigned.templates.num_rows == assigned.sentences.num_rows == 0
    assert len(_assign(sketch([])).template) == 0
