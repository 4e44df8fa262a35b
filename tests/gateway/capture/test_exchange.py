"""An exchange has the contract's columns, and shows none of them that is private."""

from collections.abc import Callable
from typing import get_type_hints

import pytest
from rich.pretty import pretty_repr

from spiritsafe.gateway.capture import Captured
from spiritsafe.model.columns import EXCHANGES, Kind
from tests.gateway.capture.exchanges import exchange

_TEXTS = {"template_id", "instance_hash", "language", "capability", "elicitation"}
_INSTEAD = {"sketch", "exemplars", "pseudonymised", *_TEXTS}
_TYPES = {Kind.STRING: str, Kind.INT64: int, Kind.DOUBLE: float, Kind.BOOL: bool, Kind.TIMESTAMP: int}


def test_its_fields_are_the_columns_of_the_contract_but_those_that_stand_for_a_text() -> None:
    types = get_type_hints(Captured)
    columns = {column.name: column for column in EXCHANGES.columns if column.name not in _INSTEAD}
    assert set(types) == set(columns)
    for name, column in columns.items():
        kind = _TYPES[column.kind]
        assert types[name] == (kind if column.required else kind | None), name


@pytest.mark.parametrize("shown", [repr, str, pretty_repr, "{}".format, "{!r}".format])
def test_showing_one_shows_no_private_value(shown: Callable[[object], str]) -> None:
    private = {column.name: f"secret {column.name}" for column in EXCHANGES.columns if column.private}
    text = shown(exchange(conversation_id="secret conversation", **private))
    assert "e-1" in text
    assert "secret" not in text


def test_its_size_follows_its_texts() -> None:
    small, large = exchange(prompt=None), exchange(prompt="\u00e4\u4e00" * 1_000_000)
    assert large.size - small.size == pytest.approx(4_000_000, rel=0.01)
