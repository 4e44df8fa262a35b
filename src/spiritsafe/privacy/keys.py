"""The master key, and one subkey per purpose derived from it.

One secret to guard and back up; HKDF makes the subkeys independent, so that a leaked text key says
nothing about pseudonyms. A store remembers a check value of its key: a lost or swapped key would
otherwise quietly give every identifier a new pseudonym and cut every campaign in two.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from spiritsafe.model.errors import ConfigError, StoreError
from spiritsafe.privacy.secretfile import create_secret, read_secret

__all__ = ["KEY_NOTE", "KEY_VARIABLE", "MasterKey", "Purpose", "hkdf_sha256", "load_master_key"]

KEY_VARIABLE = "SPIRITSAFE_KEY"
"""Environment variable that holds the key (hex or base64) where no file may."""
KEY_NOTE = "privacy.key_check"
"""Name of the store's note with :attr:`MasterKey.check_value`."""
_SIZE = 32


class Purpose(StrEnum):
    """What a subkey is for; part of its derivation, so never rename one."""

    PSEUDONYM = "pseudonym"
    TEXT = "text"
    VAULT = "vault"
    CHECK = "check"
    API_KEY = "api_key"
    DELAY = "delay"


def hkdf_sha256(key: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    """Derive ``length`` bytes from ``key`` (RFC 5869, extract then expand, SHA-256).

    Args:
        key: input keying material.
        salt: public; may be empty.
        info: what the derived bytes are for.
        length: at most 8160.
    """
    extracted = hmac.digest(salt or bytes(32), key, "sha256")
    output = block = b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(extracted, block + info + bytes([counter]), "sha256")
        output += block
    return output[:length]


@dataclass(frozen=True, slots=True)
class MasterKey:
    """32 secret bytes that never show in a message or a log.

    Raises:
        ConfigError: if there are not 32.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != _SIZE:
            raise ConfigError(
                f"a master key has {_SIZE} bytes, this one {len(self.secret)}",
                hint="Restore the key from its backup.",
            )

    def subkey(self, purpose: Purpose, *parts: str) -> bytes:
        """Return 32 bytes for ``purpose`` and, within it, for ``parts``."""
        info = "\x1f".join(("spiritsafe", purpose, *parts)).encode()
        return hkdf_sha256(self.secret, salt=b"spiritsafe/1", info=info, length=_SIZE)

    @property
    def check_value(self) -> str:
        """32 hex digits that tell this key from another and reveal nothing about it."""
        return hashlib.sha256(self.subkey(Purpose.CHECK)).hexdigest()[:32]


def load_master_key(
    path: Path,
    *,
    expected: str | None,
    environ: Mapping[str, str],
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> MasterKey:
    """Return the key from the environment or ``path``, which is made on first use.

    Args:
        path: the key file, 32 bytes of mode 0600.
        expected: check value that the store remembers; None if it has been written with no key yet.
        environ: where ``SPIRITSAFE_KEY`` is looked up; it wins over the file.
        random_bytes: source of a new key.

    Raises:
        ConfigError: the key is malformed or its file is open to others.
        StoreError: the store's key is missing or is not this one, or the file cannot be made.
    """
    if text := environ.get(KEY_VARIABLE, ""):
        key = MasterKey(_parse(text))
    elif (content := read_secret(path)) is not None:
        key = MasterKey(content)
    elif expected is not None:
        raise StoreError(
            f"{path}: the key of this store is missing",
            hint=f"Restore it from its backup or set {KEY_VARIABLE}; a new key would cut every campaign in two.",
        )
    else:
        create_secret(path, random_bytes(_SIZE))
        key = MasterKey(read_secret(path) or b"")
    if expected is not None and not hmac.compare_digest(key.check_value, expected):
        raise StoreError(
            "this is not the key that the store was written with",
            hint=f"Restore the right key to {path} or {KEY_VARIABLE}, or use another store.",
        )
    return key


def _parse(text: str) -> bytes:
    text = text.strip()
    try:
        return bytes.fromhex(text) if len(text) == 2 * _SIZE else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ConfigError(
            f"{KEY_VARIABLE}: neither 64 hex digits nor base64", hint="Print a new one with: openssl rand -hex 32"
        ) from error
