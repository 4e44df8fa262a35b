"""Groups of accounts from a links table alone, for a provider who has his own links and no logs at hand."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from spiritsafe.detection.links.significance import LinkGroup, linked_groups
from spiritsafe.detection.loading import load
from spiritsafe.detection.population import Population
from spiritsafe.engine.store import Store
from spiritsafe.ingest.entities import Entities
from spiritsafe.ingest.quarantine import Quarantine
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.sides import take_links
from spiritsafe.ingest.sources import source
from spiritsafe.ingest.traits import Traits
from spiritsafe.model.columns import LINKS
from spiritsafe.model.findings import Evidence
from spiritsafe.model.settings import OnError, Settings
from spiritsafe.pipeline.keyring import Keyring
from spiritsafe.pipeline.stored import stored
from spiritsafe.privacy.keys import MasterKey

__all__ = ["Group", "LinkFindings", "link_groups"]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One group; ``score_bits`` is the sum of its evidence."""

    id: str
    score_bits: float
    q_value: float
    accounts: list[str]
    evidence: list[Evidence]


class LinkFindings(msgspec.Struct, frozen=True, kw_only=True):
    """What ``spiritsafe link`` prints."""

    groups: list[Group]


def link_groups(path: Path, settings: Settings, aside: Quarantine) -> LinkFindings:
    """Group the accounts of a links table.

    Args:
        path: the table, in the contract's shape.
        settings: smallest group, false-discovery rate, seed and what becomes of bad rows.
        aside: where rejected rows go if the settings say so.

    Returns:
        Groups at the rate of suspected campaigns or better, strongest first.

    Raises:
        InputError: the table cannot be read.
    """
    key = MasterKey(hashlib.sha256(source(path).digest().encode()).digest())
    keyring = Keyring.of_key(key, settings.privacy)
    with TemporaryDirectory(prefix="spiritsafe-") as scratch, Store.open(Path(scratch)) as store:
        kept = aside if settings.ingest.on_error is OnError.QUARANTINE else None
        reading = Reading(LINKS, settings.ingest.on_error, kept)
        take_links(store, path, reading, Traits(keyring.pseudonyms, keyring.text_key, Entities()))
        with store.snapshot(settings.engine) as snapshot:
            population = load(stored(snapshot, lambda *_: None))
    found = linked_groups(population, _LEAST, settings.detection.seed, settings.detection.max_degree)
    return LinkFindings(
        groups=[_told(population, group) for group in found if group.q_value <= settings.detection.suspect_fdr]
    )


_LEAST = 3
"""Nothing is done to a linked group, so small ones may be shown."""


def _told(population: Population, group: LinkGroup) -> Group:
    ids = [population.accounts.ids[index] for index in group.members.tolist()]
    return Group(
        id="l-" + hashlib.blake2b("\n".join(ids).encode(), digest_size=6).hexdigest(),
        score_bits=group.bits,
        q_value=group.q_value,
        accounts=ids,
        evidence=group.evidence,
    )
