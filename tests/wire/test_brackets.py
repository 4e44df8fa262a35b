"""Values of a long text are counted before they are made."""

import json

import pytest

from spiritsafe.wire import objects
from spiritsafe.wire.brackets import opening
from spiritsafe.wire.events import events
from spiritsafe.wire.objects import crowded, decoded, inner
from spiritsafe.wire.unfit import Unfit


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_LONG", 1_000)
    monkeypatch.setattr(objects, "_CROWD", 100)


@pytest.mark.parametrize("value", [[{}] * 400, [[[]] * 400], {str(n): {} for n in range(400)}])
def test_a_long_record_of_too_many_values_is_refused(value: object) -> None:
    line = json.dumps({"prompt": value}).encode()
    assert len(line) > 1_000
    with pytest.raises(Unfit, match="more than 100 objects and arrays"):
        decoded(line)


@pytest.mark.parametrize("value", ["[" * 2_000, '{"' * 2_000, "\\" * 999 + "[" * 2_000, '"[[' * 999, [1] * 2_000])
def test_what_a_text_says_is_no_value(value: object) -> None:
    record = {"prompt": value, "after": [[]]}
    assert decoded(json.dumps(record).encode()) == record


def test_a_line_is_counted_with_those_before_it() -> None:
    lines = b"{}\n" + json.dumps({"a": [[]] * 400}).encode()
    assert opening(lines) == 403
    assert crowded(lines)
    assert not crowded(b"[" * 999)


def test_json_within_a_text_stays_a_text_where_it_is_too_much() -> None:
    few, many = json.dumps([{}] * 90 + [0] * 999), json.dumps([{}] * 400)
    assert inner(few) == json.loads(few)
    assert inner(many) == many


def test_an_event_of_too_many_values_refuses_its_stream() -> None:
    with pytest.raises(Unfit, match="event 2 is not JSON, or too much of it"):
        events(f"data: {{}}\n\ndata: {json.dumps({'a': [[]] * 400})}\n\n")
