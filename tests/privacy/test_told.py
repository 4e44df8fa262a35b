"""The form in which pseudonyms are told: what is written is read, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.privacy.told import Told, read_told

VALUES = st.integers(-(2**63), 2**63 - 1)
TAGS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), unique=True, max_size=3).map(tuple)


@given(
    st.lists(VALUES, min_size=1, max_size=2).map(tuple),
    st.lists(VALUES, max_size=2).map(tuple),
    TAGS,
)
def test_what_is_written_is_read(single: tuple[int, ...], wide: tuple[int, ...], tags: tuple[str, ...]) -> None:
    told = Told(single, wide, tags)
    assert read_told(str(told)) == told


@given(VALUES)
def test_sixteen_digits_are_a_pseudonym_as_they_always_were(value: int) -> None:
    word = f"{value % 2**64:016x}"
    assert read_told(word) == read_told(word.upper()) == Told((value,))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "192.0.2.1",
        "192.0.2.0/24",
        "2001:db8::/32",
        "user-7",
        "0" * 15,
        "0" * 17,
        f"{'0' * 16}/",
        f"{'0' * 16},",
        f"/{'0' * 16}",
        f"{'0' * 16};",
        f"{'0' * 16} ",
        f"{'0' * 16}\n",
        ",".join(["0" * 16] * 3),
        "\u0660" * 16,
    ],
)
def test_another_form_is_none_of_ours(text: str) -> None:
    assert read_told(text) is None
