"""Runs a command as a child process and says what it took.

The kernel's own account of one child (wait4), because this process's memory and the interpreter's
clock would count the bench along.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

__all__ = ["Cost", "cost_of"]


class Cost(NamedTuple):
    """What a command took.

    Attributes:
        status: exit status; negative for a signal.
        wall_s: seconds from start to end.
        cpu_s: seconds of all its threads, user and system.
        peak_gib: largest resident set.
    """

    status: int
    wall_s: float
    cpu_s: float
    peak_gib: float


def cost_of(words: Sequence[str | Path], told: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end; what it writes goes to the file ``told``.

    Args:
        words: the command.
        told: file for its output, replaced.
        environment: variables to set beside this process's own.
    """
    with told.open("wb") as stream:
        begun = perf_counter()
        child = subprocess.Popen(
            [str(word) for word in words], stdout=stream, stderr=stream, env=os.environ | dict(environment or {})
        )
        _, status, used = os.wait4(child.pid, 0)
        wall = perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)  # the child is gone: Popen must not look for it
    return Cost(child.returncode, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20)
