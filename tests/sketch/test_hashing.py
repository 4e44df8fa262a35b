import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.sketch.hashing import Purpose, derive, hash_pairs, siphash
from tests.sketch import reference


def test_the_reference_gives_the_papers_vector() -> None:
    """SipHash-2-4 of 00..0e under 00..0f, appendix A of the paper."""
    k0, k1 = 0x0706050403020100, 0x0F0E0D0C0B0A0908
    assert reference.siphash(bytes(range(15)), k0, k1, 2, 4) == 0xA129CA6149BE45E5


@given(st.binary(max_size=70), st.binary(max_size=80))
def test_the_kernel_equals_the_reference(data: bytes, key: bytes) -> None:
    k = derive(key, Purpose.WORD)
    expected = reference.siphash(data, int(k[0]), int(k[1]))
    assert int(siphash(np.frombuffer(data, np.uint8), 0, len(data), k)) == expected


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_pairs_hash_as_their_bytes(first: int, second: int) -> None:
    k = derive(b"k", Purpose.BODY)
    data = np.array([first, second], "<i8").tobytes()
    pair = hash_pairs(np.array([first]), np.array([second]), k)
    assert int(pair.view(np.uint64)[0]) == reference.siphash(data, int(k[0]), int(k[1]))


def test_purposes_and_keys_do_not_share_a_hash() -> None:
    keys = {tuple(derive(key, purpose).tolist()) for key in (b"", b"a", b"b" * 100) for purpose in Purpose}
    assert len(keys) == 3 * len(Purpose)
