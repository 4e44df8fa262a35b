"""Evaluates spiritsafe on about 120 designed worlds: what is found, what is missed and why, and beside what.

    python bench/evaluate.py [--only PART ...] [--limit N] [--jobs J] [--reuse] [--tables] [--write docs/evaluation.md]

A full run takes some CPU-hours, which are estimated before it starts. Every world leaves one file in DIR;
a run that was cut goes on where it was. With --write the page's generated parts and its pictures are replaced.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from measure.machine import circumstances
from measure.page import SECTIONS, write
from measure.parts import PARTS, Part
from measure.pictures import paint
from measure.results import Results
from measure.trial import Trial
from spiritsafe.simulation.worlds import Families


def main() -> int:
    """Measure what is missing of each part, then print or write the page's generated parts."""
    asked = _arguments()
    folder = asked.out / ("quick" if asked.quick else "worlds")
    plans = {part.name: part.planned(asked.families, asked.data, asked.limit, quick=asked.quick) for part in PARTS}
    failures: list[str] = []
    chosen = [part for part in PARTS if part.name in (asked.only or plans) and not asked.tables]
    _estimate({part: part.left(plans[part.name], folder, reuse=asked.reuse) for part in chosen}, plans)
    for part in chosen:
        jobs = 0 if asked.quick else asked.jobs
        failures += part.run(plans[part.name], folder, jobs=jobs, reuse=asked.reuse)[1]
    whole = {part.name: part.planned(asked.families, asked.data, None, quick=asked.quick) for part in PARTS}
    kept = {part.name: part.kept(whole[part.name], folder, reuse=asked.reuse) for part in PARTS}
    results = Results(
        circumstances("bench/evaluate.py"),
        planned={name: len(plan) for name, plan in whole.items()},
        current={part.work.code() for part in PARTS},
        failures=failures,
        **kept,
    )
    if asked.write:
        write(results, asked.write)
    else:
        for name, section in SECTIONS.items():
            sys.stdout.write("\n".join([f"## {name}", "", *section(results), "", ""]))
        paint(results, asked.out / "img")
    return 1 if failures else 0


def _estimate(left: Mapping[Part, int], plans: Mapping[str, Sequence[Trial]]) -> None:
    """Say what is to be measured and about what it takes, before anything is."""
    lines = [
        f"{part.name}: {count} of {len(plans[part.name])} to measure, about {_minutes(count * part.seconds)}"
        for part, count in left.items()
    ]
    total = sum(count * part.seconds for part, count in left.items())
    sys.stderr.write("\n".join([*lines, f"together about {_minutes(total)}", ""]) if lines else "")


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} CPU-minutes"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [part.name for part in PARTS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="PART", help=f"of {', '.join(names)}")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N worlds of each part; any N is balanced")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="worlds at a time (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path(".bench/evaluation"), metavar="DIR", help="%(default)s")
    parser.add_argument("--families", type=Families, default=Families.HOLDOUT, help="half of the texts (%(default)s)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="real prompts and rate curves to build from")
    parser.add_argument("--reuse", action="store_true", help="accept outcomes of other code; the page says so")
    parser.add_argument("--tables", action="store_true", help="measure nothing, write what was measured already")
    parser.add_argument("--write", type=Path, metavar="FILE", help="page whose generated parts are replaced")
    parser.add_argument("--quick", action="store_true", help="tiny worlds that only show that all of it runs")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
