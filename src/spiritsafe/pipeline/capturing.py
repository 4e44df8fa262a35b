"""How a gateway's captured exchanges come to lie beside a store, under the store's own keys.

Here and not in the gateway, which knows neither stores nor the intelligence about networks: what it captures has to be
what a scan of the raw log would have made, so the same keys and the same files answer for both.
"""

from pathlib import Path

from spiritsafe.gateway.capture import Journal, Veil
from spiritsafe.ingest.entities import EntityFile, load_entities
from spiritsafe.ingest.read import Reading
from spiritsafe.model.columns import ENTITIES
from spiritsafe.model.settings import Settings
from spiritsafe.pipeline.keyring import Keyring

__all__ = ["captured_folder", "journal_of"]


def captured_folder(store: Path) -> Path:
    """Return where captured exchanges lie, for ``spiritsafe scan``."""
    return store / "captured"


def journal_of(store: Path, settings: Settings, entities: tuple[EntityFile, ...] = ()) -> Journal:
    """Return the journal of a store; start it, and close it in the end.

    Args:
        store: the folder, which no scan need have written yet.
        settings: of privacy and capture.
        entities: what addresses are looked up in before they become pseudonyms, as with a scan's ``--entities``.

    Raises:
        StoreError: the store's key is missing or another one.
        ConfigError: a key or key file is malformed or open to others.
        InputError: a file of intelligence cannot be read.
    """
    keyring = Keyring.beside(store, settings.privacy)
    known = load_entities(entities, Reading(ENTITIES)) if entities else None
    veil = Veil(keyring.pseudonyms, keyring.text_key, known, settings.ingest.exemplar_organisations)
    return Journal(captured_folder(store), veil, settings.capture)
