import re
from itertools import product

import numpy as np
import pyarrow as pa
import pytest

from spiritsafe.simulation.mixing import stream
from spiritsafe.simulation.prose import load
from spiritsafe.simulation.spec import Families
from spiritsafe.simulation.templates import KINDS, Family, draw_family

BODY = "What is the tide at noon?"


def _sentences(families: Families, kind: str, draws: int = 60) -> set[str]:
    """Alternatives of a half, as they stand before any word is chosen."""
    rng = stream(1, kind, str(families))
    table = load("templates.toml")[kind]["roles"]
    drawn = [draw_family(rng, kind, families) for _ in range(draws)]
    return {table[role][choice] for family in drawn for role, choice in enumerate(family.roles)}


def _texts(family: Family, wording: list[int]) -> list[str]:
    prompt, system = family.dress(pa.array([BODY] * len(wording)), np.array(wording))
    return [f"{s or ''}|{p}" for p, s in zip(prompt.to_pylist(), system.to_pylist(), strict=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_halves_share_no_sentence(kind: str) -> None:
    tune, holdout = (_sentences(half, kind) for half in (Families.TUNE, Families.HOLDOUT))
    assert tune
    assert holdout
    assert not tune & holdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_is_dressed_whole_and_no_mark_is_left(kind: str) -> None:
    family = draw_family(stream(2, kind), kind, Families.ALL)
    for text in _texts(family, [0, 1, 2, 3]):
        assert BODY in text
        assert "{body}" not in text
        assert not re.search(r"\[[^\[\]]*\|[^\[\]]*\]", text)
        assert len(text) > len(BODY) + 20


def test_wording_nought_is_one_text_and_fresh_numbers_are_many() -> None:
    family = draw_family(stream(3, "x"), "chain_of_thought", Families.TUNE)
    assert len(set(_texts(family, [0] * 50))) == 1
    assert len(set(_texts(family, list(range(1, 401))))) > 390


def test_a_paraphrase_stays_within_its_half() -> None:
    family = draw_family(stream(4, "x"), "rubric_grading", Families.TUNE)
    other = load("templates.toml")["rubric_grading"]["roles"]
    foreign = [re.split(r"\[[^\[\]]*\]", text) for role in other for text in role[3:]]
    literals = {max(parts, key=len).strip() for parts in foreign}
    long = [literal for literal in literals if len(literal) > 15]
    assert long
    for text, literal in product(_texts(family, list(range(300))), long):
        assert literal not in text


def test_a_template_may_sit_in_the_system_prompt_or_around_the_body() -> None:
    rng = stream(5, "x")
    layouts = {draw_family(rng, "chain_of_thought", Families.ALL).layout for _ in range(60)}
    assert "SSSS" in layouts
    assert "AAAA" in layouts
    family = draw_family(rng, "ide", Families.ALL)
    prompt, system = family.dress(pa.array([BODY]), np.zeros(1, np.int64))
    assert system.null_count == 0
    assert BODY in prompt[0].as_py()
