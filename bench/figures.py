"""Makes the README's figures: the same campaigns in a world from real traffic and in a parametric one.

    python bench/figures.py [--data DIR] [--seeds N] [--jobs J] [--out DIR] [--write README.md]

Without --data only the parametric half is made, which anyone can do. With --write the table replaces
what stands between the markers ``<!-- figures -->`` and ``<!-- /figures -->`` of that file.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from measure.machine import circumstances
from measure.markers import replaced
from measure.runs import TRIALS, run_all
from measure.tables import markdown, percent
from measure.trial import Outcome, Trial
from measure.verdicts import named
from spiritsafe.simulation.evaluation import upper_bound
from spiritsafe.simulation.worlds import Families, WorldSpec, parse_campaign

_MIXES = {
    "C1, 60 accounts": ("C1:60",),
    "C3, 100 accounts": ("C3:100:rate=20",),
    "C4, 150 accounts": ("C4:150:rate=15",),
    "C1, C3 and C4, 60 % cover": ("C1:60:cover=.6", "C3:60:cover=.6,rate=15", "C4:60:cover=.6,rate=15"),
    "C3, 60 accounts, nothing shared": ("C3:60:shared=nothing,rate=20",),
}
_FIRST_SEED = 8_000
_OPEN, _CLOSE = "<!-- figures -->", "<!-- /figures -->"


def main() -> int:
    """Run what is missing, print the table, write it into a file if asked to."""
    asked = _arguments()
    trials = [trial for data in (None, asked.data)[: 1 + bool(asked.data)] for trial in _trials(asked.seeds, data)]
    outcomes, failures = run_all(trials, asked.out / "worlds", TRIALS, jobs=asked.jobs, reuse=False)
    text = "\n".join([*_table(outcomes), "", circumstances("bench/figures.py").sentence()]) + "\n"
    sys.stdout.write(text)
    if failures:
        sys.stderr.write("\n".join(["Failed:", *failures, ""]))
        return 1
    if asked.write:
        page = asked.write.read_text("utf-8")
        asked.write.write_text(replaced(page, _OPEN, _CLOSE, text.rstrip("\n"), asked.write), "utf-8")
    return 0


def _trials(seeds: int, data: Path | None) -> Iterator[Trial]:
    world = "parametric" if data is None else "real"
    base = WorldSpec(accounts=1_000, families=Families.HOLDOUT, exchanges_target=80_000, data=data)
    for place, (mix, campaigns) in enumerate(_MIXES.items()):
        for number in range(seeds):
            spec = replace(
                base, seed=_FIRST_SEED + 100 * place + number, campaigns=tuple(map(parse_campaign, campaigns))
            )
            yield Trial("figures", f"{world}-{spec.seed}", spec, {"": {"mix": mix, "world": world}})


def _table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    header = ("campaigns", "world", "exchanges", "found", "members found", "account precision", "honest accounts named")
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for mix in _MIXES:
        for outcome in outcomes:
            if outcome.factors[""]["mix"] == mix:
                groups.setdefault((mix, outcome.factors[""]["world"]), []).append(outcome)
    yield from markdown(header, (_line(mix, world, ours) for (mix, world), ours in groups.items()))
    yield from ("", "'Named' is suspected or above; in brackets the upper 95 % bound of that rate.")


def _line(mix: str, world: str, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    scores = [score for outcome in outcomes for score in outcome.evaluation.campaigns]
    members = sum(score.members for score in scores)
    true, acted = (sum(counts) for counts in zip(*map(named, outcomes), strict=True))
    return (
        mix,
        world,
        f"{sum(outcome.exchanges for outcome in outcomes):,}",
        f"{sum(score.found for score in scores)} of {len(scores)}",
        f"{round(sum(score.recall * score.members for score in scores))} of {members}",
        percent(true, acted),
        _honest(outcomes),
    )


def _honest(outcomes: Sequence[Outcome]) -> str:
    """Return honest accounts named, out of how many, by cohort where there are any."""
    wrong: dict[str, int] = {}
    for outcome in outcomes:
        for score in outcome.evaluation.cohorts:
            wrong[score.cohort] = wrong.get(score.cohort, 0) + score.suspected
    size = sum(score.accounts for outcome in outcomes for score in outcome.evaluation.cohorts)
    events = sum(wrong.values())
    cohorts = ", ".join(f"{cohort} {count}" for cohort, count in sorted(wrong.items()) if count)
    told = f"{events} of {size:,} (<= {100 * upper_bound(events, size):.2f} %)"
    return f"{told}: {cohorts}" if cohorts else told


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="DIR", help="real prompts and rate curves")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="worlds per line (%(default)s)")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="worlds at a time (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path(".bench/figures"), metavar="DIR", help="%(default)s")
    parser.add_argument("--write", type=Path, metavar="FILE", help="file whose table is replaced")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
