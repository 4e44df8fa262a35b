"""Measures a scan of a provider-sized log without text, beside the bare read of the same columns.

    python bench/scale_scan.py [--exchanges 20e6 ...] [--accounts 2e6] [--incremental] [--write docs/performance.md]

Logs are made once and kept in DIR, and so is what was measured. For every size two commands run as child processes:
DuckDB reading the same columns of the same files (no scan can be faster), and a scan into a fresh store. CPU-seconds
are those of all threads; peak memory is the largest resident set. ``--incremental`` scans all days but the last into a
store, then the last day, and compares with a day's share of the whole. With ``--write`` the page's table and picture
are replaced by all that was measured of logs of that many accounts.
"""

import argparse
import sys
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from time import process_time

import msgspec

from measure.child import Cost, cost_of
from measure.floor import floor_of
from measure.machine import circumstances
from scale.log import ScaleSpec, write_log
from scale.results import Grown, Measured, Stage, kept, tables, write

_FINE = {0, 4}


def main() -> int:
    """Measure and print; 1 if a scan failed."""
    asked = _arguments()
    if asked.watch:
        _watch(*asked.watch)
        return 0
    results = asked.work / "results"
    results.mkdir(parents=True, exist_ok=True)
    fine = True
    for exchanges in asked.exchanges:
        spec = ScaleSpec(int(exchanges), int(asked.accounts))
        with TemporaryDirectory(dir=asked.work, prefix="run-") as scratch:
            found = _measured(spec, _log(asked.work, spec), Path(scratch), incremental=asked.incremental)
        fine &= found.scan.status in _FINE
        (results / f"{spec.exchanges}-{spec.accounts}.json").write_bytes(msgspec.json.encode(found))
    found = kept(results, int(asked.accounts))
    sys.stdout.write("\n".join([*tables(found), ""]))
    if asked.write:
        write(found, asked.write)
    return 0 if fine else 1


def _measured(spec: ScaleSpec, log: Path, scratch: Path, *, incremental: bool) -> Measured:
    floor = cost_of(floor_of(log), scratch / "told")
    scan, stages = _scan([log], scratch, "store")
    return Measured(
        exchanges=spec.exchanges,
        accounts=spec.accounts,
        floor=floor,
        scan=scan,
        stages=stages,
        grown=_grown(log, scratch) if incremental else None,
        around=circumstances("bench/scale_scan.py"),
    )


def _grown(log: Path, scratch: Path) -> Grown:
    """Scan the last day into a store that holds the others."""
    days = sorted((log / "exchanges").iterdir())
    before, stages_before = _scan(days[:-1], scratch, "grown")
    day, stages_day = _scan(days[-1:], scratch, "grown")
    return Grown(days=len(days) - 1, before=before, before_stages=stages_before, day=day, day_stages=stages_day)


def _scan(logs: list[Path], scratch: Path, store: str) -> tuple[Cost, list[Stage]]:
    told = scratch / "told"
    cost = cost_of([sys.executable, __file__, "--watch", scratch / store, scratch, *logs], told)
    if cost.status not in _FINE:
        sys.stderr.write(told.read_text("utf-8"))
        return cost, []
    return cost, msgspec.json.decode((scratch / "stages.json").read_bytes(), type=list[Stage])


def _watch(store: Path, scratch: Path, *logs: Path) -> None:
    """Scan in this process and leave how much CPU each stage took, by the times of its reports."""
    from spiritsafe.model.settings import load_settings  # noqa: PLC0415 - only the watching child scans
    from spiritsafe.pipeline.scan import ScanRequest, scan  # noqa: PLC0415

    ends = {"starting": process_time()}
    request = ScanRequest(list(logs), out=scratch / "out", store=store)
    scan(request, load_settings(), lambda stage, *_: ends.update({stage: process_time()}))
    ends["writing findings and report"] = process_time()
    times = [0.0, *ends.values()]
    spent = [Stage(name, end - start) for name, start, end in zip(ends, times, times[1:], strict=False)]
    (scratch / "stages.json").write_bytes(msgspec.json.encode(spent))


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
    parser.add_argument("--exchanges", type=float, nargs="*", default=[20e6], help="sizes (%(default)s)")
    parser.add_argument("--accounts", type=float, default=2e6, help="accounts (%(default)s)")
    parser.add_argument("--work", type=Path, default=Path(".bench/scale"), help="where logs are kept (%(default)s)")
    parser.add_argument("--incremental", action="store_true", help="add the last day to a store of the others")
    parser.add_argument("--write", type=Path, metavar="FILE", help="page whose table and picture are replaced")
    parser.add_argument("--watch", nargs="+", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
