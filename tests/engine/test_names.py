"""Texts in the order of their bytes, as Arrow has it."""

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spiritsafe.engine.names import text_order

WORDS = (
    st.text(max_size=12) | st.text("a\0é", max_size=20).map("acct-".__add__) | st.text("ab", min_size=8, max_size=30)
)


@settings(deadline=None)
@given(st.lists(WORDS | st.none()), st.integers(1, 7))
@example(["a", "a\0", "a\0\0", ""], 2)
@example(["same"] * 5, 1)
@example([], 1)
def test_the_order_is_arrows(texts: list[str | None], step: int) -> None:
    pieces = [pa.array(texts[at : at + step], pa.string()) for at in range(0, len(texts), step)]
    column = pa.chunked_array(pieces, pa.string())
    assert text_order(column).tolist() == pc.sort_indices(column).to_pylist()
    assert text_order(column.slice(1)).tolist() == pc.sort_indices(column.slice(1)).to_pylist()
