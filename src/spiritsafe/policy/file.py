"""Policy files written: a header, lines, and perhaps a signature; see docs/policy.md."""

from collections.abc import Iterable
from hashlib import blake2b
from io import BytesIO
from typing import TYPE_CHECKING

import msgspec

from spiritsafe.policy.lines import SCHEMA, Header, Line, Signature
from spiritsafe.policy.reader import PolicyReader
from spiritsafe.policy.signature import public_text, sign

if TYPE_CHECKING:
    from nacl.signing import SigningKey

__all__ = ["encode", "signed"]


def encode(lines: Iterable[Line], *, version: int, created_at: str, key: "SigningKey | None" = None) -> bytes:
    """Return a policy file.

    Args:
        lines: in the order in which they are to stand.
        version: larger than that of the policy before.
        created_at: UTC, as 2026-01-31T12:00:00Z.
        key: signs the file; None leaves it unsigned.
    """
    told = [msgspec.json.encode(line) + b"\n" for line in lines]
    body = b"".join(told)
    digest = blake2b(body, digest_size=32).hexdigest()
    header = Header(schema=SCHEMA, version=version, created_at=created_at, lines=len(told), digest=digest)
    return _sealed(header, body, key)


def signed(content: bytes, key: "SigningKey") -> bytes:
    """Return a policy file under this signature, whether or not it had one.

    Raises:
        InputError: it is no policy, or not whole.
    """
    reader = PolicyReader(BytesIO(content), "", draft=True)
    for _ in reader:
        pass
    lines = content.splitlines(keepends=True)
    return _sealed(reader.header, b"".join(lines[1 : 1 + reader.header.lines]), key)


def _sealed(header: Header, body: bytes, key: "SigningKey | None") -> bytes:
    signer = None if key is None else public_text(key)
    head = msgspec.json.encode(msgspec.structs.replace(header, signer=signer)) + b"\n"
    if key is None:
        return head + body
    return head + body + msgspec.json.encode(Signature(signature=sign(head, key))) + b"\n"
