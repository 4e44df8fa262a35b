"""Who wrote a policy: the operator's Ed25519 keys (RFC 8032), signing and checking.

The header's line is signed, and with the digest in it every line of the file; so a signature takes as long for a
million rows as for one, and a file is checked as it is read.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from spiritsafe.model.errors import ConfigError, StoreError
from spiritsafe.privacy.secretfile import create_secret, read_secret

if TYPE_CHECKING:
    from nacl.signing import SigningKey

__all__ = ["generate_signing_key", "load_signing_key", "load_trusted_keys", "public_text", "sign", "verify"]

_KEY_BYTES = 32
_HINT = "Make a pair with: spiritsafe policy keygen --out KEY"


def generate_signing_key(path: Path) -> Path:
    """Make a key pair: the secret key at ``path`` (mode 0600), the public one beside it; return the latter's path.

    Raises:
        StoreError: there is a file already or it cannot be written.
    """
    from nacl.signing import SigningKey  # noqa: PLC0415 - a gateway without signatures needs none of it

    key = SigningKey.generate()
    public = path.with_name(f"{path.name}.pub")
    for file, text in ((path, bytes(key).hex()), (public, public_text(key))):
        if not create_secret(file, f"{text}\n".encode()):
            raise StoreError(f"{file}: there already is a file", hint="Move it away or name another.")
    return public


def load_signing_key(path: Path) -> "SigningKey":
    """Read a secret key.

    Raises:
        ConfigError: the file is missing, open to others or holds no key.
    """
    from nacl.signing import SigningKey  # noqa: PLC0415 - as above

    try:
        return SigningKey(bytes.fromhex((read_secret(path) or b"").decode("ascii")))
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path}: no signing key", hint=_HINT) from error


def load_trusted_keys(paths: Iterable[Path]) -> frozenset[str]:
    """Read public keys of operators, as headers name them.

    Raises:
        ConfigError: a file is missing or holds no key.
    """
    return frozenset(_public(path) for path in paths)


def _public(path: Path) -> str:
    try:
        key = bytes.fromhex(path.read_text("ascii"))
        if len(key) == _KEY_BYTES:
            return key.hex()
    except (OSError, ValueError):
        pass
    raise ConfigError(f"{path}: no public key of an operator", hint=f"Name the .pub file. {_HINT}")


def public_text(key: "SigningKey") -> str:
    """Return the public half in hex, as headers name it."""
    return bytes(key.verify_key).hex()


def sign(header: bytes, key: "SigningKey") -> str:
    """Return the signature of a header's line, in hex."""
    return key.sign(header).signature.hex()


def verify(header: bytes, signature: str, signer: str) -> bool:
    """Return whether the owner of ``signer`` has signed this header's line.

    Args:
        header: the line's bytes, newline included.
        signature: 64 bytes in hex.
        signer: public key, 32 bytes in hex.
    """
    from nacl.exceptions import BadSignatureError  # noqa: PLC0415 - as above
    from nacl.signing import VerifyKey  # noqa: PLC0415

    try:
        VerifyKey(bytes.fromhex(signer)).verify(header, bytes.fromhex(signature))
    except (BadSignatureError, ValueError):
        return False
    return True
