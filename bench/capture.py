"""Measures capturing: CPU of veiling an exchange by batch size, bytes on the disk, exchanges a second that are durable.

    python bench/capture.py [--exchanges 20000] [--runs 3] [--folder DIR] [--json FILE]

Exchanges are those of a simulated world, prompts, system prompts and responses with them, on one core. CPU is of the
writing thread (veil) or of the whole process (journal: offering, waiting and file included). Durable means acknowledged
after fdatasync in DIR, which has to be on the disk that is asked about; a temporary file system syncs nothing.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time, sleep, thread_time
from typing import Any

import pyarrow as pa

from measure.machine import circumstances
from measure.tables import markdown
from spiritsafe.gateway.capture import Captured, Fate, Journal, Veil
from spiritsafe.model.epochs import Epochs
from spiritsafe.model.settings import CaptureSettings, PrivacySettings
from spiritsafe.privacy.keys import MasterKey, Purpose
from spiritsafe.privacy.pseudonyms import Pseudonymiser
from spiritsafe.simulation.worlds import WorldSpec, build

_BATCHES = (1, 10, 100, 256)
_VEILED = 2_000
"""Exchanges veiled per batch size; of single ones a tenth."""


def main() -> int:
    """Measure and print the tables; 1 if an exchange was not written."""
    asked = _arguments()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    exchanges = _exchanges(asked.exchanges)
    veil = _veil()
    veil.warm()
    runs = [_measured(veil, exchanges, asked.folder) for _ in range(asked.runs)]
    middle = {name: median(run[name] for run in runs) for name in runs[0]}
    sys.stdout.write("\n".join([*_report(middle, exchanges), ""]))
    if asked.json:
        asked.json.write_text(json.dumps(runs, indent=1), "utf-8")
    return 1 if any(run["lost"] for run in runs) else 0


def _measured(veil: Veil, exchanges: list[Captured], folder: Path | None) -> dict[str, float]:
    told = {f"veil {size}": _veiled(exchanges, size) for size in _BATCHES}
    told["offer"] = _offered(exchanges)
    with TemporaryDirectory(dir=folder) as scratch:
        told |= _written(veil, exchanges, Path(scratch))
    return told


def _veiled(exchanges: list[Captured], size: int) -> float:
    """Return microseconds of CPU per exchange."""
    some = exchanges[: max(size, _VEILED // 10 if size == 1 else _VEILED)]
    fresh = _veil()  # or the second run would remember the first one's addresses
    begun = thread_time()
    for at in range(0, len(some), size):
        fresh.lines(some[at : at + size])
    return (thread_time() - begun) / len(some) * 1e6


def _offered(exchanges: list[Captured]) -> float:
    """Return microseconds of CPU that the caller spends on an offer."""

    class Absent(Veil):
        def lines(self, batch: Any) -> list[bytes]:
            return [b"{}\n"] * len(batch)

    with TemporaryDirectory() as scratch:
        journal = Journal(Path(scratch), Absent(_pseudonyms(), b""), _room(len(exchanges), linger_ms=10_000)).start()
        begun = thread_time()
        for exchange in exchanges:
            journal.offer(exchange)
        spent = thread_time() - begun
        journal.close()
    return spent / len(exchanges) * 1e6


def _written(veil: Veil, exchanges: list[Captured], folder: Path) -> dict[str, float]:
    journal = Journal(folder, veil, _room(len(exchanges), linger_ms=0)).start()
    cpu, wall = process_time(), perf_counter()
    fates = [journal.offer(exchange) for exchange in exchanges]
    written = sum(fate.result() is Fate.WRITTEN for fate in fates)
    cpu, wall = process_time() - cpu, perf_counter() - wall
    journal.close()
    size = sum(path.stat().st_size for path in folder.iterdir())
    return {
        "durable a second": len(exchanges) / wall,
        "journal cpu": cpu / len(exchanges) * 1e6,
        "bytes": size / len(exchanges),
        "lost": len(exchanges) - written,
        "patience ms": _acknowledged(veil, exchanges[:100], folder / "single"),
    }


def _acknowledged(veil: Veil, exchanges: list[Captured], folder: Path) -> float:
    """Return milliseconds from an offer to its acknowledgement, one at a time and nobody to wait for."""
    journal = Journal(folder, veil, _room(10, linger_ms=0)).start()
    waits = []
    for exchange in exchanges:
        begun = perf_counter()
        journal.offer(exchange).result()
        waits.append(perf_counter() - begun)
        sleep(0.001)
    journal.close()
    return median(waits) * 1e3


def _room(rows: int, *, linger_ms: int) -> CaptureSettings:
    return CaptureSettings(linger_ms=linger_ms, queue_rows=max(rows, 1_000), queue_mib=4_096)


def _pseudonyms() -> Pseudonymiser:
    privacy = PrivacySettings()
    return Pseudonymiser(MasterKey(bytes(32)), Epochs(privacy.epoch_days, privacy.overlap_days))


def _veil() -> Veil:
    return Veil(_pseudonyms(), MasterKey(bytes(32)).subkey(Purpose.TEXT))


def _exchanges(count: int) -> list[Captured]:
    table = build(WorldSpec(accounts=500, days=2, exchanges_target=count, seed=3)).exchanges
    at = table.column_names.index("started_at")
    table = table.set_column(at, "started_at", table.column("started_at").cast(pa.int64()))
    known = [name for name in table.column_names if name in Captured.__struct_fields__]
    return [Captured(**row) for row in table.select(known).slice(0, count).to_pylist()]


def _report(told: dict[str, float], exchanges: list[Captured]) -> list[str]:
    texts = sum(len(text) for one in exchanges for text in (one.prompt, one.system_prompt, one.response) if text)
    lines: list[tuple[str, str, Callable[[float], str]]] = [
        *((f"veil {size}", f"veiling, {size} at a time, CPU us", "{:,.0f}".format) for size in _BATCHES),
        ("offer", "offering, CPU us of the caller", "{:,.1f}".format),
        ("journal cpu", "all of it, as fast as it goes, CPU us", "{:,.0f}".format),
        ("durable a second", "durable exchanges a second", "{:,.0f}".format),
        ("patience ms", "one alone, from offer to acknowledgement, ms", "{:,.1f}".format),
        ("bytes", "bytes on the disk", "{:,.0f}".format),
    ]
    rows = [[what, shown(told[name])] for name, what, shown in lines]
    return [
        f"{len(exchanges):,} exchanges of {texts / len(exchanges):,.0f} characters of text; "
        + circumstances("bench/capture.py").sentence(),
        "",
        *markdown(["an exchange", ""], rows),
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--exchanges", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; the temporary folder by default")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
