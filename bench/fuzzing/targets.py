"""What is fuzzed: bytes in, and either an answer or one of our own errors out; anything else is a bug.

Plain functions of bytes, so that tests run every target over its seeds without the fuzzer. Readers come from
``READERS`` and seeds from their examples: a new format is fuzzed from the day it is registered.
"""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from spiritsafe.cli.evaluate import findings_of
from spiritsafe.ingest.batch import Limits
from spiritsafe.ingest.entities import EntityFile, load_entities
from spiritsafe.ingest.quarantine import Quarantine
from spiritsafe.ingest.read import Reading, read_table
from spiritsafe.ingest.readers import READERS, Format
from spiritsafe.ingest.sources import source
from spiritsafe.model.columns import ACCOUNTS, ENTITIES, EXCHANGES
from spiritsafe.model.errors import InputError, SpiritsafeError
from spiritsafe.model.settings import OnError, load_settings
from spiritsafe.model.words import EntityKind, Step, Subject, TraitKind
from spiritsafe.policy.file import encode as encode_policy
from spiritsafe.policy.lines import Members, Rows, Trait
from spiritsafe.policy.load import load_table
from spiritsafe.simulation.evaluation import evaluate
from spiritsafe.sketch.codec import decode, encode
from spiritsafe.sketch.refine import Thresholds
from spiritsafe.sketch.sketches import Sketches, sketch_texts
from spiritsafe.sketch.templates import TemplateIndex

__all__ = ["Target", "targets"]

LIMITS = Limits(rows=50, batch_bytes=1 << 16, record_bytes=1 << 18, inflation=50, inflation_floor=1 << 20)
_KEY = b"fuzz"
_FINDINGS = (
    b'{"schema":"spiritsafe.findings/1","scanned":{"to":"2026-01-02T00:00:00Z"},'
    b'"campaigns":[{"id":"c","tier":"confirmed","accounts":["a","b"]}],'
    b'"accounts":[{"account_id":"a","tier":"linked"}]}'
)
_ENTITIES = (
    b"kind,value,tag\ncidr,192.0.2.0/24,vpn\ncidr,2001:db8::/32,tor\nasn,64500,hosting\ndomain,example.org,education\n"
)
_NETWORKS = b"# exits\n192.0.2.0/24\n2001:db8::/32 ; ours\n198.51.100.7\n"
_ACCOUNTS = b"account_id,created_at,email,signup_ip,programme\na,2026-01-01,a@example.org,192.0.2.1,none\n"
_SETTINGS = b'[ingest]\non_error = "quarantine"\n\n[detection]\nfdr = 0.005\nmin_group = 10\n'
_LABELS = pa.table({"account_id": ["a", "b"], "cohort": ["c", "c"], "campaign": ["x", None]})
_TEXTS = (
    b"Think it over. Then answer: what is 3 + 4? See https://example.org/a?b=1, or 123e4567-e89b-12d3-a456-42661417400",
    "Überlege: „Warum?“ 思考してください。 คิดดู \u202e\u200b\ufe0f".encode(),
)


@dataclass(frozen=True)
class Target:
    """One thing to fuzz.

    Attributes:
        name: of its folder and its line in the log.
        run: raises only for a bug.
        seeds: returns where mutation begins; called where it is fuzzed, for some take a compiler to make.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], tuple[bytes, ...]]


def targets(scratch: Path) -> dict[str, Target]:
    """Return every target by name.

    Args:
        scratch: a folder for the files that readers are given; in memory, or it is the disk that is fuzzed.
    """
    log, kept = scratch / "input", scratch / "quarantine.jsonl"

    def reading(form: Format | None, pack: Callable[[bytes], bytes] = bytes) -> Callable[[bytes], None]:
        return lambda data: _read(log, kept, pack(data), form)

    examples = tuple(example for reader in READERS.values() for example in reader.examples())
    found = [Target(str(form), reading(form), reader.examples) for form, reader in READERS.items()]
    found += [
        Target("sniffed", reading(None), lambda: (*examples, *(gzip.compress(one, mtime=0) for one in examples))),
        Target("gzip", reading(None, lambda data: gzip.compress(data, 1, mtime=0)), lambda: examples),
        Target("accounts", lambda data: _side(log, data), lambda: (_ACCOUNTS,)),
        Target("entities", lambda data: _entities(log, data), lambda: (_ENTITIES, _NETWORKS)),
        Target("settings", lambda data: _settings(log, data), lambda: (_SETTINGS,)),
        Target("findings", lambda data: _findings(log, data), lambda: (_FINDINGS,)),
        Target("policy", _policy, _policies),
        Target("text", _text, lambda: _TEXTS),
        Target("sketch", _sketch, lambda: tuple(encode(_sketches(_TEXTS), _KEY).to_pylist())),
    ]
    return {target.name: target for target in found}


def _ours(run: Callable[[], object]) -> None:
    """Let our own errors pass, if they can be shown on two lines."""
    try:
        run()
    except SpiritsafeError as error:
        if not error.message or "\0" in error.message or len(error.message) > 10_000:
            raise AssertionError("a message that nobody can read") from error


def _read(log: Path, kept: Path, data: bytes, form: Format | None) -> None:
    log.write_bytes(data)
    kept.unlink(missing_ok=True)
    with Quarantine(kept) as quarantine:
        reading = Reading(EXCHANGES, OnError.QUARANTINE, quarantine, form, LIMITS)

        def whole() -> None:
            rows = 0
            for batch in reading.batches(source(log)):
                batch.table.validate(full=True)
                if not 0 < len(batch.row_numbers) == batch.table.num_rows <= LIMITS.rows:
                    raise AssertionError("a batch that breaks the limits")
                rows += batch.table.num_rows
            if rows != reading.stats.rows:
                raise AssertionError("rows that nobody counted")

        _ours(whole)
    lines = kept.read_bytes().count(b"\n") if kept.exists() else 0
    if lines != reading.stats.quarantined:
        raise AssertionError("records that nobody counted")


def _side(log: Path, data: bytes) -> None:
    log.write_bytes(data)
    _ours(lambda: read_table(log, Reading(ACCOUNTS, OnError.SKIP, limits=LIMITS)).validate(full=True))


def _entities(log: Path, data: bytes) -> None:
    """As a file that says itself what its networks are, and as a list of one kind of them."""
    log.write_bytes(data)
    addresses = pa.chunked_array([["192.0.2.1", "2001:db8::1", "::", "255.255.255.255", "no", None]])
    for tag in (None, "vpn"):

        def looked_up(tag: str | None = tag) -> None:
            entities = load_entities([EntityFile(log, tag)], Reading(ENTITIES, OnError.SKIP, limits=LIMITS))
            rows, tags = entities.tags(EntityKind.DOMAIN, addresses)
            places = entities.places(addresses, pa.nulls(len(addresses), pa.int64()))
            if len(rows) != len(tags) or (places and not len(places.shared) == len(places.country) == len(addresses)):
                raise AssertionError("tags without rows, or rows without an answer")

        _ours(looked_up)


def _settings(log: Path, data: bytes) -> None:
    log.write_bytes(data)
    _ours(lambda: load_settings(log).digest())


def _findings(log: Path, data: bytes) -> None:
    log.write_bytes(data)
    _ours(lambda: evaluate(findings_of(log), _LABELS))


def _policy(data: bytes) -> None:
    """As it is, and as lines under a header that is true of them, as one who knows the format would write it."""
    lines, digest = data.count(b"\n"), blake2b(data, digest_size=32).hexdigest()
    told = f'"version":9,"created_at":"2026-12-01T00:00:00Z","lines":{lines},"digest":"{digest}"'
    header = f'{{"schema":"spiritsafe.policy/1",{told}}}\n'
    for content in (data, header.encode() + data):

        def looked_up(content: bytes = content) -> None:
            table = load_table(content, secret=_KEY, draft=True)
            for ip in (None, "192.0.2.7", "2001:db8::1", "no"):
                standing = table.standing("a", "a", "a", ip, now_us=1_796_400_000_000_000)
                if len(standing.live.rows) != len(set(standing.live.rows)):
                    raise AssertionError("a row that counts twice")

        _ours(looked_up)


def _policies() -> tuple[bytes, ...]:
    """A policy of every line, and its lines alone."""
    said: dict[str, Any] = {"reason": "A reason.", "version": 1, "expires_at": "2026-12-08T00:00:00Z"}
    lines = (
        Rows(subject=Subject.CAMPAIGN, ids=("c",), step=Step.SUSPEND, delay_s=60, case="7", **said),
        Rows(subject=Subject.ACCOUNT, ids=("a", "b"), step=Step.RATE_LIMIT, requests="60/m", tokens="2M/h", **said),
        Rows(subject=Subject.PREFIX, ids=("192.0.2.0/24", "2001:db8::/32"), step=Step.STEP_UP, shadow=True, **said),
        Members(campaign="c", accounts=("a", "b")),
        Trait(kind=TraitKind.PAYMENT, value="0123456789abcdef", campaign="c", weight_bits=7.5),
    )
    whole = encode_policy(lines, version=1, created_at="2026-12-01T00:00:00Z")
    return whole, whole.split(b"\n", 1)[1]


def _sketches(texts: tuple[bytes, ...]) -> Sketches:
    none, zeros = [None] * len(texts), np.zeros(len(texts), np.int64)
    return sketch_texts(list(texts), none, none, tool_count=zeros, image_count=zeros, message_count=zeros, key=_KEY)


def _text(data: bytes) -> None:
    """The first byte cuts the rest into texts, the second says how often they come back."""
    mark, times = data[:1] or b"\0", 1 + (data[1] if len(data) > 1 else 0) % 8
    parts = tuple(data[2:].split(mark)[:20]) * times
    sketches = _sketches(parts)
    index = TemplateIndex(_KEY, Thresholds(instances=2))
    assigned = index.assign(sketches, np.arange(len(parts), dtype=np.int64))
    again = decode(encode(sketches, _KEY), _KEY)
    if not np.array_equal(again.segment_hash, sketches.segment_hash) or len(assigned.template) != len(parts):
        raise AssertionError("a sketch that does not come back")


def _sketch(data: bytes) -> None:
    """As it is, and with the checksum that an attacker who knows the format would put there."""
    for record in (data, data[:-4] + zlib.crc32(data[:-4]).to_bytes(4, "little")):
        try:
            sketches = decode(pa.array([record, None, record], pa.binary()), _KEY)
        except InputError:
            continue
        TemplateIndex(_KEY, Thresholds(instances=2)).assign(sketches, np.arange(3, dtype=np.int64))
