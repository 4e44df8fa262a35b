from dataclasses import fields

import numpy as np
import pytest

from spiritsafe.model.words import Capability, Elicitation
from spiritsafe.sketch.language import language_names
from spiritsafe.sketch.sketches import SEGMENT_SYSTEM, Sketches, sketch_texts
from tests.sketch.sketching import KEY, sketch, words

TEXTS = ["Think step by step. Then answer.", None, "", "中文。很好", "Think step by step. Then answer.", "x" * 90]


def _equal(a: Sketches, b: Sketches) -> bool:
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(Sketches))


def test_an_exchange_does_not_depend_on_its_batch() -> None:
    rng = np.random.default_rng(0)
    texts = [*TEXTS, *(words(rng, 30) for _ in range(3000))]
    whole = sketch(texts, system="Be brief.")
    rows = np.array([0, 3, 5, 2500])
    alone = Sketches.concat([sketch([texts[i]], system="Be brief.") for i in rows])
    assert _equal(whole.take(rows), alone)


def test_system_segments_come_first_and_are_flagged() -> None:
    sketches = sketch(["Do it. Now."], system="You are kind. Be brief.")
    assert sketches.segment_flags.tolist() == [SEGMENT_SYSTEM, SEGMENT_SYSTEM, 0, 0]
    only = sketch([None], system="You are kind. Be brief.")
    assert only.segment_hash.tolist() == sketches.segment_hash[:2].tolist()
    assert (only.signature != sketches.signature).any()


def test_prompt_and_system_prompt_are_not_interchangeable() -> None:
    assert sketch(["a b"], system="c d").instance[0] != sketch(["c d"], system="a b").instance[0]


def test_metadata_beats_words() -> None:
    def capability(tools: int, images: int, messages: int) -> str:
        one = sketch_texts(
            ["Write a poem about the sea."],
            [None],
            [None],
            tool_count=[tools],
            image_count=[images],
            message_count=[messages],
            key=KEY,
        )
        return str(list(Capability)[one.capability[0]])

    assert capability(0, 0, 1) == Capability.WRITING
    assert capability(3, 0, 1) == Capability.TOOL_USE
    assert capability(3, 0, 9) == Capability.AGENTIC
    assert capability(0, 1, 1) == Capability.VISION


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("What is the capital of the country and how do I get there?", "en"),
        ("¿Cuál es la capital de este país y cómo se llega?", "es"),
        ("Quelle est la capitale de ce pays et comment y aller ?", "fr"),
        ("Was ist die Hauptstadt und wie kommt man dorthin?", "de"),
        ("Qual é a capital do país e como se chega até lá?", "pt"),
        ("Какая столица у этой страны и как туда попасть?", "ru"),  # noqa: RUF001
        ("这个国家的首都是什么?", "zh"),
        ("この国の首都はどこですか", "ja"),
        ("이 나라의 수도는 어디입니까", "ko"),
        ("ما هي عاصمة هذا البلد", "ar"),
        ("xqzt 42", "und"),
    ],
)
def test_languages(text: str, code: str) -> None:
    assert language_names(sketch([text]).language) == [code]


def test_a_grader_needs_a_rubric_and_a_bounded_score() -> None:
    rubric = "Rate the response on a scale of 1 to 10 according to the rubric below. Return only the score."
    poem = "Write a poem about the sea."
    found = sketch([rubric, rubric, rubric, poem], responses=["7", "A long essay about style and tone", None, "7"])
    assert found.grader.tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Please reason step by step, and put your final answer within \\boxed{}.", Elicitation.CHAIN_OF_THOUGHT),
        ("请一步一步推理,写出完整的思考过程。", Elicitation.CHAIN_OF_THOUGHT),
        ("Denke Schritt für Schritt und zeige deinen vollständigen Gedankengang.", Elicitation.CHAIN_OF_THOUGHT),
        ("Given the final answer, reconstruct the hidden reasoning that led to it.", Elicitation.TRACE_RECONSTRUCTION),
        ("Rate the response on a scale from 1 to 10 according to the rubric.", Elicitation.RUBRIC_GRADING),
        ("Rewrite the following text in other words, keeping its meaning.", Elicitation.REWRITING),
        ("I want you to act as a pirate and answer in character.", Elicitation.PERSONA),
        ("You are a helpful assistant. What is the capital of Peru?", Elicitation.NONE),
        ("She rated the hotel and walked to the river.", Elicitation.NONE),
    ],
)
def test_elicitation(text: str, kind: Elicitation) -> None:
    assert list(Elicitation)[sketch([text]).elicitation[0]] == kind


def test_one_sentence_in_a_long_document_still_counts() -> None:
    rng = np.random.default_rng(3)
    text = ". ".join(words(rng, 12) for _ in range(60))
    cue = "Think step by step and write down all of your reasoning before the answer."
    assert list(Elicitation)[sketch([f"{text}. {cue}"]).elicitation[0]] == Elicitation.CHAIN_OF_THOUGHT
    assert list(Elicitation)[sketch([text]).elicitation[0]] == Elicitation.NONE
