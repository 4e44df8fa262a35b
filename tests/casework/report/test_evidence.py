import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.casework.report.evidence import decimals, drawn, steps, waterfall
from spiritsafe.model.findings import Evidence, total_bits
from spiritsafe.model.words import Family
from tests.casework.scans import HOSTILE, strong_evidence, weigh

weights = st.lists(st.integers(-40_000_000, 40_000_000).map(lambda micro: micro / 1_000_000), max_size=25)


def evidence_of(bits: list[float]) -> list[Evidence]:
    return [weigh(f"s{n}", Family.CONTENT, weight, 0.5, "counted") for n, weight in enumerate(bits)]


@given(weights)
def test_the_last_running_total_is_the_score(bits: list[float]) -> None:
    evidence = evidence_of(bits)
    fall = waterfall(evidence)
    assert fall.total == pytest.approx(total_bits(evidence), abs=1e-9)
    assert [step.start for step in fall.steps[1:]] == [step.end for step in fall.steps[:-1]]
    for step in fall.steps:
        assert step.end - step.start == pytest.approx(step.evidence.weight_bits, abs=1e-6)


@given(weights)
def test_shown_weights_add_up_by_hand(bits: list[float]) -> None:
    fall = waterfall(evidence_of(bits))
    shown = [fall.bits(weight) for weight in bits]
    total = sum((Decimal(text.replace("\N{MINUS SIGN}", "-")) for text in shown), Decimal(0))
    assert total == Decimal(fall.bits(fall.total).replace("\N{MINUS SIGN}", "-"))


@given(weights, st.randoms(use_true_random=False))
def test_the_order_of_evidence_does_not_matter(bits: list[float], rng: random.Random) -> None:
    evidence = evidence_of(bits)
    shuffled = rng.sample(evidence, len(evidence))
    assert steps(shuffled) == steps(evidence)


def test_two_decimals_where_they_suffice_and_more_where_not() -> None:
    assert decimals([1.5, 2.25], 3.75) == 2
    assert decimals([0.004, 0.004], 0.008) == 3


def test_the_picture_shows_every_weight_and_the_score() -> None:
    fall = waterfall(strong_evidence())
    picture = drawn(fall)
    assert all(fall.bits(step.evidence.weight_bits) in picture for step in fall.steps)
    assert fall.bits(fall.total) in picture
    assert fall.total == 45.651


def test_no_evidence_no_picture() -> None:
    assert drawn(waterfall([])) == ""


def test_a_hostile_signal_stays_text() -> None:
    picture = drawn(waterfall([weigh(HOSTILE, Family.CORPUS, 1.0, 0.1, "<b>")]))
    assert "<script" not in picture
    assert "<b>" not in picture
