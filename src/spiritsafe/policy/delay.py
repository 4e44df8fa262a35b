"""When a delayed row begins to bite: the same on every node, and not to be foretold by whom it is about.

A measure that came at once would tell an attacker which request gave him away. A keyed hash instead of a random
number, because nodes would have to agree on that.
"""

from hashlib import blake2b

from spiritsafe.policy.terms import Row

__all__ = ["bites_from"]

_PERSON = b"spiritsafe.delay"
_BITS = 64


def bites_from(row: Row, secret: bytes) -> int:
    """Return the time from which a row bites: a share of its delay after it came in, microseconds, UTC.

    The share is BLAKE2b (RFC 7693) of subject, id and version as a fraction of 2**64, so uniform; of the version
    in which the row came in, so that later policies do not draw again.

    Args:
        row: whose ids hold no control characters, so that a zero byte ends them.
        secret: at most 64 bytes, shared by the nodes.
    """
    terms = row.terms
    told = f"{terms.subject}\0{row.id}\0{terms.version}".encode()
    share = int.from_bytes(blake2b(told, digest_size=_BITS // 8, key=secret, person=_PERSON).digest(), "big")
    return terms.from_us + (share * (terms.delay_us + 1) >> _BITS)
