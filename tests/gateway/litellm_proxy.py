"""LiteLLM's proxy as people run it, in a process of its own, with our callback in its configuration."""

import os
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Self
from urllib.request import urlopen

from tests.docs.pages import ROOT

_AUTH = '''
from litellm.proxy._types import UserAPIKeyAuth

async def auth(request, api_key: str) -> UserAPIKeyAuth:
    """Keys without a database: sk-NAME is a key of o-NAME, the part behind a second dash is one of several."""
    if not api_key.startswith("sk-"):
        raise ValueError("no key of ours")
    return UserAPIKeyAuth(api_key=api_key, user_id="o-" + api_key.split("-")[1])
'''
_CONFIG = """
model_list:
  - model_name: "*"
    litellm_params: {{model: "openai/*", api_base: "{model}/v1", api_key: sk-upstream}}
litellm_settings:
  callbacks: spiritsafe.gateway.litellm.enforce
  num_retries: 0
general_settings:
  custom_auth: keys.auth
router_settings: {{disable_cooldowns: true}}
"""


class LiteLlmProxy:
    """A ``litellm`` that listens; a context manager.

    Args:
        place: a folder for its configuration and its log.
        model: the model's URL.
        gateway: the gateway's.
        settings: further ``SPIRITSAFE_LITELLM_...``.

    Attributes:
        url: where it listens.
    """

    def __init__(self, place: Path, model: str, gateway: str, **settings: str) -> None:
        self._place, self._settings = place, {"URL": gateway, **settings}
        place.mkdir(exist_ok=True)
        (place / "keys.py").write_text(_AUTH, "utf-8")
        (place / "config.yaml").write_text(_CONFIG.format(model=model), "utf-8")
        self._log: IO[bytes] | None = None
        self.process: subprocess.Popen[bytes] | None = None
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self._port = one.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._log = (self._place / "litellm.log").open("ab")
        environment = os.environ | {f"SPIRITSAFE_LITELLM_{name}": value for name, value in self._settings.items()}
        environment |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONPATH": str(ROOT / "src")}
        environment |= {"LITELLM_MASTER_KEY": f"sk-{os.urandom(24).hex()}"}
        self.process = subprocess.Popen(
            [command(), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(self._port)],
            cwd=self._place,
            stdout=self._log,
            stderr=self._log,
            env=environment,
        )
        for _ in range(1_800):
            if self._is_ready():
                return self
            if self.process.poll() is not None:
                self._log.close()
                raise AssertionError(self.log())
            time.sleep(0.1)
        raise AssertionError(f"not ready in three minutes: {self.log()}")

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        assert self._log is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()

    def log(self) -> str:
        """Return what it has said."""
        return (self._place / "litellm.log").read_text("utf-8")

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/health/liveliness", timeout=5) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)
        except OSError:
            return False


def command() -> str:
    """Return the command, of the environment that ``LITELLM_PYTHON`` names where it has one of its own."""
    python = os.environ.get("LITELLM_PYTHON", sys.executable)
    return str(Path(python).parent / "litellm")


def missing() -> list[str]:
    """Return which packages of the proxy's are not installed; none where it has an environment of its own."""
    if "LITELLM_PYTHON" in os.environ:
        return []
    return [name for name in _NEEDED if find_spec(name) is None]


_NEEDED = ("litellm", "fastapi", "orjson", "apscheduler", "multipart", "backoff", "semver", "soundfile", "websockets")
