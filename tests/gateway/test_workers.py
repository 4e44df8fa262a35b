"""Several workers on one socket: limits hold across them, one that dies is started anew, all are drained."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.gateway.model_server import ModelServer
from tests.gateway.process import Gateway, eventually
from tests.gateway.stores import server

GRANTED = 40
ALLOWED = 'spiritsafe_decisions_total{route="decide",action="allow"}'
SETTINGS = f"""
[limits]
account_requests = "{GRANTED}/d"
store_url_file = "{{url}}"
store_ms = 5000

[capture]
file_seconds = 1
"""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Gateway]:
    place = tmp_path_factory.mktemp("workers")
    with server() as valkey:
        (place / "url").write_text(f"valkey://127.0.0.1:{valkey.port}")
        (place / "url").chmod(0o600)
        with Gateway(place, model.url, SETTINGS.format(url=place / "url"), "--workers", "2") as gateway:
            eventually(lambda: len(workers_of(gateway)) == 2)
            yield gateway


def workers_of(gateway: Gateway) -> list[int]:
    """Return the process ids of the workers; Python's resource tracker is a child too."""
    assert gateway.process is not None
    children = Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children").read_text("ascii").split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def decided(gateway: Gateway, account: str, times: int) -> Counter[str]:
    """Ask on new connections, from several threads, so that both workers are asked."""

    def ask(_: int) -> str:
        return str(gateway.call("POST", "/v1/decide", {"account_id": account})[1]["action"])

    with ThreadPoolExecutor(8) as pool:
        return Counter(pool.map(ask, range(times)))


def test_limits_hold_across_workers(two: Gateway) -> None:
    assert decided(two, "a", 3 * GRANTED) == {"allow": GRANTED, "rate_limit": 2 * GRANTED}
    eventually(lambda: decided(two, "d", 3) and len({two.metric(ALLOWED) for _ in range(8)}) > 1)  # both decide


def test_what_one_decided_another_settles(two: Gateway) -> None:
    for _ in range(10):
        answer = two.call("POST", "/v1/decide", {"account_id": "b", "input_tokens": 9})[1]
        used = {"decision_id": answer["decision_id"], "account_id": "b", "input_tokens": 9}
        assert two.call("POST", "/v1/settle", used)[0] == 200


def test_a_worker_that_dies_is_started_anew(two: Gateway) -> None:
    dying, other = workers_of(two)
    os.kill(dying, signal.SIGKILL)
    eventually(lambda: len(workers_of(two)) == 2 and dying not in workers_of(two), 60)
    assert other in workers_of(two)
    assert "a worker has died" in two.log()
    eventually(lambda: two.call("GET", "/readyz")[0] == 200)
    assert decided(two, "c", 2 * GRANTED)["allow"] == GRANTED


def test_all_are_drained_and_none_is_left(tmp_path: Path, model: ModelServer) -> None:
    with server() as valkey:
        (tmp_path / "url").write_text(f"valkey://127.0.0.1:{valkey.port}")
        (tmp_path / "url").chmod(0o600)
        with Gateway(tmp_path, model.url, SETTINGS.format(url=tmp_path / "url"), "--workers", "2") as gateway:
            eventually(lambda: len(workers_of(gateway)) == 2)
            eventually(lambda: all(_listens(worker) for worker in workers_of(gateway)), 60)
            workers = workers_of(gateway)
            asked = {"model": "slow", "messages": [], "stream": True}
            with ThreadPoolExecutor(1) as pool:
                headers = {"authorization": "Bearer sk-1"}
                stream = pool.submit(gateway.fetch, "POST", "/v1/chat/completions", asked, headers)
                eventually(lambda: any(body.get("model") == "slow" for _, _, body in model.requests))
                assert gateway.process is not None
                gateway.process.send_signal(signal.SIGTERM)
                time.sleep(0.5)
                for _ in range(20):
                    model.go_on.release()
                status, _, content = stream.result(60)
            assert (status, b"[DONE]" in content) == (200, True)
            assert gateway.stop() == 0
        assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]


def _listens(worker: int) -> bool:
    handles = Path(f"/proc/{worker}/fd").iterdir()
    return any("socket:" in str(handle.readlink()) for handle in handles if handle.is_symlink())


def test_several_workers_without_a_store_are_refused(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "spiritsafe", "gateway", "--workers", "2", "--port", "0", "--store", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "2 workers with limits in each process would grant every limit 2 times" in done.stderr
    assert "valkey://host:6379" in done.stderr
