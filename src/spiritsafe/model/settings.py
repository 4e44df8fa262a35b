"""Settings: ``spiritsafe.toml``, overridden by ``SPIRITSAFE_<SECTION>__<KEY>`` in the environment.

An unknown key is an error that names key and line, because a misspelt threshold that silently keeps
its default is how honest customers get hurt. Settings that can change findings are digested, so that
two findings files can be compared.
"""

import hashlib
import os
import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from spiritsafe.model.errors import ConfigError

__all__ = [
    "CaptureSettings",
    "DetectionSettings",
    "EngineSettings",
    "GatewaySettings",
    "IngestSettings",
    "LimitSettings",
    "Marking",
    "OnError",
    "OnFull",
    "OnLoss",
    "PrivacySettings",
    "Settings",
    "load_settings",
]

_PREFIX = "SPIRITSAFE_"
_HINT = "Every key is listed in docs/configuration.md."


class OnError(StrEnum):
    """What to do with an unreadable row."""

    FAIL = "fail"
    QUARANTINE = "quarantine"
    SKIP = "skip"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EngineSettings(_Section):
    """Bounds of the embedded engine."""

    memory_gib: float = Field(2.0, ge=0.1, le=100_000, description="DuckDB memory limit, GiB")
    threads: int = Field(0, ge=0, le=1_024, description="DuckDB threads; 0 = one per core")


class IngestSettings(_Section):
    """How files become rollups."""

    on_error: OnError = Field(OnError.FAIL, description="fail, quarantine or skip unreadable rows")
    batch_rows: int = Field(200_000, ge=1_000, le=10_000_000, description="rows held in memory at a time")
    duplicate_hours: int = Field(48, ge=0, le=100_000, description="a repeated exchange_id counts once in this time")
    template_instances: int = Field(5, ge=2, le=8, description="distinct texts that make a sentence a template")
    exemplar_organisations: int = Field(
        5, ge=2, le=16, description="organisations that must have sent a template before its words are kept"
    )


class PrivacySettings(_Section):
    """Pseudonyms and the vault."""

    key_file: Path | None = Field(None, description="master key; default: keys/master.key in the store")
    epoch_days: int = Field(180, ge=1, le=100_000, description="a pseudonym epoch's length")
    overlap_days: int = Field(60, ge=0, le=100_000, description="days in which two epochs are both in force")
    vault_public_key: Path | None = Field(None, description="seal raw identifiers to it; none = no vault")
    vault_days: int = Field(90, ge=1, le=100_000, description="time to live of a sealed identifier")


class DetectionSettings(_Section):
    """What counts as a group and when it is reported."""

    min_group: int = Field(8, ge=3, le=1_000_000, description="fewest distinct organisations in a group")
    fdr: float = Field(0.01, gt=0, lt=0.5, description="false-discovery rate of confirmed campaigns")
    suspect_fdr: float = Field(0.05, gt=0, lt=0.5, description="false-discovery rate of suspected campaigns")
    max_degree: int = Field(5_000, ge=10, le=10_000_000, description="a trait above this many accounts links no one")
    max_share: float = Field(0.35, gt=0, le=1, description="a template above this share is public")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of decoys and permutations")


class Marking(StrEnum):
    """How a watermarked request reaches an engine that marks."""

    XARGS = "xargs"
    POOL = "pool"


class GatewaySettings(_Section):
    """The request path."""

    trusted_peers: tuple[str, ...] = Field(
        (), description="addresses and networks of proxies whose headers are believed"
    )
    appeal: str = Field("", description="where the sender of a stopped request can object")
    keys: Path | None = Field(None, description="JSON lines: key_sha256, account_id, organization_id, key_id")
    token_file: Path | None = Field(None, description="the operator's token; none = such routes for this machine alone")
    upstream_key_file: Path | None = Field(None, description="key that is sent to the model instead of the client's")
    policy_keys: tuple[Path, ...] = Field((), description="public keys of operators whose suspend rows are taken")
    signup_bits: float = Field(10, ge=1, le=100, description="evidence from which a new account has to be verified")
    marking: Marking = Field(Marking.XARGS, description="mark by the engine's per-request argument, or by another pool")
    marked_upstream: str = Field("", description="URL of the pool that marks, for marking = pool")
    grpc_host: str = Field("127.0.0.1", description="where Envoy's services listen over gRPC")
    grpc_port: int = Field(0, ge=0, le=65_535, description="at which port; 0 = they do not")
    max_body_mib: int = Field(32, ge=1, le=1_024, description="largest request body, MiB")
    head_s: float = Field(10, ge=0.1, le=600, description="seconds for a request's headers")
    body_s: float = Field(60, ge=0.1, le=3_600, description="seconds for its body")
    stall_s: float = Field(60, ge=0.1, le=3_600, description="seconds that an answer may lie unread")
    connect_s: float = Field(5, ge=0.1, le=600, description="seconds for the model to accept a connection")
    silence_s: float = Field(600, ge=0.1, le=86_400, description="seconds that the model may be silent")
    drain_s: int = Field(30, ge=0, le=86_400, description="seconds that calls under way have when the gateway stops")


class OnLoss(StrEnum):
    """What becomes of requests while the store that nodes share is gone."""

    LOCAL = "local"
    CLOSED = "closed"


class LimitSettings(_Section):
    """What everybody may take, as 60/m, 2M/h or 500/10s; empty = no limit. A policy can only tighten it."""

    organisation_requests: str = Field("", description="requests of an organisation")
    organisation_tokens: str = Field("", description="tokens of an organisation, input and output together")
    account_requests: str = Field("", description="requests of an account")
    account_tokens: str = Field("", description="tokens of an account")
    key_requests: str = Field("", description="requests with one API key")
    key_tokens: str = Field("", description="tokens with one API key")
    model_requests: str = Field("", description="requests of an account to one model")
    model_tokens: str = Field("", description="tokens of an account from one model")
    store_url_file: Path | None = Field(None, description="URL of the Valkey or Redis that nodes share")
    store_ms: int = Field(50, ge=1, le=10_000, description="milliseconds that a request waits for it")
    on_store_loss: OnLoss = Field(OnLoss.LOCAL, description="without it: each node by itself, or closed")
    local_share: float = Field(1.0, gt=0, le=1, description="part of each limit that a node grants by itself then")


class OnFull(StrEnum):
    """What to do with a request whose exchange there is no room to keep."""

    SERVE = "serve"
    REFUSE = "refuse"


class CaptureSettings(_Section):
    """How a gateway keeps the exchanges that it saw."""

    on_full: OnFull = Field(OnFull.SERVE, description="serve or refuse a request that cannot be captured")
    batch_rows: int = Field(256, ge=1, le=10_000, description="exchanges written at a time")
    linger_ms: int = Field(100, ge=0, le=10_000, description="how long an exchange waits for others to be written with")
    file_seconds: int = Field(300, ge=1, le=86_400, description="age at which a file is finished and may be scanned")
    file_mib: int = Field(64, ge=1, le=4_096, description="size at which it is, MiB")
    queue_rows: int = Field(20_000, ge=1, le=10_000_000, description="exchanges that may wait for the disk")
    queue_mib: int = Field(64, ge=1, le=65_536, description="memory that they may take, MiB")


class Settings(BaseSettings):
    """All settings; frozen once loaded."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    engine: EngineSettings = EngineSettings()
    ingest: IngestSettings = IngestSettings()
    privacy: PrivacySettings = PrivacySettings()
    detection: DetectionSettings = DetectionSettings()
    gateway: GatewaySettings = GatewaySettings()
    limits: LimitSettings = LimitSettings()
    capture: CaptureSettings = CaptureSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, which arrives as init arguments."""
        return env_settings, init_settings

    def digest(self) -> str:
        """Return 16 hex digits over every setting that can change findings (RFC 7693 BLAKE2b).

        Where keys lie, how much memory DuckDB may take and how a gateway writes do not belong to it.
        """
        told = {
            "ingest": self.ingest.model_dump(mode="json", exclude={"on_error", "batch_rows"}),
            "privacy": self.privacy.model_dump(mode="json", include={"epoch_days", "overlap_days"}),
            "detection": self.detection.model_dump(mode="json"),
        }
        return hashlib.blake2b(msgspec.json.encode(told, order="sorted"), digest_size=8).hexdigest()


def load_settings(path: Path | None = None) -> Settings:
    """Read ``path`` (or ``spiritsafe.toml`` here, if there is one), then the environment.

    Raises:
        ConfigError: the file is missing or not TOML, or a key is unknown, of the wrong type or out of range.
    """
    file = path or Path("spiritsafe.toml")
    if not file.exists() and not file.is_symlink():
        if path is not None:
            raise ConfigError(f"{path}: no such configuration file", hint="Check the --config path.")
        return _validated({}, "", "the environment")
    if not file.is_file():
        raise ConfigError(f"{file}: is not a regular file", hint="Check the --config path.")
    try:
        text = file.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}", hint="Check who may read it.") from error
    except RecursionError as error:
        raise ConfigError(f"{file}: not readable as TOML: nested too deeply", hint=_HINT) from error
    except ValueError as error:  # not TOML, not UTF-8, or a number of more digits than Python reads
        raise ConfigError(f"{file}: not readable as TOML: {error}", hint=_HINT) from error
    return _validated(content, text, str(file))


def _refuse_unknown_sections() -> None:
    """Pydantic reads only variables of sections it knows; a misspelt section must not pass in silence."""
    for name in sorted(os.environ):
        head, nested, _ = name.removeprefix(_PREFIX).partition("__")
        if name.startswith(_PREFIX) and nested and head.lower() not in Settings.model_fields:
            raise ConfigError(f"the environment: {name}: unknown section {head.lower()!r}", hint=_HINT)


def _validated(content: dict[str, Any], text: str, where: str) -> Settings:
    _refuse_unknown_sections()
    try:
        return Settings(**content)
    except ValidationError as error:
        raise ConfigError(_complaint(error, text, where), hint=_HINT) from error


def _complaint(error: ValidationError, text: str, where: str) -> str:
    lines = []
    for item in error.errors(include_input=False, include_url=False):
        key = ".".join(str(part) for part in item["loc"])
        line = _line_of(text, [str(part) for part in item["loc"]])
        place = f"{where}, line {line}" if line else where
        reason = "unknown key" if item["type"] == "extra_forbidden" else item["msg"]
        lines.append(f"{place}: {key}: {reason}")
    return "\n".join(lines)


def _line_of(text: str, location: list[str]) -> int | None:
    """Find the line of a key in TOML text: the key's own line below its section's header."""
    section, key = ".".join(location[:-1]), location[-1]
    current = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
            current = header[1]
            if current == ".".join(location):
                return number
        elif current == section and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
            return number
    return None
