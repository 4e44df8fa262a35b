"""Child process of the kill test: forks scans and kills them when their time is up.

Forked from one parent that has everything imported, because a second of work should not be preceded by
five of imports. The parent itself never scans: threads do not survive a fork.
"""

import os
import signal
import sys
import time
from pathlib import Path

import spiritsafe.pipeline.scan  # noqa: F401 - the point of this process
from spiritsafe.cli.main import main


def _say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _child(words: list[str]) -> None:
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os._exit(main(words))


def _wait(pid: int, patience: float) -> int:
    """Return the child's exit code after at most ``patience`` seconds; it is killed only while it is ours to reap."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _serve(world: Path) -> None:
    _say("ready")
    for line in sys.stdin:
        store, out, patience = line.split()
        pid = os.fork()
        if not pid:
            _child(["scan", str(world), "--store", store, "--out", out])
        _say(_wait(pid, float(patience)))


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
