"""Runs trials, each in a process of its own, and keeps one JSON file per world, so that a run can be cut and resumed.

A process per world gives its memory back and takes no other world with it when it dies; a world that
fails is named and the others go on.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from measure.trial import Outcome, Trial, code_digest, identity, undertake

__all__ = ["measured", "run_all"]


def run_all(trials: Sequence[Trial], folder: Path, *, jobs: int, reuse: bool) -> tuple[list[Outcome], list[str]]:
    """Return the outcomes that there are, in the trials' order, and a line per world that failed.

    Args:
        trials: the worlds.
        folder: where outcomes are kept, as ``<experiment>/<name>.json``.
        jobs: worlds at a time; 0 for one after the other in this process.
        reuse: True to accept an outcome of other code, which each outcome then says.
    """
    code = code_digest()
    kept = {place: found for place, trial in enumerate(trials) if (found := _kept(trial, folder, code, reuse=reuse))}
    missing = [place for place in range(len(trials)) if place not in kept]
    failures: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max(1, jobs)) as pool, _told(len(trials), len(kept)) as tell:
        work = _apart if jobs else undertake
        futures = {pool.submit(work, trials[place], folder, code): place for place in missing}
        for future in as_completed(futures):
            place = futures[future]
            outcome = _settled(future, trials[place], failures)
            if outcome is not None:
                kept[place] = outcome
                _keep(outcome, folder)
            tell(trials[place], outcome)
    return [kept[place] for place in sorted(kept)], failures


def measured(trials: Sequence[Trial], folder: Path, *, reuse: bool) -> list[Outcome]:
    """Return the outcomes that there are already, in the trials' order; see :func:`run_all`."""
    code = code_digest()
    return [found for trial in trials if (found := _kept(trial, folder, code, reuse=reuse))]


def _apart(trial: Trial, folder: Path, code: str) -> Outcome:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(undertake, trial, folder, code).result()


def _settled(future: Future[Outcome], trial: Trial, failures: list[str]) -> Outcome | None:
    error = future.exception()
    if error is None:
        return future.result()
    reason = str(error).partition("\n")[0]
    failures.append(f"{trial.experiment}/{trial.name}: {type(error).__name__}: {reason}")
    return None


def _path(experiment: str, name: str, folder: Path) -> Path:
    return folder / experiment / f"{name}.json"


def _kept(trial: Trial, folder: Path, code: str, *, reuse: bool) -> Outcome | None:
    """Return the stored outcome if it answers the same question and, unless any will do, with the same code."""
    path = _path(trial.experiment, trial.name, folder)
    if not path.exists():
        return None
    outcome = msgspec.json.decode(path.read_bytes(), type=Outcome)
    return outcome if outcome.identity == identity(trial) and (reuse or outcome.code == code) else None


def _keep(outcome: Outcome, folder: Path) -> None:
    path = _path(outcome.experiment, outcome.name, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".fresh")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(outcome), indent=1))
    fresh.replace(path)


@contextmanager
def _told(total: int, done: int) -> Iterator[Callable[[Trial, Outcome | None], None]]:
    """Yield what reports a finished world: a bar with the time left on a terminal, a line each otherwise."""
    if not sys.stderr.isatty():
        yield _line
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(file=sys.stderr)) as bars:
        bar = bars.add_task("worlds", total=total, completed=done)

        def tell(trial: Trial, outcome: Outcome | None) -> None:
            bars.update(bar, advance=1)
            if outcome is None:
                bars.console.print(f"{trial.experiment}/{trial.name} failed")

        yield tell


def _line(trial: Trial, outcome: Outcome | None) -> None:
    told = "failed" if outcome is None else f"{outcome.exchanges:,} exchanges, scanned in {outcome.scan_s:.0f} s"
    sys.stderr.write(f"{trial.experiment}/{trial.name}: {told}\n")
