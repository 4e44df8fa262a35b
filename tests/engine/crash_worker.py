"""Child processes of the crash test: ``ingest`` forks writers that run until killed, ``read`` scans.

The writers are forked from one warm parent, because importing the engine anew for every kill would
take most of the test's time.
"""

import os
import select
import sys
import time
from pathlib import Path

import pyarrow as pa

from spiritsafe.engine.fold import fold as merge
from spiritsafe.engine.store import Store
from spiritsafe.engine.tables import TABLES

ROWS = 50


def _say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _rows(number: int) -> dict[str, pa.Table]:
    exchanges = list(range(number * ROWS, (number + 1) * ROWS))
    traits = {"kind": "ip", "account": 1, "value": 7, "day": 3, "n": 1, "first_us": number, "last_us": number}
    return {
        "seen": pa.table({"exchange": exchanges, "hour": [number] * ROWS}),
        "traits": pa.Table.from_pylist([traits] * ROWS),
    }


def _ingest_forever(root: Path) -> None:
    with Store.open(root) as store:
        number = len(store.files())
        while True:
            with store.batch() as batch:
                for name, rows in _rows(number).items():
                    batch.write(name, rows)
                batch.record_file(f"digest-{number}", f"{number}", rows=ROWS, quarantined=0, bytes=1)
                batch.commit()
            number += 1
            if number % 4 == 0:
                store.compact()


def _fork_writers(root: Path) -> None:
    for name, rows in _rows(0).items():
        merge(rows.cast(TABLES[name].schema), TABLES[name])
    _say("ready")
    for _ in sys.stdin:
        pid = os.fork()
        if not pid:
            _ingest_forever(root)
        _say(pid)
        os.waitpid(pid, 0)
        _say("dead")


def _read_until_told(root: Path) -> None:
    scans = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        with Store.open(root, read_only=True) as store, store.snapshot() as snapshot:
            seen = snapshot.read("seen")["exchange"].to_pylist()
            counted = snapshot.read("traits")["n"].to_pylist()
        if seen != list(range(len(seen))) or sum(counted) != len(seen):
            sys.exit(f"torn: {len(seen)} exchanges, {counted} counted")
        scans += 1
        time.sleep(0.2)
    _say(scans)


if __name__ == "__main__":
    {"ingest": _fork_writers, "read": _read_until_told}[sys.argv[1]](Path(sys.argv[2]))
