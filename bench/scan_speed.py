"""Measures a scan of 300,000 exchanges with prompts and 2,500 accounts: wall, CPU and memory.

    python bench/scan_speed.py [--cores 2] [--exchanges 300000] [--accounts 2500] [--work DIR] [--stages]

The world is made once and kept in DIR. Three commands are run as child processes: DuckDB reading the
same columns (no scan can be faster), a scan whose compiled kernels are not there yet, the same again.
"""

import argparse
import os
import sys
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from time import perf_counter

from measure.child import Cost, cost_of
from measure.floor import floor_of
from measure.machine import circumstances
from measure.tables import markdown
from measure.trial import code_digest
from spiritsafe.simulation.worlds import Families, WorldSpec, build, parse_campaign, write

_TARGET_S, _TARGET_GIB = 60.0, 3.0
_FINE = {0, 4}  # the exit codes of a scan that went well: nothing found, something found


def main() -> int:
    """Measure, print the table; 1 if a scan failed or a target was missed."""
    asked = _arguments()
    if asked.watch:
        _watch(*asked.watch)
        return 0
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.cores])
    world = _world(asked.work, asked.exchanges, asked.accounts)
    with TemporaryDirectory(dir=asked.work, prefix="run-") as scratch:
        costs = _measured(world, Path(scratch), stages=asked.stages)
    sys.stdout.write("\n".join([*_table(costs, asked.cores, asked.exchanges, asked.accounts), ""]))
    warm = costs["scan"]
    return 0 if warm.status in _FINE and warm.wall_s <= _TARGET_S and warm.peak_gib <= _TARGET_GIB else 1


def _measured(world: Path, scratch: Path, *, stages: bool) -> dict[str, Cost]:
    scan: list[str | Path] = [sys.executable, "-m", "spiritsafe", "scan", world, "--out", scratch / "out"]
    kernels = {"NUMBA_CACHE_DIR": str(scratch / "kernels")}
    told = scratch / "told"
    costs = {"floor: DuckDB reads the columns": cost_of(floor_of(world), told)}
    for name in ("first scan, kernels to compile", "scan"):
        costs[name] = cost_of(scan, told, kernels)
        if costs[name].status not in _FINE:
            sys.stderr.write(told.read_text("utf-8"))
    if stages:
        cost_of([sys.executable, __file__, "--watch", world, scratch / "out"], told, kernels)
        sys.stdout.write(told.read_text("utf-8") + "\n")
    return costs


def _watch(world: Path, out: Path) -> None:
    """Scan in this process and print how long each stage took, by the times of its reports."""
    from spiritsafe.model.settings import load_settings  # noqa: PLC0415 - only the watching child scans
    from spiritsafe.pipeline.scan import ScanRequest, scan  # noqa: PLC0415

    ends: dict[str, float] = {}
    begun = perf_counter()
    scan(ScanRequest([world], out=out), load_settings(), lambda stage, *_: ends.update({stage: perf_counter()}))
    ends["writing findings and report"] = perf_counter()
    marks = [begun, *ends.values()]
    lines = [(name, f"{end - start:.1f}") for name, start, end in zip(ends, marks, marks[1:], strict=False)]
    sys.stdout.write("\n".join([*markdown(("until the last report of", "seconds"), lines), ""]))


def _world(work: Path, exchanges: int, accounts: int) -> Path:
    """Return the folder of the world, made unless it lies there already."""
    folder = work / f"{exchanges}-{accounts}-{code_digest('simulation')}"
    if not (folder / "world.json").exists():
        rmtree(folder, ignore_errors=True)
        write(build(_spec(exchanges, accounts)), folder)
    return folder


def _spec(exchanges: int, accounts: int) -> WorldSpec:
    """Return a world whose two campaigns hold a tenth of its accounts and a fifth of its exchanges."""
    size, days, cover = accounts // 20, 10, 0.2
    rate = exchanges / 10 * (1 - cover) / (size * days)
    return WorldSpec(
        accounts=accounts - 2 * size,
        days=days,
        campaigns=tuple(parse_campaign(f"{name}:{size}:rate={rate:.1f},cover={cover}") for name in ("C1", "C3")),
        seed=1_900,
        families=Families.HOLDOUT,
        exchanges_target=exchanges * 4 // 5,
    )


def _table(costs: dict[str, Cost], cores: int, exchanges: int, accounts: int) -> list[str]:
    lines = [
        (name, f"{cost.wall_s:.1f}", f"{cost.cpu_s:.1f}", f"{cost.peak_gib:.2f}", str(cost.status))
        for name, cost in costs.items()
    ]
    about = (
        f"About {exchanges:,} exchanges with prompts, {accounts:,} accounts, on {cores} cores; target: "
        f"<= {_TARGET_S:.0f} s, <= {_TARGET_GIB:.0f} GiB."
    )
    return [
        about,
        circumstances("bench/scan_speed.py").sentence(),
        "",
        *markdown(("command", "wall, s", "CPU, s", "peak memory, GiB", "exit status"), lines),
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exchanges", type=int, default=300_000, help="size of the world (%(default)s)")
    parser.add_argument("--accounts", type=int, default=2_500, help="accounts in it (%(default)s)")
    parser.add_argument("--cores", type=int, default=2, help="cores that the commands may use (%(default)s)")
    parser.add_argument("--work", type=Path, default=Path(".bench/speed"), help="where the world is kept (%(default)s)")
    parser.add_argument("--stages", action="store_true", help="scan once more to see how long each stage takes")
    parser.add_argument("--watch", nargs=2, type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
