"""The keys of one scan: where they come from and what they open.

A store keeps its master key beside itself (or where the settings say) and remembers a check value, so
that a lost key is an error and never a silent new one. A scan without a store needs no secret that
outlives it: its key comes from the logs' own digests, so that the same log gives the same findings.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from spiritsafe.engine.store import MANIFEST, Store
from spiritsafe.ingest.remembered import Remembered
from spiritsafe.model.epochs import Epochs
from spiritsafe.model.settings import PrivacySettings
from spiritsafe.privacy.keys import KEY_NOTE, MasterKey, Purpose, load_master_key
from spiritsafe.privacy.pseudonyms import Pseudonymiser, Pseudonyms
from spiritsafe.privacy.sealing import Sealing
from spiritsafe.privacy.vault import Vault
from spiritsafe.privacy.vaultkeys import load_public_key

__all__ = ["Keyring", "key_path", "master_beside", "vault_folder"]


def key_path(store: Path, settings: PrivacySettings) -> Path:
    """Return where the store's master key lies."""
    return settings.key_file or store / "keys" / "master.key"


def master_beside(root: Path, settings: PrivacySettings) -> MasterKey:
    """Return, or on first use make, the key of a store that a scan may be writing at the same time.

    Raises:
        StoreError: the store's key is missing or another one.
        ConfigError: the key or its file is malformed or open to others.
    """
    known = None
    if (root / MANIFEST).exists():
        with Store.open(root, read_only=True) as store:
            known = store.note(KEY_NOTE)
    return load_master_key(key_path(root, settings), expected=known, environ=os.environ)


def vault_folder(store: Path) -> Path:
    """Return where sealed identifiers lie."""
    return store / "vault"


@dataclass(frozen=True)
class Keyring:
    """What ingest needs of the keys.

    Attributes:
        pseudonyms: turns identifiers into pseudonyms, sealing them where a vault is kept.
        text_key: under which texts are hashed.
    """

    pseudonyms: Pseudonyms
    text_key: bytes

    @classmethod
    def of_store(cls, store: Store, settings: PrivacySettings) -> "Keyring":
        """Open, or on first use make, the store's keys.

        Raises:
            StoreError: the store's key is missing or another one.
            ConfigError: a key or key file is malformed or open to others.
        """
        known = store.note(KEY_NOTE)
        master = load_master_key(key_path(store.root, settings), expected=known, environ=os.environ)
        if known is None:
            with store.batch() as batch:
                batch.note(KEY_NOTE, master.check_value)
                batch.commit()
        return cls.of_key(master, settings)._sealing(store.root, master, settings)

    @classmethod
    def beside(cls, root: Path, settings: PrivacySettings) -> "Keyring":
        """Open, or on first use make, the keys of a store that a scan may be writing at the same time.

        Pseudonyms are made afresh: a gateway sees few at a time, and its memory must not grow with its callers.

        Args:
            root: the store's folder, which no scan need have written yet.
            settings: where the key lies, epochs, vault.

        Raises:
            StoreError: the store's key is missing or another one.
            ConfigError: a key or key file is malformed or open to others.
        """
        master = master_beside(root, settings)
        plain = Pseudonymiser(master, Epochs(settings.epoch_days, settings.overlap_days))
        return cls(plain, master.subkey(Purpose.TEXT))._sealing(root, master, settings)

    @classmethod
    def of_key(cls, master: MasterKey, settings: PrivacySettings) -> "Keyring":
        """Derive everything from a master key."""
        epochs = Epochs(settings.epoch_days, settings.overlap_days)
        text_key = master.subkey(Purpose.TEXT)
        return cls(Remembered(Pseudonymiser(master, epochs), epochs, text_key), text_key)

    def _sealing(self, root: Path, master: MasterKey, settings: PrivacySettings) -> "Keyring":
        """Return these keys, sealing what becomes a pseudonym if a vault is kept."""
        if settings.vault_public_key is None:
            return self
        public = load_public_key(settings.vault_public_key)
        return Keyring(
            Sealing(self.pseudonyms, Vault(vault_folder(root), master), public, settings.vault_days), self.text_key
        )
