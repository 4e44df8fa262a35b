"""Puts a gateway together: the store's keys, its policy, limits, the way to the model, what is captured.

Here and not in the gateway, because it is one more place that strings rooms together: the keys and the intelligence
about networks are the store's, and the request path must know neither.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

import msgspec

from spiritsafe.gateway.access import Access
from spiritsafe.gateway.app import App, Handler, Part
from spiritsafe.gateway.asgi import App as AsgiApp
from spiritsafe.gateway.authz import Authz
from spiritsafe.gateway.counts import Counts
from spiritsafe.gateway.endpoints import Endpoints
from spiritsafe.gateway.front import Front
from spiritsafe.gateway.gate import Gate
from spiritsafe.gateway.guard import Patience
from spiritsafe.gateway.identity import Identities, Known, Networks
from spiritsafe.gateway.keeping import Keeping
from spiritsafe.gateway.limiting import Limiter
from spiritsafe.gateway.middleware import Spiritsafe
from spiritsafe.gateway.policies import Policies, load_current
from spiritsafe.gateway.proxy.relay import Relay
from spiritsafe.gateway.proxy.upstream import TimeLimits, Upstream
from spiritsafe.gateway.receipts import Receipts
from spiritsafe.gateway.server import Listening
from spiritsafe.gateway.shared import SharedMeters
from spiritsafe.gateway.signup import Signups
from spiritsafe.gateway.store import Store
from spiritsafe.gateway.told import Telling
from spiritsafe.ingest.entities import EntityFile
from spiritsafe.model.epochs import Epochs
from spiritsafe.model.errors import ConfigError
from spiritsafe.model.settings import GatewaySettings, LimitSettings, Marking, Settings, load_settings
from spiritsafe.pipeline.capturing import journal_of
from spiritsafe.pipeline.keyring import master_beside
from spiritsafe.pipeline.policies import policy_folder
from spiritsafe.policy.decide import Plan
from spiritsafe.policy.rates import UNBOUNDED, Bounds, Rate
from spiritsafe.policy.signature import load_trusted_keys
from spiritsafe.policy.versions import Versions
from spiritsafe.privacy.keys import Purpose
from spiritsafe.privacy.pseudonyms import Pseudonymiser
from spiritsafe.privacy.secretfile import read_secret

__all__ = ["STORE_VARIABLE", "gateway_of", "guarded_by", "listening_of", "plan_of", "store_url"]

STORE_VARIABLE = "SPIRITSAFE_LIMITS_STORE"
"""Environment variable with the URL of the store in which nodes share limits, where no file may hold it."""
_MIB = 1 << 20
_LOOPBACK = ("127.0.0.0/8", "::1")


def listening_of(settings: GatewaySettings, *, host: str, port: int) -> Listening:
    """Return where and how a gateway listens."""
    patience = Patience(head_s=settings.head_s, stall_s=settings.stall_s)
    return Listening(host=host, port=port, patience=patience, drain_s=settings.drain_s)


def plan_of(settings: LimitSettings) -> Plan:
    """Return everybody's limits.

    Raises:
        ConfigError: a rate is none.
    """
    told = settings.model_dump()

    def bounds(subject: str) -> Bounds:
        rates = [_rate(f"{subject}_{kind}", told[f"{subject}_{kind}"]) for kind in ("requests", "tokens")]
        return Bounds(*rates) if any(rates) else UNBOUNDED

    return Plan(
        organisation=bounds("organisation"), account=bounds("account"), key=bounds("key"), model=bounds("model")
    )


def store_url(settings: LimitSettings) -> str | None:
    """Return where the store is that nodes and workers share, None where there is none.

    Raises:
        ConfigError: the file that should say so does not.
    """
    return os.environ.get(STORE_VARIABLE) or _secret(settings.store_url_file)


def _limiter(settings: LimitSettings) -> Limiter | None:
    """Return limits in a store, None where each process has its own."""
    url = store_url(settings)
    if url is None:
        return None
    shared = SharedMeters(Store(url, timeout_s=settings.store_ms / 1_000))
    return Limiter(shared, on_store_loss=settings.on_store_loss, local_share=settings.local_share)


def _rate(name: str, text: str) -> Rate | None:
    try:
        return Rate.parse(text) if text else None
    except ConfigError as error:
        raise ConfigError(f"limits.{name}: {error.message}", hint=error.hint) from error


@dataclass(frozen=True)
class _Clock:
    """The time, microseconds since the epoch, UTC, which never goes back while the process lives."""

    offset_us: int

    def __call__(self) -> int:
        return self.offset_us + time.monotonic_ns() // 1_000


class _Ground(NamedTuple):
    """What decides and keeps, whichever way requests come to it."""

    gate: Gate
    identities: Identities
    keeping: Keeping
    policies: Policies
    counts: Counts
    pseudonymiser: Pseudonymiser


def _ground(store: Path, settings: Settings, entities: tuple[EntityFile, ...], clock: Callable[[], int]) -> _Ground:
    told, master = settings.gateway, master_beside(store, settings.privacy)
    counts = Counts()
    trusted = load_trusted_keys(told.policy_keys)
    versions, secret = Versions(policy_folder(store)), master.subkey(Purpose.DELAY)
    table = load_current(versions, secret=secret, trusted=trusted)
    gate = Gate(
        table,
        plan_of(settings.limits),
        draw=os.urandom,
        counts=counts,
        now_us=clock,
        limiter=_limiter(settings.limits),
    )
    keys = Epochs(settings.privacy.epoch_days, settings.privacy.overlap_days)
    pseudonymiser = Pseudonymiser(master, keys)
    identities = Identities(master.subkey(Purpose.API_KEY), _known(told.keys), Networks(told.trusted_peers))
    journal = journal_of(store, settings, entities)
    keeping = Keeping(journal, Receipts(store / "receipts"), settings.capture, counts, clock)
    policies = Policies(gate, versions, secret=secret, trusted=trusted, now_us=clock)
    return _Ground(gate, identities, keeping, policies, counts, pseudonymiser)


def guarded_by(
    app: AsgiApp, store: Path, settings: Settings | None = None, entities: tuple[EntityFile, ...] = ()
) -> Spiritsafe:
    """Return an application that serves a model, with the gateway around it.

    Args:
        app: the application, of any framework that speaks ASGI.
        store: the folder with keys, policy, receipts and captured exchanges.
        settings: all of them; None for those of ``spiritsafe.toml`` and the environment.
        entities: as in :func:`gateway_of`.

    Raises:
        ConfigError, StoreError, InputError: as :func:`gateway_of`.
    """
    settings = settings or load_settings()
    told = settings.gateway
    clock = _Clock(time.time_ns() // 1_000 - time.monotonic_ns() // 1_000)
    ground = _ground(store, settings, entities, clock)
    return Spiritsafe(
        app,
        ground.gate,
        ground.identities,
        appeal=told.appeal,
        most=told.max_body_mib * _MIB,
        body_s=told.body_s,
        taken=ground.keeping.taken,
        stopped=ground.keeping.stopped,
        parts=(ground.gate, ground.keeping, ground.policies),
    )


def gateway_of(
    store: Path,
    settings: Settings,
    upstream: str | None = None,
    entities: tuple[EntityFile, ...] = (),
    clock: Callable[[], int] | None = None,
) -> App:
    """Return a gateway.

    Args:
        store: the folder with keys, policy, receipts and captured exchanges.
        settings: all of them.
        upstream: the model's URL; None for a gateway that only decides.
        entities: what addresses are looked up in before they become pseudonyms, as with a scan's ``--entities``.
        clock: the time, microseconds since the epoch, UTC; None for this machine's.

    Raises:
        ConfigError: a setting is off, or a file that one names.
        StoreError: the store's key is missing or another one, or its policy is damaged.
        InputError: a file of intelligence cannot be read.
    """
    told = settings.gateway
    clock = clock or _Clock(time.time_ns() // 1_000 - time.monotonic_ns() // 1_000)
    ground = _ground(store, settings, entities, clock)
    gate, identities, keeping, policies, counts, pseudonymiser = ground
    endpoints = Endpoints(gate, keeping.noted)
    signups = Signups(lambda: gate.table, pseudonymiser, told.signup_bits, now_us=clock, name=gate.name, counts=counts)
    authz = Authz(
        gate,
        identities,
        peers=Networks((*_LOOPBACK, *told.trusted_peers)),
        appeal=told.appeal,
        most=told.max_body_mib * _MIB,
        noted=keeping.noted,
    )
    plain, marked = _models(told, upstream) if upstream else (None, None)
    relay = (
        Relay(gate, plain, marked, by_key=told.marking is Marking.XARGS, taken=keeping.taken)
        if plain and marked
        else None
    )
    front = Front(
        authz,
        relay,
        gate,
        identities,
        appeal=told.appeal,
        most=told.max_body_mib * _MIB,
        body_s=told.body_s,
        full=keeping.full,
        stopped=keeping.stopped,
    )
    guarded: dict[tuple[str, str], Handler] = {
        ("POST", "/v1/decide"): endpoints.decide,
        ("POST", "/v1/settle"): endpoints.settle,
        ("POST", "/v1/captured"): Telling(keeping.told, gate.name, 2 * told.max_body_mib * _MIB),
        ("POST", "/v1/signup"): signups,
        ("GET", "/admin/policy"): policies.show,
        ("POST", "/admin/policy"): policies.apply,
        ("POST", "/admin/policy/undo"): policies.undo,
    }
    ways = [] if plain is None or marked is None else list({plain, marked})
    parts: tuple[Part, ...] = (gate, keeping, policies, *ways, *_services(authz, gate, told))
    return App(guarded, front, Access(_secret(told.token_file)), counts, parts)


def _services(authz: Authz, gate: Gate, told: GatewaySettings) -> tuple[Part, ...]:
    """Return Envoy's services over gRPC, none where no port is named for them.

    Raises:
        ConfigError: their packages are not installed.
    """
    if not told.grpc_port:
        return ()
    if any(find_spec(name) is None for name in ("grpc", "google.protobuf")):
        raise ConfigError("the packages of gateway.grpc_port are missing", hint="Run: pip install 'spiritsafe[envoy]'")
    from spiritsafe.gateway.envoy.services import Services  # noqa: PLC0415 - loads gRPC, which few need

    most = (told.max_body_mib + 1) * _MIB
    return (Services(authz, gate, host=told.grpc_host, port=told.grpc_port, most=most, drain_s=told.drain_s),)


def _known(path: Path | None) -> dict[str, Known]:
    """Read the operator's map of keys.

    Raises:
        ConfigError: naming the line.
    """
    if path is None:
        return {}
    known: dict[str, Known] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            row = msgspec.json.decode(line, type=_KeyRow)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path}, line {number}: not a key: {error}",
                hint='Write {"key_sha256": "64 hex digits", "account_id": "..."} per line.',
            ) from error
        if row.key_sha256 in known:
            raise ConfigError(f"{path}, line {number}: the key stands there twice", hint="Leave one of them.")
        known[row.key_sha256] = Known(row.account_id, row.organization_id, row.key_id)
    return known


class _KeyRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key_sha256: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    account_id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    organization_id: str | None = None
    key_id: str | None = None


def _secret(path: Path | None) -> str | None:
    """Return the text of a secret file.

    Raises:
        ConfigError: it is missing, empty, or open to others.
    """
    if path is None:
        return None
    content = read_secret(path)
    text = (content or b"").decode("ascii", "replace").strip()
    if not text.isprintable() or not text:
        raise ConfigError(f"{path}: no secret in it", hint="Write one with: openssl rand -hex 32; then chmod 600.")
    return text


def _models(settings: GatewaySettings, base: str) -> tuple[Upstream, Upstream]:
    """Return the way to the model, and that of watermarked calls.

    Raises:
        ConfigError: the latter is not named, or a URL is none.
    """
    limits, key = TimeLimits(settings.connect_s, settings.silence_s), _secret(settings.upstream_key_file)
    plain = Upstream(_url(base, "--upstream"), limits, key)
    if settings.marking is not Marking.POOL:
        return plain, plain
    return plain, Upstream(_url(settings.marked_upstream, "gateway.marked_upstream"), limits, key)


def _url(text: str, name: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"{name}: not the URL of a model's API", hint="Write http://host:port, without /v1.")
    return text
