"""The parts of the evaluation: which trials each has, how one is measured, and about what it costs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from measure.beside import BESIDE
from measure.design import DESIGNED
from measure.evasions import EVADING
from measure.examine import EXAMINATIONS
from measure.experiments import Experiment, miniature
from measure.leaks import LEAKS
from measure.runs import Work, measured, missing, run_all
from measure.sensitivity import SENSITIVE, SENSITIVITY
from measure.trial import Trial
from spiritsafe.simulation.worlds import Families

__all__ = ["PARTS", "Part"]


@dataclass(frozen=True)
class Part:
    """One part.

    Attributes:
        name: as on the command line.
        trials: from (half of the texts, data folder) to its trials, balanced order first.
        work: how one is measured.
        seconds: CPU-seconds that one trial takes, about.
        quick: how many trials a quick run makes.
        small: makes a trial one that takes a few seconds.
    """

    name: str
    trials: Callable[[Families, Path | None], list[Trial]]
    work: Work[Trial, Any]
    seconds: float
    quick: int = 1
    small: Callable[[Trial], Trial] = miniature

    def planned(self, families: Families, data: Path | None, limit: int | None, *, quick: bool) -> list[Trial]:
        """Return the trials that are asked for."""
        trials = self.trials(families, data)
        return [self.small(trial) for trial in trials[: self.quick]] if quick else trials[:limit]

    def left(self, plan: Sequence[Trial], folder: Path, *, reuse: bool) -> int:
        """Return how many trials are to be measured yet."""
        return len(missing(plan, folder, self.work, reuse=reuse))

    def run(self, plan: Sequence[Trial], folder: Path, *, jobs: int, reuse: bool) -> tuple[list[Any], list[str]]:
        """Measure what is missing."""
        return run_all(plan, folder, self.work, jobs=jobs, reuse=reuse)

    def kept(self, plan: Sequence[Trial], folder: Path, *, reuse: bool) -> list[Any]:
        """Return what was measured already."""
        return measured(plan, folder, self.work, reuse=reuse)


def _of(experiment: Experiment) -> Callable[[Families, Path | None], list[Trial]]:
    return lambda families, data: experiment.trials(None, families, data)


def _first(experiment: Experiment, count: int, name: str) -> Callable[[Families, Path | None], list[Trial]]:
    """Return the first worlds of an experiment, which are balanced, under another name."""

    def trials(families: Families, data: Path | None) -> list[Trial]:
        return [replace(trial, experiment=name) for trial in experiment.trials(count, families, data)]

    return trials


def _hourly(families: Families, data: Path | None) -> list[Trial]:
    """Return the first worlds of the design, to be logged in files of an hour."""
    trials = _first(DESIGNED["factorial"], 6, "leaks")(families, data)
    return [replace(trial, factors={**trial.factors, "": {"file hours": "1"}}) for trial in trials]


def _one_day(trial: Trial) -> Trial:
    """Return a tiny world of a day, logged in files of half a day."""
    small = miniature(trial)
    factors = {**small.factors, "": {"file hours": "12"}}
    return replace(small, spec=replace(small.spec, days=1), factors=factors)


def _two_turns(trial: Trial) -> Trial:
    """Return a tiny world that is judged twice more."""
    small = miniature(trial)
    return replace(small, factors={"": {**small.factors[""], "last": "2"}})


PARTS: tuple[Part, ...] = (
    Part("factorial", _of(DESIGNED["factorial"]), EXAMINATIONS, 40),
    Part("large", _of(DESIGNED["large"]), EXAMINATIONS, 240),
    Part("evasions", _of(EVADING["evasions"]), EXAMINATIONS, 30),
    Part("peers", _first(DESIGNED["factorial"], 40, "peers"), BESIDE, 30),
    Part("leaks", _hourly, LEAKS, 300, small=_one_day),
    Part("sensitivity", _of(SENSITIVE), SENSITIVITY, 110, small=_two_turns),
)
