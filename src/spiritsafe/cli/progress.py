"""Progress bars with rate and time left, one per stage, on a terminal only.

Stages report (name, done, total) and know nothing of bars; a stage's bar appears with its first report.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    ProgressColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

__all__ = ["Progress", "bars", "rate"]

Progress = Callable[[str, int, int], None]

BYTE_STAGES = frozenset({"reading exchanges"})
"""Stages that count bytes; the others count things."""


@contextmanager
def bars(stream: TextIO) -> Iterator[Progress]:
    """Yield a function that draws progress on ``stream``; it draws nothing if that is no terminal."""
    if not stream.isatty():
        yield lambda *_: None
        return
    tasks: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description:18}"), BarColumn(), TaskProgressColumn(), _Rate(), TimeRemainingColumn())
    with Bars(*columns, console=Console(file=stream), transient=True) as drawn:

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = drawn.add_task(stage, total=total)
            drawn.update(tasks[stage], completed=done, total=total)

        yield progress


def rate(stage: str, per_second: float | None) -> str:
    """Return a stage's speed in its unit.

    >>> rate("reading exchanges", 3_400_000), rate("testing groups", 12.3), rate("testing groups", None)
    ('3.4 MB/s', '12/s', '')
    """
    if per_second is None:
        return ""
    return f"{per_second / 1e6:.1f} MB/s" if stage in BYTE_STAGES else f"{per_second:.0f}/s"


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(rate(task.description, task.finished_speed or task.speed))
