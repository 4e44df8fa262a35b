"""The vault's key pair: files to make, hand over and read.

Apart from the vault itself, because making and holding the secret key is the investigators' business
and happens on another machine.
"""

from pathlib import Path

from nacl.encoding import Base64Encoder
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey

from spiritsafe.model.errors import ConfigError, StoreError
from spiritsafe.privacy.secretfile import create_secret, read_secret

__all__ = ["generate_vault_keys", "load_public_key", "load_secret_key"]

_PUBLIC_NAME, _SECRET_NAME = "vault.pub", "vault.key"


def generate_vault_keys(folder: Path) -> tuple[Path, Path]:
    """Make a key pair: the public key for the scanning machine, the secret one to be kept elsewhere.

    Returns:
        Paths of the public key and of the secret key (mode 0600).

    Raises:
        StoreError: if there already is a key in ``folder`` or it cannot be written.
    """
    key = PrivateKey.generate()
    secret, public = folder / _SECRET_NAME, folder / _PUBLIC_NAME
    for path, half in ((secret, key.encode(Base64Encoder)), (public, key.public_key.encode(Base64Encoder))):
        if not create_secret(path, half + b"\n"):
            raise StoreError(f"{path}: there already is a key", hint="Move it away or name another folder.")
    return public, secret


def load_public_key(path: Path) -> PublicKey:
    """Read a public vault key.

    Raises:
        ConfigError: if the file is missing or holds no key.
    """
    try:
        return PublicKey(path.read_bytes().strip(), Base64Encoder)
    except (OSError, ValueError, TypeError, CryptoError) as error:
        raise ConfigError(
            f"{path}: no vault key", hint="Make a pair with generate_vault_keys and name its .pub file."
        ) from error


def load_secret_key(path: Path) -> PrivateKey:
    """Read a secret vault key.

    Raises:
        ConfigError: if the file is missing, open to others or holds no key.
    """
    try:
        return PrivateKey((read_secret(path) or b"").strip(), Base64Encoder)
    except (ValueError, TypeError, CryptoError) as error:
        raise ConfigError(f"{path}: no secret vault key", hint="Name the file vault.key.") from error
