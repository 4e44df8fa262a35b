"""Runs trials, each in a process of its own, and keeps one JSON file per world, so that a run can be cut and resumed.

A process per world gives its memory back and takes no other world with it when it dies; a world that
fails is named and the others go on. The processes are forked from one that has imported everything and
done nothing yet: importing takes as long as judging a small world.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from measure.trial import Outcome, Trial, code_digest, identity, undertake

__all__ = ["TRIALS", "Kept", "Named", "Work", "measured", "missing", "run_all"]


class Named(Protocol):
    """What is asked: its place in the folder of outcomes."""

    @property
    def experiment(self) -> str: ...
    @property
    def name(self) -> str: ...


class Kept(Protocol):
    """What it came to: where it belongs, which question it answers, and with which code."""

    @property
    def experiment(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def code(self) -> str: ...


T = TypeVar("T", bound=Named)
R = TypeVar("R", bound=Kept)


@dataclass(frozen=True)
class Work(Generic[T, R]):
    """How one kind of question is answered; functions of a module, so that a child process can be handed them.

    Attributes:
        outcome: what an answer is read back as.
        identity: digest of a question.
        undertake: from (question, folder for what it needs meanwhile, digest of the code) to its answer.
        code: digest of all code that decides an answer.
        told: an answer in a few words, for the line that says it is there.
    """

    outcome: type[R]
    identity: Callable[[T], str]
    undertake: Callable[[T, Path, str], R]
    code: Callable[[], str]
    told: Callable[[R], str]


def _scanned(outcome: Outcome) -> str:
    return f"{outcome.exchanges:,} exchanges, scanned in {outcome.scan_s:.0f} s"


TRIALS: Work[Trial, Outcome] = Work(Outcome, identity, undertake, code_digest, _scanned)


def run_all(
    trials: Sequence[T], folder: Path, work: Work[T, R], *, jobs: int, reuse: bool
) -> tuple[list[R], list[str]]:
    """Return the outcomes that there are, in the trials' order, and a line per world that failed.

    Args:
        trials: the worlds.
        folder: where outcomes are kept, as ``<experiment>/<name>.json``.
        work: how a world is measured.
        jobs: worlds at a time; 0 for one after the other in this process.
        reuse: True to accept an outcome of other code, which each outcome then says.
    """
    code = work.code()
    kept = {
        place: found
        for place, trial in enumerate(trials)
        if (found := _kept(trial, folder, work, None if reuse else code))
    }
    absent = [place for place in range(len(trials)) if place not in kept]
    failures: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max(1, jobs)) as pool, _told(len(trials), len(kept)) as tell:
        act = partial(_apart, work) if jobs else work.undertake
        futures = {pool.submit(act, trials[place], folder, code): place for place in absent}
        for future in as_completed(futures):
            place = futures[future]
            outcome = _settled(future, trials[place], failures)
            if outcome is not None:
                kept[place] = outcome
                _keep(outcome, folder)
            tell(trials[place], None if outcome is None else work.told(outcome))
    return [kept[place] for place in sorted(kept)], failures


def measured(trials: Sequence[T], folder: Path, work: Work[T, R], *, reuse: bool) -> list[R]:
    """Return the outcomes that there are already, in the trials' order; see :func:`run_all`."""
    code = None if reuse else work.code()
    return [found for trial in trials if (found := _kept(trial, folder, work, code))]


def missing(trials: Sequence[T], folder: Path, work: Work[T, R], *, reuse: bool) -> list[T]:
    """Return the trials that :func:`run_all` would still have to measure."""
    code = None if reuse else work.code()
    return [trial for trial in trials if not _kept(trial, folder, work, code)]


_IMPORTED = ["spiritsafe.pipeline.scan", "spiritsafe.simulation.evaluation", "numba.core.typing.cffi_utils"]
"""What a world's process finds imported; modules of the bench are none, for that process has no path to them yet."""


def _apart(work: Work[T, R], trial: T, folder: Path, code: str) -> R:
    context = get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(work.undertake, trial, folder, code).result()


def _settled(future: Future[R], trial: Named, failures: list[str]) -> R | None:
    error = future.exception()
    if error is None:
        return future.result()
    reason = str(error).partition("\n")[0]
    failures.append(f"{trial.experiment}/{trial.name}: {type(error).__name__}: {reason}")
    return None


def _path(experiment: str, name: str, folder: Path) -> Path:
    return folder / experiment / f"{name}.json"


def _kept(trial: T, folder: Path, work: Work[T, R], code: str | None) -> R | None:
    """Return the stored outcome if it answers the same question, and with this code unless any will do (None)."""
    path = _path(trial.experiment, trial.name, folder)
    if not path.exists():
        return None
    try:
        outcome = msgspec.json.decode(path.read_bytes(), type=work.outcome)
    except msgspec.ValidationError:  # of a bench that kept less or more
        return None
    return outcome if outcome.identity == work.identity(trial) and code in {None, outcome.code} else None


def _keep(outcome: Kept, folder: Path) -> None:
    path = _path(outcome.experiment, outcome.name, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".fresh")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(outcome), indent=1))
    fresh.replace(path)


@contextmanager
def _told(total: int, done: int) -> Iterator[Callable[[Named, str | None], None]]:
    """Yield what reports a finished world: a bar with the time left on a terminal, a line each otherwise."""
    if not sys.stderr.isatty():
        yield _line
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(file=sys.stderr)) as bars:
        bar = bars.add_task("worlds", total=total, completed=done)

        def tell(trial: Named, told: str | None) -> None:
            bars.update(bar, advance=1)
            if told is None:
                bars.console.print(f"{trial.experiment}/{trial.name} failed")

        yield tell


def _line(trial: Named, told: str | None) -> None:
    sys.stderr.write(f"{trial.experiment}/{trial.name}: {told or 'failed'}\n")
