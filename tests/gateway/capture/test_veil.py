"""Lines of captured exchanges: nothing raw in them, and all that a scan of the raw log would have made."""

import base64
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.gateway.capture import Captured
from spiritsafe.ingest.entities import EntityFile, load_entities
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import ENTITIES, EXCHANGES
from spiritsafe.model.epochs import Epochs
from spiritsafe.model.words import TraitKind
from spiritsafe.privacy.pseudonyms import Pseudonymiser
from spiritsafe.privacy.told import read_told
from spiritsafe.sketch.codec import encode
from spiritsafe.sketch.sketches import sketch_texts
from tests.gateway.capture.exchanges import DAY_US, MASTER, START, TEXT_KEY, exchange, veil

CANARIES = {
    "prompt": "Canary-prompt \u00e4\u00f6\u00fc \U0001f426 'quoted' \"twice\" 31337",
    "system_prompt": "Canary-system\tdeploy key 5f4dcc3b5aa765d61d8327deb882cf99",
    "response": "Canary-response <b>\u4f60\u597d</b>",
    "client_ip": "203.0.113.77",
    "end_user_id": "canary.user@example.com",
    "conversation_id": "canary-conversation-42",
}


def spellings(value: str) -> list[bytes]:
    """A text as it is, escaped as JSON, in base64 at each of three places, in UTF-16 and as hexadecimal."""
    raw = value.encode()
    at = [base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4] for shift in range(3)]
    escaped = [json.dumps(value)[1:-1].encode(), json.dumps(value, ensure_ascii=False)[1:-1].encode()]
    return [raw, raw.lower(), *escaped, *at, value.encode("utf-16-le"), raw.hex().encode()]


def parsed(*batch: Captured, **of: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in veil(**of).lines(batch)]


@pytest.mark.parametrize("name", CANARIES)
def test_no_raw_value_is_in_a_line(name: str) -> None:
    (line,) = veil().lines([exchange(**CANARIES)])
    for part in (CANARIES[name], *CANARIES[name].split()):
        if len(part) > 6:
            assert [found for found in spellings(part) if found in line] == []


def test_sketches_are_those_that_a_scan_makes_of_the_texts() -> None:
    batch = [
        exchange(n, tool_count=n % 3, image_count=n % 2, message_count=n % 4, **{("prompt", "response")[n % 2]: None})
        for n in range(20)
    ]
    expected = sketch_texts(
        [one.prompt for one in batch],
        [one.system_prompt for one in batch],
        [one.response for one in batch],
        tool_count=[one.tool_count or 0 for one in batch],
        image_count=[one.image_count or 0 for one in batch],
        message_count=[one.message_count or 0 for one in batch],
        key=TEXT_KEY,
    )
    told = [base64.b64decode(row["sketch"]) for row in parsed(*batch)]
    assert told == encode(expected, TEXT_KEY).to_pylist()
    alone = [parsed(one)[0]["sketch"] for one in batch]
    assert [base64.b64decode(one) for one in alone] == told


def test_without_a_text_there_is_no_sketch() -> None:
    (row,) = parsed(exchange(prompt=None, system_prompt="", response="A short answer."))
    assert "sketch" not in row


def test_identifiers_have_a_pseudonym_in_every_epoch_in_force() -> None:
    epochs = Epochs(10, 5)
    maker = Pseudonymiser(MASTER, epochs)
    batch = [exchange(n, started_at=START + n * DAY_US, end_user_id="user") for n in range(10)]
    for one, row in zip(batch, parsed(*batch, epochs=epochs), strict=True):
        when = np.array([one.started_at])
        told, user = read_told(row["client_ip"]), read_told(row["end_user_id"])
        assert told is not None
        assert user is not None
        for kind, values in ((TraitKind.IP, told.single), (TraitKind.PREFIX, told.wide)):
            assert values == tuple(maker.values(kind, pa.array([one.client_ip]), when)[1].tolist())
        assert user.single == tuple(maker.values(TraitKind.END_USER, pa.array(["user"]), when)[1].tolist())
        assert len(told.single) == len(epochs.active(one.started_at))


def test_what_is_known_of_an_address_is_told(tmp_path: Path) -> None:
    (tmp_path / "exits").write_text("192.0.2.0/24\n198.51.100.7\n")
    (tmp_path / "cloud").write_text("203.0.113.0,203.0.113.255,64500,NL\n")
    files = [EntityFile(tmp_path / "exits", "vpn"), EntityFile(tmp_path / "cloud", "Example Lab, Ltd.")]
    lookup = load_entities(files, Reading(ENTITIES))
    ips = ["192.0.2.1", "198.51.100.7", "203.0.113.5", "8.8.8.8", "no address", None]
    batch = [exchange(n, client_ip=ip) for n, ip in enumerate(ips)]
    batch.append(exchange(9, client_ip="203.0.113.5", asn=7, country="DE"))
    found = parsed(*batch, lookup=lookup)
    told = [read_told(row["client_ip"]) if "client_ip" in row else None for row in found]
    assert [one and (bool(one.wide), one.tags) for one in told] == [
        (True, ("vpn",)),
        (False, ("vpn",)),  # one exit does not speak for its network
        (True, ("Example Lab, Ltd.",)),
        (True, ()),
        None,
        None,
        (True, ("Example Lab, Ltd.",)),
    ]
    assert [(row.get("asn"), row.get("country")) for row in found[2:4]] == [(64500, "NL"), (None, None)]
    assert (found[6]["asn"], found[6]["country"]) == (7, "DE")


def test_conversations_are_told_apart_and_not_named() -> None:
    rows = parsed(*(exchange(n, conversation_id=name) for n, name in enumerate(["a", "b", "a"])))
    assert rows[0]["conversation_id"] == rows[2]["conversation_id"] != rows[1]["conversation_id"]


HOSTILE = {
    "exchange_id": st.sampled_from(["", "\0", "\ud800", "e"]),
    "account_id": st.sampled_from(["", "a\0", "\udfff"]),
    "model": st.text(st.characters(exclude_categories=[]), max_size=5),
    "input_tokens": st.integers(-5, 2**80),
    "message_count": st.integers(-(2**70), 2**70),
    "max_tokens": st.integers(-(2**70), 2**70),
    "asn": st.integers(-1, 2**40),
    "temperature": st.floats(),
    "status": st.integers(-1, 2**70),
    "user_agent": st.text(st.characters(exclude_categories=[]), max_size=5),
    "client_ip": st.text(st.characters(exclude_categories=[]), max_size=5),
    "end_user_id": st.text(st.characters(exclude_categories=[]), max_size=5),
    "conversation_id": st.text(st.characters(exclude_categories=[]), max_size=5),
    "prompt": st.text(st.characters(exclude_categories=[]), max_size=20),
}


@settings(max_examples=60)
@given(st.lists(st.fixed_dictionaries({}, optional=HOSTILE), min_size=1, max_size=4))
def test_whatever_a_stranger_sends_a_scan_takes_every_row(
    tmp_path_factory: pytest.TempPathFactory, changes: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("hostile") / "rows.jsonl"
    path.write_bytes(b"".join(veil().lines([exchange(n, **change) for n, change in enumerate(changes)])))
    taken = [batch.table for batch in Reading(EXCHANGES).batches(source(path))]  # raises if a row is bad
    assert sum(table.num_rows for table in taken) == len(changes)


def test_numbers_are_brought_within_the_contract() -> None:
    odd = {"input_tokens": -1, "output_tokens": 2**40, "temperature": math.nan, "max_tokens": 2**70, "n": -3}
    (row,) = parsed(exchange(**odd))
    assert [row.get(name) for name in odd] == [0, 2**31 - 1, None, 2**63 - 1, 0]
