"""Envoy's configuration for a gateway: the packaged ``envoy.yaml`` with places and choices put in.

What it is careful about stands in the file itself, as comments, for whoever runs it will change it. Sources: Envoy's
API reference, v3 (HttpConnectionManager, ExtAuthz, ExternalProcessor, HeaderMutation, TlsInspector), and its page on
edge deployments, https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from spiritsafe.model.errors import ConfigError

__all__ = ["Check", "Place", "Tls", "envoy_config"]

_PORTS = {"http": 80, "https": 443}


class Check(StrEnum):
    """How Envoy asks whether a request may pass."""

    HTTP = "http"
    GRPC = "grpc"


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody listens.

    Attributes:
        host: a name or an address.
        port: of TCP.
        secure: whether TLS is spoken there.
    """

    host: str
    port: int
    secure: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the place that a URL, or ``host:port``, names.

        >>> Place.parse("https://model.internal"), Place.parse("[::1]:8712")
        (Place(host='model.internal', port=443, secure=True), Place(host='::1', port=8712, secure=False))

        Raises:
            ConfigError: it names none.
        """
        try:
            parts = urlsplit(text if "//" in text else f"http://{text}")
            host, port = parts.hostname, _PORTS[parts.scheme] if parts.port is None else parts.port
        except (KeyError, ValueError):
            host, port = None, 0
        if not host or parts.path.strip("/") or parts.query or parts.username:
            raise ConfigError(f"{text!r}: not a place to connect to", hint="Write http://host:port, without /v1.")
        return cls(host, port, parts.scheme == "https")

    @property
    def url(self) -> str:
        """The place as a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of a server's certificate, chain first, and of its key."""

    certificate: Path
    key: Path


def envoy_config(
    *,
    listen: Place,
    model: Place,
    gateway: Place,
    grpc: Place | None = None,
    check: Check = Check.HTTP,
    tls: Tls | None = None,
    fail_open: bool = False,
    hops: int = 0,
    seconds: float = 0.25,
    body_bytes: int = 4 << 20,
) -> str:
    """Return the configuration as YAML.

    Args:
        listen: where clients connect.
        model: where the model's API is.
        gateway: where ``spiritsafe gateway`` listens.
        grpc: where its gRPC services do; None where what was used is told in another way, or not at all.
        check: how Envoy asks.
        tls: the certificate that clients see; None where TLS ends before Envoy, and no JA4 is known.
        fail_open: pass requests on undecided while the gateway is gone.
        hops: proxies of the operator's own between clients and Envoy.
        seconds: that Envoy waits for a decision.
        body_bytes: size of a body beyond which requests are refused.

    Raises:
        ConfigError: asking over gRPC without a place for it.
    """
    if check is Check.GRPC and grpc is None:
        raise ConfigError("no place to ask over gRPC is named", hint="Name it with --grpc.")
    loader = PackageLoader("spiritsafe.gateway.envoy", ".")
    # Values are written as JSON, which is YAML: nothing in a name can end its place. It is no HTML.
    pages = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, finalize=_json)  # noqa: S701
    return (
        pages.get_template("envoy.yaml").render(
            listen=listen,
            model=model,
            gateway=gateway,
            grpc=grpc,
            check=check,
            tls=tls,
            fail_open=fail_open,
            hops=hops,
            seconds=_Bare(f"{seconds:g}"),
            body_bytes=body_bytes,
        )
        + "\n"
    )


class _Bare(str):
    """Text that goes in as it is."""

    __slots__ = ()


def _json(value: object) -> str:
    if isinstance(value, _Bare):
        return value
    return msgspec.json.encode(str(value) if isinstance(value, Path) else value).decode()
