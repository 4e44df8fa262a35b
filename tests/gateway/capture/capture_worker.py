"""Writes captured exchanges in children that are killed; kernels are loaded once.

    python capture_worker.py

For every line ``FOLDER FIRST PATIENCE`` on stdin a child offers exchanges from number FIRST on, and notes in
``FOLDER/../acknowledged`` those that it was told are on the disk, until it is killed after PATIENCE seconds; 0 lets it
write 100 and end. One line on stdout when it is gone. Several at a time: ``FOLDER FIRST 0 FOLDER FIRST 0 ...``.
"""

import os
import signal
import sys
import time
from collections import deque
from pathlib import Path

from spiritsafe.gateway.capture import Fate, Journal
from spiritsafe.model.settings import CaptureSettings
from tests.gateway.capture.exchanges import exchange, veil

_LEFT = 100
_AHEAD = 40
_BRISK = CaptureSettings(linger_ms=1, batch_rows=9, file_mib=1, file_seconds=1)


def _write(folder: Path, first: int, most: int | None) -> None:
    journal = Journal(folder, veil(), _BRISK).start()
    note = os.open(folder.with_name("acknowledged"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    offered = deque((n, journal.offer(exchange(n))) for n in range(first, first + min(_AHEAD, most or _AHEAD)))
    number = first + len(offered)
    while offered:
        at, fate = offered.popleft()
        if fate.result() is Fate.WRITTEN:
            os.write(note, f"e-{at}\n".encode())
        if most is None or number < first + most:
            offered.append((number, journal.offer(exchange(number))))
            number += 1
    journal.close()


def _child(folder: Path, first: int, most: int | None) -> int:
    child = os.fork()
    if child == 0:
        _write(folder, first, most)
        os._exit(0)
    return child


def main() -> None:
    veil().warm()
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        words = line.split()
        asked = [(Path(words[at]), int(words[at + 1]), float(words[at + 2])) for at in range(0, len(words), 3)]
        children = [_child(folder, first, None if patience else _LEFT) for folder, first, patience in asked]
        for child, (_, _, patience) in zip(children, asked, strict=True):
            if patience:
                time.sleep(patience)
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        print("gone", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
