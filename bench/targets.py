"""Measures the targets on worlds whose seeds and texts were not used for tuning.

    python bench/targets.py [--only NAME ...] [--seeds N] [--jobs J] [--out DIR] [--quick]

A full run takes hours; what was already measured with the same code is kept in DIR and not measured
again. Without --quick, seeds and texts are those that tuning never saw.
"""

import argparse
import sys
from pathlib import Path

import msgspec

from measure.experiments import EXPERIMENTS, miniature
from measure.machine import circumstances
from measure.runs import TRIALS, measured, run_all
from measure.tables import document
from measure.verdicts import verdicts
from spiritsafe.simulation.worlds import Families

_FEW = {"framed": 2}  # with and without shells
_NO_FIGURES = ("**Tiny worlds: this shows that everything runs. The figures below say nothing.**", "")


def main() -> int:
    """Run what is missing, print the tables and write them to ``targets.md`` and ``targets.json``."""
    asked = _arguments()
    planned = {
        name: EXPERIMENTS[name].trials(1 if asked.quick else asked.seeds, asked.families, asked.data)
        for name in asked.only or EXPERIMENTS
    }
    if asked.quick:
        planned = {
            name: [miniature(trial) for trial in trials[: _FEW.get(name, 1)]] for name, trials in planned.items()
        }
    trials = [trial for each in planned.values() for trial in each]
    folder = asked.out / ("quick" if asked.quick else "worlds")
    if asked.tables:
        outcomes, failures = measured(trials, folder, TRIALS, reuse=asked.reuse), []
    else:
        outcomes, failures = run_all(trials, folder, TRIALS, jobs=0 if asked.quick else asked.jobs, reuse=asked.reuse)
    around = circumstances("bench/targets.py")
    rows = verdicts(outcomes)
    text = "\n".join([*(_NO_FIGURES if asked.quick else ()), *document(rows, outcomes, failures, around)]) + "\n"
    told = {"circumstances": around, "rows": rows, "failures": failures}
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "targets.md").write_text(text, "utf-8")
    (asked.out / "targets.json").write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=2))
    sys.stdout.write(text)
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=EXPERIMENTS, metavar="NAME", help=f"of {', '.join(EXPERIMENTS)}")
    parser.add_argument("--seeds", type=int, metavar="N", help="repetitions, for each experiment its own by default")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="worlds at a time (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path(".bench/targets"), metavar="DIR", help="%(default)s")
    parser.add_argument("--families", type=Families, default=Families.HOLDOUT, help="half of the texts (%(default)s)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="real prompts and rate curves to build from")
    parser.add_argument("--reuse", action="store_true", help="accept outcomes of other code; the report says so")
    parser.add_argument("--tables", action="store_true", help="measure nothing, print what was measured already")
    parser.add_argument("--quick", action="store_true", help="tiny worlds that only show that all of it runs")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
