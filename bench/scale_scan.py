"""Measures a scan of a provider-sized log without text, beside the bare read of the same columns.

    python bench/scale_scan.py [--exchanges 20e6 ...] [--accounts 2e6] [--work DIR] [--incremental]

Logs are made once and kept in DIR. For every size two commands run as child processes: DuckDB reading the same
columns of the same files (no scan can be faster), and a scan into a fresh store. CPU-seconds are those of all
threads; peak memory is the largest resident set. ``--incremental`` scans all days but the last into a store, then
the last day, and compares with a day's share of the whole.
"""

import argparse
import json
import sys
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from time import process_time

from measure.child import Cost, cost_of
from measure.floor import floor_of
from measure.machine import circumstances
from measure.tables import markdown
from scale.log import ScaleSpec, write_log

_FINE = {0, 4}
_TARGET, _TARGET_GIB = 10.0, 6.0


def main() -> int:
    """Measure and print; 1 if a command failed or a target was missed."""
    asked = _arguments()
    if asked.watch:
        _watch(*asked.watch)
        return 0
    rows, met = [], True
    for exchanges in asked.exchanges:
        log = _log(asked.work, ScaleSpec(int(exchanges), int(asked.accounts)))
        with TemporaryDirectory(dir=asked.work, prefix="run-") as scratch:
            floor, scan, stages = _measured(log, Path(scratch))
            rows.append(_row(int(exchanges), floor, scan))
            sys.stdout.write("\n".join([f"{int(exchanges):,} exchanges", "", *_stages(stages), "", ""]))
            if asked.incremental:
                sys.stdout.write("\n".join([*_incremental(log, Path(scratch)), "", ""]))
        met &= scan.cpu_s <= _TARGET * floor.cpu_s and scan.peak_gib <= _TARGET_GIB and scan.status in _FINE
    sys.stdout.write("\n".join([*_table(rows), "", circumstances("bench/scale_scan.py").sentence(), ""]))
    return 0 if met else 1


def _measured(log: Path, scratch: Path) -> tuple[Cost, Cost, list[tuple[str, float]]]:
    told = scratch / "told"
    floor = cost_of(floor_of(log), told)
    scan = _scan([log], scratch, "store")
    return floor, scan, json.loads((scratch / "stages.json").read_text("utf-8"))


def _scan(logs: list[Path], scratch: Path, store: str) -> Cost:
    told = scratch / "told"
    cost = cost_of([sys.executable, __file__, "--watch", scratch / store, scratch, *logs], told)
    if cost.status not in _FINE:
        sys.stderr.write(told.read_text("utf-8"))
    return cost


def _incremental(log: Path, scratch: Path) -> list[str]:
    """Scan the last day into a store that holds the others, beside a day's share of scanning them all."""
    days = sorted((log / "exchanges").iterdir())
    before = _scan(days[:-1], scratch, "grown")
    ingest_before = _of(scratch, "reading exchanges")
    day = _scan(days[-1:], scratch, "grown")
    ingest_day = _of(scratch, "reading exchanges")
    share, ingest_share = before.cpu_s / (len(days) - 1), ingest_before / (len(days) - 1)
    lines = [
        ("reading exchanges", f"{ingest_share:.1f}", f"{ingest_day:.1f}", f"{ingest_day / ingest_share:.2f}"),
        ("the whole scan", f"{share:.1f}", f"{day.cpu_s:.1f}", f"{day.cpu_s / share:.2f}"),
    ]
    return markdown(("a day added", "a day's share of the first scan, CPU s", "CPU s", "ratio"), lines)


def _of(scratch: Path, stage: str) -> float:
    told = dict(json.loads((scratch / "stages.json").read_text("utf-8")))
    return float(told.get(stage, 0.0))


def _watch(store: Path, scratch: Path, *logs: Path) -> None:
    """Scan in this process and leave how much CPU each stage took, by the times of its reports."""
    from spiritsafe.model.settings import load_settings  # noqa: PLC0415 - only the watching child scans
    from spiritsafe.pipeline.scan import ScanRequest, scan  # noqa: PLC0415

    ends = {"starting": process_time()}
    request = ScanRequest(list(logs), out=scratch / "out", store=store)
    scan(request, load_settings(), lambda stage, *_: ends.update({stage: process_time()}))
    ends["writing findings and report"] = process_time()
    times = [0.0, *ends.values()]
    spent = [(name, end - start) for name, start, end in zip(ends, times, times[1:], strict=False)]
    (scratch / "stages.json").write_text(json.dumps(spent), "utf-8")


def _stages(stages: list[tuple[str, float]]) -> list[str]:
    return markdown(("until the last report of", "CPU s"), [(name, f"{spent:.1f}") for name, spent in stages])


def _row(exchanges: int, floor: Cost, scan: Cost) -> tuple[str, ...]:
    return (
        f"{exchanges:,}",
        f"{floor.cpu_s:.1f}",
        f"{scan.cpu_s:.1f}",
        f"{scan.cpu_s / floor.cpu_s:.1f}",
        f"{scan.cpu_s / exchanges * 1e6:.2f}",
        f"{floor.peak_gib:.2f}",
        f"{scan.peak_gib:.2f}",
        f"{scan.wall_s:.0f}",
    )


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    names = (
        "exchanges",
        "floor, CPU s",
        "scan, CPU s",
        "ratio",
        "us an exchange",
        "floor, GiB",
        "scan, GiB",
        "wall, s",
    )
    return markdown(names, rows)


def _log(work: Path, spec: ScaleSpec) -> Path:
    """Return the folder of the log, made unless it lies there already."""
    folder = work / f"{spec.exchanges}-{spec.accounts}-{spec.seed}"
    if not (folder / "made").exists():
        rmtree(folder, ignore_errors=True)
        for path in write_log(spec, folder):
            sys.stderr.write(f"\rwriting {path.name} ")
        sys.stderr.write("\n")
        (folder / "made").touch()
    return folder


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exchanges", type=float, nargs="+", default=[20e6], help="sizes (%(default)s)")
    parser.add_argument("--accounts", type=float, default=2e6, help="accounts (%(default)s)")
    parser.add_argument("--work", type=Path, default=Path(".bench/scale"), help="where logs are kept (%(default)s)")
    parser.add_argument("--incremental", action="store_true", help="add the last day to a store of the others")
    parser.add_argument("--watch", nargs="+", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
