"""The first journey: a folder of logs becomes campaigns with evidence.

Strings the stages together and owns nothing else: where keys lie, which side tables are read, what is
written where. Each stage reads what the stage before it stored.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from spiritsafe.__about__ import __version__
from spiritsafe.casework.report import write_report
from spiritsafe.detection.detect import detect
from spiritsafe.detection.loading import load
from spiritsafe.engine.segments import storage_errors
from spiritsafe.engine.store import Store
from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.entities import EntityFile, load_entities
from spiritsafe.ingest.intake import Intake
from spiritsafe.ingest.quarantine import Quarantine
from spiritsafe.ingest.read import Reading
from spiritsafe.ingest.readers import Format
from spiritsafe.ingest.sides import beside, take_accounts, take_links, take_models
from spiritsafe.ingest.sources import Source, find, source
from spiritsafe.ingest.traits import Traits
from spiritsafe.model.columns import ACCOUNTS, ENTITIES, EXCHANGES, LINKS, MODELS, TableSpec
from spiritsafe.model.dossier import ScanResult
from spiritsafe.model.settings import OnError, Settings
from spiritsafe.pipeline.keyring import Keyring
from spiritsafe.pipeline.stored import stored
from spiritsafe.privacy.keys import MasterKey

__all__ = ["ScanRequest", "scan", "write_findings"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ScanRequest:
    """What to scan and where to put what comes out.

    Attributes:
        logs: files, folders or globs of exchanges.
        sides: side tables by name (accounts, models, links); missing ones are looked for beside a folder that
            holds ``exchanges/``.
        entities: files of intelligence; if none is named, one is looked for likewise.
        store: where rollups stay; None for a temporary one.
        out: where findings, report and quarantine go.
        format: the logs' format, None to tell by content.
    """

    logs: list[Path]
    sides: dict[str, Path] = field(default_factory=dict)
    entities: tuple[EntityFile, ...] = ()
    store: Path | None = None
    out: Path = Path("spiritsafe-out")
    format: Format | None = None


def scan(request: ScanRequest, settings: Settings, progress: Progress) -> ScanResult:
    """Read, roll up, judge and write ``findings.json`` and ``report.html``.

    Raises:
        InputError: a log or side table cannot be read; nothing is written to ``out`` then.
        StoreError: the store is damaged, locked or full, or ``out`` cannot be written.
    """
    with TemporaryDirectory(prefix="spiritsafe-") as scratch:
        root = request.store or Path(scratch)
        with Store.open(root) as store:
            quarantined = _ingest(request, settings, store, progress)
            result = _judge(store, settings, quarantined, progress)
    if files := _entity_files(request):
        result = msgspec.structs.replace(result, notes=[*result.notes, _looked_up_in(files)])
    with storage_errors(request.out):
        request.out.mkdir(parents=True, exist_ok=True)
        write_findings(result, request.out / "findings.json")
        write_report(result, request.out / "report.html")
    return result


def write_findings(result: ScanResult, path: Path) -> None:
    """Write the contract's findings, replacing the file in one step."""
    text = msgspec.json.format(msgspec.json.encode(result.findings), indent=2)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(text + b"\n")
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _ingest(request: ScanRequest, settings: Settings, store: Store, progress: Progress) -> int:
    files = find(request.logs)
    sides = _sides(request)
    if request.store is None:
        keyring = Keyring.of_key(_passing_key(files), settings.privacy)
    else:
        keyring = Keyring.of_store(store, settings.privacy)
    limits = Limits(rows=settings.ingest.batch_rows)
    with Quarantine(request.out / "quarantine.jsonl") as quarantine:

        def reading(spec: TableSpec) -> Reading:
            kept = quarantine if settings.ingest.on_error is OnError.QUARANTINE else None
            return Reading(spec, settings.ingest.on_error, kept, limits=limits)

        entities = load_entities(_entity_files(request), reading(ENTITIES))
        traits = Traits(keyring.pseudonyms, keyring.text_key, entities)
        if "accounts" in sides:
            take_accounts(store, sides["accounts"], reading(ACCOUNTS), traits)
        if "models" in sides:
            take_models(store, sides["models"], reading(MODELS))
        if "links" in sides:
            take_links(store, sides["links"], reading(LINKS), traits)
        logs = reading(EXCHANGES)
        logs.format = request.format
        Intake(store, settings.ingest, keyring.text_key, traits).take(files, logs, progress)
    return sum(file.quarantined for file in store.files())


def _sides(request: ScanRequest) -> dict[str, Path]:
    found = dict(request.sides)
    for name in ("accounts", "models", "links"):
        if name not in found and (paths := _beside(request, name)):
            found[name] = paths[0]
    return found


def _entity_files(request: ScanRequest) -> tuple[EntityFile, ...]:
    return request.entities or tuple(EntityFile(path) for path in _beside(request, "entities")[:1])


def _looked_up_in(files: tuple[EntityFile, ...]) -> str:
    """Say what this scan's addresses were looked up in: other files may tag and fill in otherwise."""
    told = (f"{file.path.name} ({source(file.path).digest()[:16]})" for file in files)
    return f"What this scan read was looked up in the provider's intelligence: {', '.join(told)}."


def _beside(request: ScanRequest, name: str) -> list[Path]:
    return [path for folder in request.logs if folder.is_dir() and (path := beside(folder, name))]


def _passing_key(files: list[Source]) -> MasterKey:
    """Return a key for a store that is thrown away, made of the logs themselves."""
    digest = hashlib.blake2b(digest_size=32)
    for file in files:
        digest.update(file.digest().encode())
    return MasterKey(digest.digest())


def _judge(store: Store, settings: Settings, quarantined: int, progress: Progress) -> ScanResult:
    with store.snapshot(settings.engine) as snapshot:
        population = load(stored(snapshot, progress))
    return detect(population, settings, version=__version__, quarantined=quarantined, progress=progress)
