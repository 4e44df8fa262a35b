"""What the provider knows of networks, domains and fingerprints: a loader per shape of file, and what answers."""

from spiritsafe.ingest.entities.entities import Entities, Places
from spiritsafe.ingest.entities.load import EntityFile, load_entities

__all__ = ["Entities", "EntityFile", "Places", "load_entities"]
