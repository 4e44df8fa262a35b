from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.casework.report.chart import inline_svg
from tests.casework.scans import HOSTILE


def spoken(words: list[str]) -> dict[str, object]:
    return {
        "width": 100,
        "height": 100,
        "padding": 10,
        "data": {"values": [{"row": n, "words": text} for n, text in enumerate(words)]},
        "mark": "text",
        "encoding": {
            "y": {"field": "row", "type": "quantitative"},
            "text": {"field": "words"},
            "description": {"field": "words"},
        },
    }


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(st.characters(), min_size=1), min_size=1, max_size=20), st.text(st.characters()))
def test_no_text_stops_the_drawing_or_becomes_markup(words: list[str], label: str) -> None:
    """Control characters and lone surrogates once aborted the process within the drawing library."""
    picture = inline_svg(spoken([f"<b>{text}" for text in words]), label)
    assert "<b>" not in picture
    picture.encode()


def test_a_description_becomes_a_tooltip() -> None:
    picture = inline_svg(spoken([HOSTILE]), "a chart")
    assert "<title>&lt;script&gt;window.owned=1&lt;/script&gt;" in picture
    assert 'aria-label="a chart"' in picture


def test_only_what_a_drawing_needs_is_left() -> None:
    picture = inline_svg(spoken(["x"]), "a chart")
    assert not any(word in picture for word in ("style=", "class=", "font-family", "xmlns", "href", "id="))
