"""Who wrote a policy: the operator's Ed25519 keys (RFC 8032), signing and checking.

The header's line is signed, and with the digest in it every line of the file; so a signature takes as long for a
million rows as for one, and a file is checked as it is read.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from spiritsafe.model.errors import ConfigError, StoreError
from spiritsafe.privacy.secretfile import create_secret, read_secret

if TYPE_CHECKING:
    from nacl.signing import SigningKey

__all__ = ["generate_signing_key", "load_signing_key", "load_trusted_keys", "public_text", "sign", "verify"]

_HINT = "Make a pair with: spiritsafe policy keygen --out KEY"


def generate_signing_key(path: Path) -> Path:
    """Make a key pair: the secret key at ``path`` (mode 0600), the public one beside it; return the latter's path.

    Raises:
        StoreError: there is a file already or it cannot be written.
    """
    from nacl.signing import SigningKey  # noqa: PLC0415 - a gateway without signatures needs none of it

    key = SigningKey.generate()
    public = path.with_name(f"{path.name}.pub")
    for file, text in ((path, b64encode(bytes(key)).decode()), (public, public_text(key))):
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
        return SigningKey(b64decode((read_secret(path) or b"").strip(), validate=True))
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
        text = path.read_text("ascii").strip()
        if len(b64decode(text, validate=True)) == 32:
            return text
    except (OSError, ValueError):
        pass
    raise ConfigError(f"{path}: no public key of an operator", hint=f"Name the .pub file. {_HINT}")


def public_text(key: "SigningKey") -> str:
    """Return the public half in base64, as headers name it."""
    return b64encode(bytes(key.verify_key)).decode()


def sign(header: bytes, key: "SigningKey") -> str:
    """Return the signature of a header's line, in base64."""
    return b64encode(key.sign(header).signature).decode()


def verify(header: bytes, signature: str, signer: str) -> bool:
    """Return whether the owner of ``signer`` has signed this header's line.

    Args:
        header: the line's bytes, newline included.
        signature: 64 bytes in base64.
        signer: public key, 32 bytes in base64.
    """
    from nacl.exceptions import BadSignatureError  # noqa: PLC0415 - as above
    from nacl.signing import VerifyKey  # noqa: PLC0415

    try:
        VerifyKey(b64decode(signer, validate=True)).verify(header, b64decode(signature, validate=True))
    except (BadSignatureError, ValueError):
        return False
    return True
