"""The gateway as people run it: the command, in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Self
from urllib.request import Request, urlopen

from spiritsafe.model.words import Step, Subject
from spiritsafe.policy.file import encode
from spiritsafe.policy.lines import Rows

Json = dict[str, Any]
KEYS = {
    name: f"sk-{name}-0123456789abcdef"
    for name in (
        *("free", "withheld", "marked", "blocked", "limited", "greedy"),
        *("broken", "silent", "left", "uncounted", "unread", "far", "patient"),
    )
}
"""API keys of accounts that the tests' policy says something of, or nothing."""


def answers(name_of: Callable[[str], str]) -> bytes:
    """Return a policy with a row for each of four accounts, called what is done about them.

    Args:
        name_of: returns the id of the account that the tests call so.
    """
    steps = {"withheld": Step.WITHHOLD, "marked": Step.WATERMARK, "blocked": Step.STEP_UP, "limited": Step.RATE_LIMIT}
    rows = [
        Rows(
            subject=Subject.ACCOUNT,
            ids=(name_of(name),),
            step=step,
            requests="2/d" if step is Step.RATE_LIMIT else None,
            reason="a test",
            case="case-7",
            version=1,
            expires_at="2036-01-01T00:00:00Z",
        )
        for name, step in steps.items()
    ]
    return encode(rows, version=1, created_at="2026-01-01T00:00:00Z")


class Gateway:
    """A ``spiritsafe gateway`` that listens; a context manager.

    Args:
        place: a folder for its store, its settings and its log.
        upstream: the model's URL, if there is one.
        settings: lines of TOML.
        options: further ones of the command.

    Attributes:
        store: its store.
        url: where it listens.
    """

    def __init__(self, place: Path, upstream: str | None = None, settings: str = "", *options: str) -> None:
        self.store, self.url = place / "store", ""
        self._place, self._upstream, self._options = place, upstream, options
        (place / "gateway.toml").write_text(settings, "utf-8")
        self._log: IO[bytes] | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        words = [sys.executable, "-m", "spiritsafe", "gateway", "--port", "0", "--store", str(self.store)]
        words += ["--config", str(self._place / "gateway.toml")]
        words += ["--upstream", self._upstream] if self._upstream else []
        words += self._options
        self._log = (self._place / "gateway.log").open("ab")
        self.process = subprocess.Popen(words, stdout=self._log, stderr=self._log, env=os.environ)
        for _ in range(1_200):
            found = re.findall(r"Listening: (http://\S+)", self.log())
            if found and self._is_ready(found[-1]):
                self.url = found[-1]
                return self
            assert self.process.poll() is None, self.log()
            time.sleep(0.05)
        raise AssertionError(f"not ready in a minute: {self.log()}")

    def __exit__(self, *_: object) -> None:
        self.stop()

    def log(self) -> str:
        """Return what it has said."""
        return (self._place / "gateway.log").read_text("utf-8")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and return its exit status."""
        assert self.process is not None
        assert self._log is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(60)
        self._log.close()
        return status

    def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Json]:
        """Return status and JSON of an answer; texts are ``{"text": ...}``."""
        status, _, content = self.fetch(method, path, body, headers)
        try:
            told: Json = json.loads(content)
        except ValueError:
            told = {"text": content.decode()}
        return status, told

    def fetch(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and content of an answer."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data, headers or {}, method=method)  # noqa: S310 - loopback
        request.add_unredirected_header("content-type", "application/json")
        try:
            with urlopen(request, timeout=60) as answer:  # noqa: S310
                return answer.status, dict(answer.headers), answer.read()
        except OSError as error:
            if not hasattr(error, "code"):
                raise
            return error.code, dict(error.headers), error.read()  # type: ignore[attr-defined]

    def metric(self, name: str) -> float:
        """Return a sample of ``/metrics``, 0 where there is none yet."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.call("GET", "/metrics")[1]["text"], re.MULTILINE)
        return float(found[1]) if found else 0.0

    def receipts(self) -> list[Json]:
        """Return the receipts that are on the disk."""
        lines = [
            line for file in sorted((self.store / "receipts").glob("*")) for line in file.read_bytes().splitlines()
        ]
        return [json.loads(line) for line in lines]

    def _is_ready(self, url: str) -> bool:
        try:
            with urlopen(f"{url}/readyz", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except OSError:
            return False


def eventually(check: Any, seconds: float = 30.0) -> None:
    """Return once ``check()`` is true; what happens beside a request has no moment of its own."""
    for _ in range(int(seconds / 0.05)):
        if check():
            return
        time.sleep(0.05)
    raise AssertionError(f"never came: {check}")
