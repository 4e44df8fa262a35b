"""Child process of the crash test: applies or undoes a policy and is killed at its n-th call of the system.

    python crash_worker.py FOLDER apply|undo VERSION N

Exit status 0 if it came to its end before the n-th call.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spiritsafe.policy.file import encode
from spiritsafe.policy.versions import Versions

CALLS = ("open", "fsync", "replace", "pwrite", "ftruncate", "close", "unlink")
"""What a change of policy asks of the system through Python's ``os``."""


def _counted(call: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    def counted(*words: Any, **options: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*words, **options)

    return counted


def main() -> None:
    folder, action, version, at = sys.argv[1:]
    content = encode([], version=int(version), created_at="2026-12-01T00:00:00Z")
    versions, left = Versions(Path(folder)), [int(at)]
    for name in CALLS:
        setattr(os, name, _counted(getattr(os, name), left))
    if action == "apply":
        versions.apply(content, now_us=0, who="worker", why="test")
    else:
        versions.undo(now_us=0, who="worker", why="test")


if __name__ == "__main__":
    main()
