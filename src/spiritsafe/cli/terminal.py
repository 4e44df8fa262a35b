"""Where a command's output goes: data to stdout, words and progress bars to stderr.

One object, so that no command decides this for itself and a reader that leaves early (``| head``) is
handled once.
"""

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from spiritsafe.cli.progress import Progress

__all__ = ["Terminal"]


class Terminal:
    """The two streams of a command."""

    def data(self, text: str) -> None:
        """Write data to stdout."""
        _unless_closed(lambda: sys.stdout.write(text))

    def json(self, value: object) -> None:
        """Write a value as indented JSON to stdout."""
        import msgspec

        from spiritsafe.casework.plain import plain_json

        self.data(plain_json(msgspec.json.format(msgspec.json.encode(value), indent=2).decode()) + "\n")

    def show(self, table: "RenderableType") -> None:
        """Draw a table on stdout, in colour on a terminal only."""
        from rich.console import Console

        _unless_closed(lambda: Console(file=sys.stdout).print(table))

    def say(self, words: str) -> None:
        """Write a line for people to stderr."""
        sys.stderr.write(f"{words}\n")

    def progress(self) -> "AbstractContextManager[Progress]":
        """Return bars on stderr, or silence if that is no terminal."""
        from spiritsafe.cli.progress import bars

        return bars(sys.stderr)

    def flush(self) -> None:
        """Hand everything to the reader."""
        _unless_closed(sys.stdout.flush)


def _unless_closed(write: Callable[[], object]) -> None:
    try:
        write()
    except BrokenPipeError:
        # The reader has seen enough. Nothing else may fail at exit when Python flushes once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
