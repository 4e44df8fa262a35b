"""Digests made in bulk are those of the standard library, and addresses those of the operating system."""

import hmac
import socket

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spiritsafe.privacy.bulk import LONGEST, heads, ipv4


@settings(deadline=None)
@given(st.binary(max_size=200), st.lists(st.binary(max_size=LONGEST), min_size=1, max_size=20))
def test_every_head_is_that_of_hmac(key: bytes, messages: list[bytes]) -> None:
    width = max(1, *map(len, messages)) if len(messages) > 1 else max(1, len(messages[0]))
    padded = np.stack([np.frombuffer(message.ljust(width, b"\xff"), np.uint8) for message in messages])
    found = heads(key, padded, np.array([len(message) for message in messages]))
    expected = [int.from_bytes(hmac.digest(key, message, "sha256")[:8], "big") for message in messages]
    assert found.tolist() == expected


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 31, 32, 33])
def test_any_number_of_messages_is_hashed_side_by_side(count: int) -> None:
    """Every length of message, and numbers around those that fill the lanes; what lies beyond a length is ignored."""
    rng = np.random.default_rng(count)
    for length in range(LONGEST + 1):
        messages = rng.integers(0, 256, (count, LONGEST)).astype(np.uint8)
        lengths = (np.arange(count) + length) % (LONGEST + 1)
        found = heads(b"a key", messages, lengths)
        told = [row.tobytes()[:end] for row, end in zip(messages, lengths.tolist(), strict=True)]
        assert found.tolist() == [
            int.from_bytes(hmac.digest(b"a key", message, "sha256")[:8], "big") for message in told
        ]


def test_a_message_beyond_one_block_is_refused() -> None:
    with pytest.raises(ValueError, match="more than one block"):
        heads(b"k", np.zeros((1, LONGEST + 1), np.uint8), np.array([1]))


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text("0123456789. a", max_size=18) | st.ip_addresses(v=4).map(str), max_size=20))
@example(["01.2.3.4", "1.2.3.256", "1.2.3", "1.2.3.4.", ".1.2.3", "1..2.3", "255.255.255.255", "1.2.3.4 "])
def test_addresses_are_what_the_operating_system_takes(texts: list[str]) -> None:
    data = np.frombuffer("".join(texts).encode(), np.uint8)
    bounds = np.cumsum([0, *map(len, texts)])
    assert ipv4(data, bounds).tolist() == [_number(text) for text in texts]


def _number(text: str) -> int:
    try:
        return int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")
    except OSError:
        return -1
