"""Trains the shipped classifier from the grammars in ``bench/elicitation`` and reports held-out figures.

    python bench/train_elicitation.py [--write] [--report FILE] [--data DIR]

Deterministic: seeded sampling, full-batch L-BFGS, weights rounded to int8. The real prompt sets are
only ever evaluated on, never trained on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from elicitation.fit import all_families, train
from elicitation.report import report
from spiritsafe.sketch.weights import WEIGHTS_FILE, save_weights


def main() -> None:
    """Train on every family, write the weights where asked to, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="replace the shipped weights")
    parser.add_argument("--report", type=Path, help="write the tables to this file as Markdown")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="real prompt sets, if any")
    arguments = parser.parse_args()
    model = train(all_families())
    if arguments.write:
        save_weights(model, WEIGHTS_FILE)
    if arguments.report:
        arguments.report.write_text(report(model, arguments.data), "utf-8")


if __name__ == "__main__":
    main()
