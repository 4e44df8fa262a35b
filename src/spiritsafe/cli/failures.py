"""Errors as a person and a script see them: what happened, what to do, an exit code.

An unexpected exception prints its type only: its message may hold a line of somebody's log, and a
traceback helps nobody who merely wants to scan.
"""

import traceback
from typing import TextIO

from spiritsafe.model.errors import ExitCode, SpiritsafeError

__all__ = ["INTERRUPTED", "report"]

INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""

_BUG = "this is a bug in spiritsafe; SPIRITSAFE_DEBUG=1 shows the traceback to report"


def report(error: BaseException, stream: TextIO, *, debug: bool = False) -> int:
    """Write ``error`` to ``stream`` and return the exit code that it stands for.

    Args:
        error: what ended the command.
        stream: for words, not data.
        debug: write the traceback as well.
    """
    if debug:
        traceback.print_exception(error, file=stream)
    match error:
        case SpiritsafeError():
            return _write(stream, error.message, error.hint, error.exit_code)
        case KeyboardInterrupt():
            return _write(stream, "interrupted", "What was committed to the store stays; run it again.", INTERRUPTED)
        case MemoryError():
            return _write(stream, "out of memory", "Lower ingest.batch_rows or engine.memory_gib.", ExitCode.FAILURE)
        case OSError() if error.strerror:
            where = f"{error.filename}: " if error.filename else ""
            return _write(
                stream, f"{where}{error.strerror}", "Check the path, who may write it and the free space.",
                ExitCode.FAILURE,
            )  # fmt: skip
        case _:
            return _write(stream, f"{type(error).__name__}: {_BUG}", "", ExitCode.FAILURE)


def _write(stream: TextIO, message: str, hint: str, code: int) -> int:
    from spiritsafe.casework.plain import plain

    for name, text in (("error", message), ("hint", hint)):
        for line in text.splitlines():
            stream.write(f"{name}: {plain(line)}\n")
    return int(code)
