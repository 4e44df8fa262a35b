from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.casework.plain import plain, plain_result, shorten
from tests.casework.scans import HOSTILE, big_scan, empty_scan


@given(st.text(st.characters()))
def test_what_is_left_can_be_shown_and_encoded(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable()
    shown.encode()


@given(st.text())
def test_plain_twice_is_plain_once(text: str) -> None:
    assert plain(plain(text)) == plain(text)


def test_direction_escape_and_surrogate_become_visible() -> None:
    shown = plain(HOSTILE)
    assert "⟨U+202E⟩" in shown
    assert "⟨U+001B⟩" in shown
    assert "⟨U+D800⟩" in shown


@given(st.text(min_size=1), st.integers(3, 30))
def test_shorten_keeps_the_limit_and_both_ends(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short == text or (len(short) == limit and short[0] == text[0] and short[-1] == text[-1])


def test_a_result_without_odd_characters_is_unchanged() -> None:
    assert plain_result(empty_scan()) == empty_scan()


def test_numbers_and_order_of_a_result_stay() -> None:
    before, after = big_scan(), plain_result(big_scan())
    assert [c.score_bits for c in after.findings.campaigns] == [c.score_bits for c in before.findings.campaigns]
    assert after.findings.campaigns[1].accounts[0] == plain(HOSTILE)
    assert after.dossiers[0] == before.dossiers[0]
